"""Draws what was measured over time as one SVG: panels above each other, lines in them, marks for what happened."""
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 960, 78, 16, 112, 34, 74
COLOURS = ["#1f5fa8", "#c2571a", "#2a8a4a", "#8a3fa0"]


def nice_top(value):
    """The next of 1, 2, 5, 10, 20 ... that is no smaller."""
    step = 1.0
    while step < value:
        for factor in (2, 5, 10):
            if step * factor >= value:
                return step * factor
        step *= 10
    while step / 10 >= value > 0:
        step /= 10
    return step


def text(x, y, words, anchor="start", size=11, colour="#444"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(words)}</text>'


def draw(title, subtitle, seconds, panels, marks, kinds):
    """`panels`: (name, unit, [(label, [(second, value)])]); `marks`: (second, kind); `kinds`: kind to colour. Time is written in minutes."""
    height = TOP + len(panels) * (PANEL + GAP) + 30
    inner = WIDTH - LEFT - RIGHT

    def x(second):
        return LEFT + inner * second / max(1, seconds)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', text(LEFT, 22, title, size=15, colour="#111"), text(LEFT, 40, subtitle)]
    at = LEFT
    for kind, colour in kinds.items():
        count = sum(1 for _, name in marks if name == kind)
        out.append(f'<rect x="{at}" y="50" width="9" height="9" fill="{colour}"/>' + text(at + 13, 58.5, f"{kind} ({count})"))
        at += 40 + 6.6 * len(f"{kind} ({count})")
    for number, (name, unit, lines) in enumerate(panels):
        top = TOP + number * (PANEL + GAP) + 16
        highest = nice_top(max((value for _, points in lines for _, value in points), default=1) or 1)
        out.append(text(LEFT, top - 5, f"{name}, {unit}" if unit else name, size=12, colour="#111"))
        for second, kind in marks:
            out.append(f'<path d="M{x(second):.1f} {top}v{PANEL}" stroke="{kinds[kind]}" stroke-width="1" opacity=".45"/>')
        for part in (0, 0.5, 1):
            y = top + PANEL * (1 - part)
            out.append(f'<path d="M{LEFT} {y:.1f}h{inner}" stroke="#ccc" stroke-width=".6"/>' + text(LEFT - 6, y + 4, f"{highest * part:,.3g}" if highest < 1000 else f"{highest * part:,.0f}", "end"))
        for index, (label, points) in enumerate(lines):
            colour = COLOURS[index % len(COLOURS)]
            path = " ".join(f"{x(second):.1f},{top + PANEL * (1 - min(1, value / highest)):.1f}" for second, value in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
            out.append(text(WIDTH - RIGHT - 90 * (len(lines) - index - 1), top - 5, label, "end", colour=colour))
        if number == len(panels) - 1:
            every = next(step for step in (1, 2, 5, 10, 20, 60) if seconds / 60 / step <= 14)
            for minute in range(0, int(seconds // 60) + 1, every):
                out.append(text(x(minute * 60), top + PANEL + 15, f"{minute}", "middle"))
            out.append(text(LEFT + inner / 2, top + PANEL + 30, "minutes", "middle"))
    return "\n".join(out + ["</svg>"]) + "\n"

"""Draws what was measured as one SVG: panels above each other, lines in them. Over time with marks for what happened, or over the size of a store."""
import math
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


def opening(title, subtitle, count):
    height = TOP + count * (PANEL + GAP) + 30
    return [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>', text(LEFT, 22, title, size=15, colour="#111"), text(LEFT, 40, subtitle)]


def panel(number, name, unit, lines, x, highest):
    """One panel with its scale, its lines and their labels; `x` gives the place of a point."""
    top = TOP + number * (PANEL + GAP) + 16
    out = [text(LEFT, top - 5, f"{name}, {unit}" if unit else name, size=12, colour="#111")]
    for part in (0, 0.5, 1):
        y = top + PANEL * (1 - part)
        out.append(f'<path d="M{LEFT} {y:.1f}h{WIDTH - LEFT - RIGHT}" stroke="#ccc" stroke-width=".6"/>'
                   + text(LEFT - 6, y + 4, f"{highest * part:,.3g}" if highest < 1000 else f"{highest * part:,.0f}", "end"))
    for index, (label, points) in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{x(at):.1f},{top + PANEL * (1 - min(1, value / highest)):.1f}" for at, value in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
        out.append(text(WIDTH - RIGHT - 90 * (len(lines) - index - 1), top - 5, label, "end", colour=colour))
    return out


def draw(title, subtitle, seconds, panels, marks, kinds):
    """`panels`: (name, unit, [(label, [(second, value)])]); `marks`: (second, kind); `kinds`: kind to colour. Time is written in minutes."""
    inner, out, at = WIDTH - LEFT - RIGHT, opening(title, subtitle, len(panels)), LEFT

    def x(second):
        return LEFT + inner * second / max(1, seconds)

    for kind, colour in kinds.items():
        count = sum(1 for _, name in marks if name == kind)
        out.append(f'<rect x="{at}" y="50" width="9" height="9" fill="{colour}"/>' + text(at + 13, 58.5, f"{kind} ({count})"))
        at += 40 + 6.6 * len(f"{kind} ({count})")
    for number, (name, unit, lines) in enumerate(panels):
        top = TOP + number * (PANEL + GAP) + 16
        for second, kind in marks:
            out.append(f'<path d="M{x(second):.1f} {top}v{PANEL}" stroke="{kinds[kind]}" stroke-width="1" opacity=".45"/>')
        out += panel(number, name, unit, lines, x, nice_top(max((value for _, points in lines for _, value in points), default=1) or 1))
        if number == len(panels) - 1:
            every = next(step for step in (1, 2, 5, 10, 20, 60) if seconds / 60 / step <= 14)
            for minute in range(0, int(seconds // 60) + 1, every):
                out.append(text(x(minute * 60), top + PANEL + 15, f"{minute}", "middle"))
            out.append(text(LEFT + inner / 2, top + PANEL + 30, "minutes", "middle"))
    return "\n".join(out + ["</svg>"]) + "\n"


def draw_growth(title, subtitle, what, panels, bound):
    """`panels`: (name, unit, base, [(label, [(size, value)])]), each size ten times the one before or so. A dashed line stands at `bound` times what the first line has at `base`."""
    sizes = sorted({size for _, _, _, lines in panels for _, points in lines for size, _ in points})
    inner, out = WIDTH - LEFT - RIGHT - 60, opening(title, subtitle, len(panels))

    def x(size):
        return LEFT + 30 + inner * (math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0]) if len(sizes) > 1 else 0.5)

    for number, (name, unit, base, lines) in enumerate(panels):
        limit = next((value * bound for size, value in lines[0][1] if size == base), 0)
        highest, top = nice_top(max([limit, *(value for _, points in lines for _, value in points)])), TOP + number * (PANEL + GAP) + 16
        out += panel(number, name, unit, lines, x, highest)
        if limit:
            out.append(f'<path d="M{LEFT} {top + PANEL * (1 - limit / highest):.1f}h{WIDTH - LEFT - RIGHT}" stroke="{COLOURS[0]}" stroke-width=".8" stroke-dasharray="5 4"/>')
        for index, (_, points) in enumerate(lines):
            for size, value in points:
                out.append(f'<circle cx="{x(size):.1f}" cy="{top + PANEL * (1 - value / highest):.1f}" r="2.4" fill="{COLOURS[index % len(COLOURS)]}"/>')
        if number == len(panels) - 1:
            out += [text(x(size), top + PANEL + 15, f"{size:,}", "middle") for size in sizes]
            out.append(text(LEFT + 30 + inner / 2, top + PANEL + 30, what, "middle"))
    return "\n".join(out + ["</svg>"]) + "\n"

"""Tables and ranges as they stand in docs/performance.md."""
import statistics


def table(headings, rows):
    """Markdown; cells are text or numbers that are already as they shall be read."""
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def spread(values, digits=0):
    """The median, with the lowest and the highest round in brackets."""
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}..{max(values):,.{digits}f}]"


def shown(value, digits=3):
    """A number with as many digits as matter."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"

"""What was measured, as an SVG picture: how long the numbers take with the most log entries that most engines had.

It is read on a light and on a dark page: the background is transparent, and every colour is of middle lightness. A
media query would not do: it follows the browser, and a page may have a theme of its own.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from dev.bench.report import Measured, Shape
from dev.bench.timing import Timing, number

_WIDTH = 800
_LEFT, _RIGHT = 120, 90  # of the bars: the engines' names, and the text after the longest
_TOP, _BAR, _GAP = 76, 22, 22
_COLOURS = {"OpenL2M's own statements": "#8b949e", "a fresh answer": "#3b82d6", "… with the indexes": "#2f9e77"}
_STYLE = """text { font: 16px system-ui, sans-serif; fill: #768089 }
.title { font-size: 19px; font-weight: bold }
.engine { font-weight: bold }"""


def svg(found: Sequence[Measured]) -> str:
    """Return the picture."""
    sizes = [one.entries for one in found]
    entries = max(sizes, key=lambda size: (sizes.count(size), size))
    engines = [one for one in found if one.entries == entries]
    longest = max(one.openl2m.median for one in engines)
    parts = [f'<text class="title" x="8" y="26">How long the statistics take over {entries:,} log entries</text>']
    parts += _legend()
    top = _TOP
    for one in engines:
        bars: list[tuple[Timing, Shape | None]] = [(one.openl2m, None)]
        bars += [(shape.timings["fresh"], shape) for shape in (one.stock, one.indexed) if shape]
        parts.append('<g class="bars">')
        parts.append(f'<text class="engine" x="8" y="{top + _BAR - 5}">{escape(one.engine.split()[0])}</text>')
        for (timing, shape), colour in zip(bars, _COLOURS.values(), strict=False):
            width = max(timing.median / longest * (_WIDTH - _LEFT - _RIGHT), 2)
            text = _time(timing.median)
            if shape:
                text += f", {number(shape.faster.median)} times faster"
            parts.append(f'<rect fill="{colour}" x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR - 3}"/>')
            parts.append(f'<text x="{_LEFT + width + 8:.1f}" y="{top + _BAR - 6}">{text}</text>')
            top += _BAR
        parts.append("</g>")
        top += _GAP
    cached = max(one.stock.timings["cached"].median for one in engines)
    parts.append(f'<text x="8" y="{top + 6}">Most answers come from memory and take {number(cached)} ms.</text>')
    height = top + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">\n'
        f"<title>OpenL2M's statements and the function's answers over {entries:,} log entries</title>\n"
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _legend() -> list[str]:
    parts = []
    for (name, colour), at in zip(_COLOURS.items(), (8, 275, 445), strict=True):
        parts.append(f'<rect fill="{colour}" x="{at}" y="43" width="14" height="14"/>')
        parts.append(f'<text x="{at + 22}" y="56">{escape(name)}</text>')
    return parts


def _time(milliseconds: float) -> str:
    return f"{number(milliseconds / 1000)} s" if milliseconds >= 1000 else f"{number(milliseconds)} ms"

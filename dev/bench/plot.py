"""The results as an SVG picture: how long the statistics take over the largest log that most engines had.

A page may be light or dark, so the background is transparent and every colour of medium lightness. A media query
would follow the browser, and the page may have a theme of its own.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from dev.bench.report import LINES, Measured
from dev.bench.timing import number

_WIDTH = 800
_LEFT, _RIGHT = 120, 90  # of the bars: the engines' names, and the text after the longest
_TOP, _BAR, _GAP = 76, 22, 22
_COLOURS = dict(zip(LINES, ("#8b949e", "#3b82d6", "#2f9e77"), strict=False))
_STYLE = """text { font: 16px system-ui, sans-serif; fill: #768089 }
.title { font-size: 19px; font-weight: bold }
.engine { font-weight: bold }"""


def svg(found: Sequence[Measured]) -> str:
    """Return the picture."""
    sizes = [one.entries for one in found]
    entries = max(sizes, key=lambda size: (sizes.count(size), size))
    engines = [one for one in found if one.entries == entries]
    longest = max(one.times["openl2m"].median for one in engines)
    parts = [_text(8, 26, f"How long the statistics take over {entries:,} log entries", "title")]
    for (name, colour), at in zip(_COLOURS.items(), (8, 275, 445), strict=True):
        parts += [_bar(colour, at, 43, 14, 14), _text(at + 22, 56, name)]
    top = _TOP
    for one in engines:
        parts += ['<g class="bars">', _text(8, top + _BAR - 5, one.key[0], "engine")]
        for line, colour in _COLOURS.items():
            if timing := one.times.get(LINES[line]):
                width = max(timing.median / longest * (_WIDTH - _LEFT - _RIGHT), 2)
                seconds = timing.median >= 1000
                text = f"{number(timing.median / 1000)} s" if seconds else f"{number(timing.median)} ms"
                if faster := one.times.get(f"openl2m/{LINES[line]}"):
                    text += f", {number(faster.median)} times faster"
                parts += [_bar(colour, _LEFT, top, width, _BAR - 3), _text(_LEFT + width + 8, top + _BAR - 6, text)]
                top += _BAR
        parts.append("</g>")
        top += _GAP
    memory = max(one.times["memory"].median for one in engines)
    parts.append(_text(8, top + 6, f"Most answers come from memory and take {number(memory)} ms."))
    size = f'viewBox="0 0 {_WIDTH} {top + 18}" width="{_WIDTH}" height="{top + 18}"'
    title = f"<title>OpenL2M's statements and the function's answers over {entries:,} log entries</title>"
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', title, f"<style>{_STYLE}</style>", *parts, "</svg>\n"]
    return "\n".join(lines)


def _text(x: float, y: int, text: str, style: str = "bar") -> str:
    return f'<text class="{style}" x="{x:.0f}" y="{y}">{escape(text)}</text>'


def _bar(colour: str, x: int, y: int, width: float, height: int) -> str:
    return f'<rect fill="{colour}" x="{x}" y="{y}" width="{width:.1f}" height="{height}"/>'

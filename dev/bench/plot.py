"""What was measured, as an SVG picture: log entries against milliseconds, both logarithmic, a panel an engine.

It is read on a light and on a dark page: the background is transparent, and every colour is of middle lightness. A
media query would not do: it follows the browser, and a page may have a theme of its own.
"""

from collections.abc import Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

from dev.bench.report import LINES, Measured

_WIDTH, _HEIGHT = 300, 240  # of a panel's plot
_LEFT, _TOP, _GAP, _BOTTOM = 56, 60, 40, 44
_COLOURS = dict(zip(LINES, ("#d9534f", "#3b82d6", "#2f9e77", "#a078d0"), strict=True))
_STYLE = """text { font: 12px system-ui, sans-serif; fill: #768089 }
.engine { font-weight: bold }
.grid { stroke: #8b949e; stroke-opacity: .3 }
.line { fill: none; stroke-width: 2 }"""

Point = tuple[int, float]


def svg(found: Sequence[Measured]) -> str:
    """Return the picture."""
    panels = {engine: _series(found, engine) for engine in dict.fromkeys(one.engine for one in found)}
    points = [point for series in panels.values() for line in series.values() for point in line]
    sizes = [entries for entries, _ in points]
    lowest, highest = floor(log10(min(time for _, time in points))), ceil(log10(max(time for _, time in points)))
    narrowest, widest = log10(min(sizes)), log10(max(sizes)) + 1e-9

    def x(entries: float) -> float:
        return (log10(entries) - narrowest) / (widest - narrowest) * _WIDTH

    def y(milliseconds: float) -> float:
        return _HEIGHT - (log10(milliseconds) - lowest) / max(highest - lowest, 1) * _HEIGHT

    parts = [_legend()]
    for number, (engine, series) in enumerate(panels.items()):
        parts.append(f'<g transform="translate({_LEFT + number * (_WIDTH + _GAP)} {_TOP})">')
        parts.append(f'<text class="engine" x="0" y="-10">{escape(engine)}</text>')
        for power in range(lowest, highest + 1):
            at = y(10.0**power)
            parts.append(f'<line class="grid" x1="0" x2="{_WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>')
            if number == 0:
                parts.append(f'<text x="-8" y="{at + 4:.1f}" text-anchor="end">{_time(power)}</text>')
        for entries in sorted(set(sizes)):
            at = x(entries)
            parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT}"/>')
            parts.append(f'<text x="{at:.1f}" y="{_HEIGHT + 18}" text-anchor="middle">{_short(entries)}</text>')
        for name, line in series.items():
            parts += _draw(_COLOURS[name], [(x(entries), y(time)) for entries, time in line])
        parts.append("</g>")
    width = _LEFT + len(panels) * (_WIDTH + _GAP)
    height = _TOP + _HEIGHT + _BOTTOM
    parts.append(f'<text x="{_LEFT}" y="{height - 8}">log entries; both scales are logarithmic</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f"<title>How long OpenL2M's statements and the function's answers take</title>\n"
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _series(found: Sequence[Measured], engine: str) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {name: [] for name in LINES}
    for one in sorted((one for one in found if one.engine == engine), key=lambda one: one.entries):
        for name, pick in LINES.items():
            if timing := pick(one):
                lines[name].append((one.entries, timing.median))
    return lines


def _legend() -> str:
    parts = []
    for number, (name, colour) in enumerate(_COLOURS.items()):
        at = _LEFT + number * 180
        parts.append(f'<line class="line" stroke="{colour}" x1="{at}" x2="{at + 18}" y1="16" y2="16"/>')
        parts.append(f'<text x="{at + 24}" y="20">{escape(name)}</text>')
    return "\n".join(parts)


def _draw(colour: str, points: Sequence[tuple[float, float]]) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    return [f'<polyline class="line" stroke="{colour}" points="{path}"/>', *dots]


def _time(power: int) -> str:
    """Return a power of ten, in milliseconds, as a time."""
    return f"{10.0 ** (power - 3):g} s" if power >= 3 else f"{10.0**power:g} ms"


def _short(entries: int) -> str:
    for size, letter in ((1_000_000, " M"), (1000, " k")):
        if entries >= size:
            return f"{entries / size:g}{letter}"
    return str(entries)

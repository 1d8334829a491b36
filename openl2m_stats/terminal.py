"""What a terminal shows: text that is fit to be printed, and tables."""

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence


def printable(value: object) -> str:
    """Return a text that cannot do anything to a terminal."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def width(text: str) -> int:
    """Return how many columns a text takes: East Asian characters take two, combining ones none."""
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def wrap(text: str, most: int) -> list[str]:
    """Return the lines of a text of which none is wider than `most` columns."""
    lines, columns = [""], 0
    for character in text:
        columns += _width(character)
        if columns > most:
            lines.append("")
            columns = _width(character)
        lines[-1] += character
    return lines


def widest(cells: Iterable[Sequence[str]]) -> int:
    """Return how many columns the widest line of some cells takes."""
    return max(width(line) for cell in cells for line in cell)


def table(rows: Iterable[Sequence[Sequence[str]]]) -> Iterator[str]:
    """Yield the lines of rows of cells, in columns. A cell has one line or several."""
    listed = list(rows)
    widths = [widest(column) for column in zip(*listed, strict=True)]
    for row in listed:
        for number in range(max(map(len, row))):
            cells = [cell[number] if number < len(cell) else "" for cell in row]
            padded = (cell + " " * (most - width(cell)) for cell, most in zip(cells, widths, strict=True))
            yield "  ".join(padded).rstrip()


def discard_output() -> None:
    """Drop what is still to be written: the interpreter would try once more as it ends, and exit with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())

"""Tables in Markdown, and generated parts of pages."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def put_into_page(path: Path, command: str, text: str) -> None:
    """Replace the text between the two markers of a command, except a line break after the first."""
    begin, end = f"<!-- {command}: begin -->", f"<!-- {command}: end -->"
    before, _, rest = path.read_text().partition(begin)
    old, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path.name} has no place for the table: {begin} and {end}")
    line = "\n" if old.startswith("\n") else ""
    path.write_text(f"{before}{begin}{line}{text}{end}{after}")

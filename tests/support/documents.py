"""What the documents say, as far as tests look at it."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md")])
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # a changelog tells of the past, too

_FENCE = re.compile(r"\s*```(\w*)")
_SPAN = re.compile(r"`([^`]+)`")
_PROGRAMS = r"(?:make|cp|git|curl|http|aws|sed|account=|openl2m-stats|\.venv/bin/[\w-]+|pipx|pre-commit)"
_COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )?{_PROGRAMS}(?: .*|\S*)?")


def prose(text: str) -> Iterator[str]:
    """Yield a document's lines without its blocks of code."""
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            yield line


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a document: the lines of its blocks of code, and what its sentences and tables quote."""
    language: str | None = None
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if fence:
            language = fence[1] if language is None else None
        elif language == "sh" or (language is None and re.match(r" {4,}\S", line)):
            command = line.partition(" #")[0].strip()
            if _COMMAND.fullmatch(command):
                yield command
        elif language is None:
            yield from (span for span in _SPAN.findall(line) if re.fullmatch(r"make [a-z].*", span))


def anchors(text: str) -> set[str]:
    """Return the names that a document's headings have for links, by GitHub's rules."""
    found: set[str] = set()
    for line in prose(text):
        heading = re.match(r"#+ +(.+?) *$", line)
        if heading:
            words = re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading[1])
            name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            number = sum(1 for each in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", each))
            found.add(f"{name}-{number}" if name in found else name)
    return found


def links(text: str) -> Iterator[str]:
    """Yield what a document links to."""
    for line in prose(text):
        yield from re.findall(r"]\(([^)\s]+)\)", re.sub(_SPAN, "", line))

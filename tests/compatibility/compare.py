"""What of a release's surface is broken, and whether CHANGELOG.md and the version say so."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.compatibility.surface import SEPARATOR, Surface

_NAME_ENDS = re.compile(r" --| <| [A-Z]{3}")


def breaks(old: Surface, new: Surface) -> dict[str, str]:
    """Return what users of `old` find gone, different or newly required, by its place in the table."""
    found = {}
    for path, value in old.items():
        if path not in new:
            found[_gone(path, new)] = "is gone"
        elif value != new[path] and not _wider(path, value, new[path]):
            found[path] = f"was {value!r} and is {new[path]!r}"
    for path in sorted(new.keys() - old.keys()):
        if path.endswith(f"{SEPARATOR}required") and new[path] and _was_there(path, old):
            found[path] = "is required"
    return found


def objections(
    found: Mapping[str, str], fixes: Mapping[str, str], changes: str, released: str, version: str
) -> Iterator[str]:
    """Yield what may not be released.

    `fixes` names what was a defect, so that a minor version may change it. `changes` is what CHANGELOG.md says under
    *Changed* and *Removed* since `released`.
    """
    major = int(version.partition(".")[0]) > int(released.partition(".")[0])
    text = " ".join(changes.split())
    for path, what in found.items():
        name = _NAME_ENDS.split(path.split(SEPARATOR)[1])[0]
        if not major and path not in fixes:
            yield f"{path} {what}. Keep what {released} has, as an alias, or make this {int(released[0]) + 1}.0.0."
        if name not in text:
            yield f"{path} {what}. Name {name} in CHANGELOG.md, under Changed or Removed."


def _gone(path: str, new: Surface) -> str:
    """Return the beginning of a path from which on nothing is left."""
    parts = path.split(SEPARATOR)
    for length in range(2, len(parts)):
        beginning = SEPARATOR.join(parts[:length])
        if not any(each == beginning or each.startswith(beginning + SEPARATOR) for each in new):
            return beginning
    return path


def _wider(path: str, old: Any, new: Any) -> bool:
    """Tell whether what was accepted still is."""
    match path.rpartition(SEPARATOR)[2]:
        case "maximum":
            return bool(new >= old)
        case "minimum":
            return bool(new <= old)
        case "required":
            return bool(old)
        case "values":
            return bool(new == -1)
    return False


def _was_there(path: str, old: Surface) -> bool:
    """Tell whether what requires something new is as old as `old`: all of the template, a command, a call."""
    parts = path.split(SEPARATOR)
    beginning = parts[0] if parts[0] == "parameter" else SEPARATOR.join(parts[:-2])
    return any(each.startswith(beginning + SEPARATOR) for each in old)

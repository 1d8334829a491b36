"""What the last release promised, against the working tree."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.build import changelog
from stats import __version__
from tests.compatibility import surface as table
from tests.compatibility.compare import breaks, objections
from tests.compatibility.surface import ROOT, Surface

KEPT = json.loads(Path(__file__).with_name("released.json").read_text())
RELEASED, OLD = KEPT["version"], KEPT["surface"]
# What was a defect, so that a minor version may change it, and why that is not a promise broken.
FIXES = {
    "exit code | openl2m-stats doctor": "without a stack it checked the demo and reported that all is well",
}


def changes() -> str:
    """Return what CHANGELOG.md says under Changed and Removed since the last release."""
    sections = changelog.sections()
    newer = list(sections)[: list(sections).index(RELEASED)]
    kinds = [changelog.kinds(sections[version]) for version in newer]
    return "\n".join(found.get(kind, "") for found in kinds for kind in ("Changed", "Removed"))


def test_nothing_breaks_that_the_version_and_the_changelog_do_not_say() -> None:
    found = breaks(OLD, table.surface(ROOT))
    assert list(objections(found, FIXES, changes(), RELEASED, __version__)) == []
    assert set(FIXES) <= set(found), "a fix that changes nothing any more"


def test_the_table_covers_every_promise() -> None:
    assert {path.split(table.SEPARATOR)[0] for path in OLD} == {
        *("API", "statistic", "history", "column", "metric", "command", "exit code"),
        *("parameter", "output", "alarm", "handler", "setting", "log message", "CloudWatch metric"),
    }
    assert len(OLD) > 1000


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new))


def test_planted_breaks_are_found(tmp_path: Path) -> None:
    """In a copy of the project, so that the code is read and run, not a document about it."""
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns(".venv*", ".git", ".aws-sam", ".*_cache", "__pycache__", "dist", "node_modules")
    shutil.copytree(ROOT, copy, ignore=ignored)
    replace(copy / "functions/stats/numbers/catalogue.py", '"vlan_groups"', '"groups_of_vlans"')
    replace(copy / "openl2m_stats/cli.py", "        return 2\n", "        return 64\n")
    replace(copy / "openl2m_stats/tokens/listing.py", '"--json"', '"--as-json"')
    replace(
        copy / "infra/template.yaml",
        "  CacheTtlSeconds:\n    Type: Number\n    Default: 60",
        "  CacheTtl:\n    Type: Number\n    Default: 60",
    )
    replace(copy / "infra/template.yaml", "MaxValue: 25", "MaxValue: 20")
    replace(copy / "docs/operate.md", "| `refused` |", "| `rejected` |")
    cases = (("--version", ""), ("nonsense", ""))
    old = {path: value for path, value in OLD.items() if not path.startswith("exit code") or " nonsense" in path}
    old = {
        path: value for path, value in old.items() if path.count(" nonsense") == 0 or path.endswith("stats nonsense")
    }
    found = breaks(old, table.surface(copy, cases))
    expected = {
        "metric | openl2m_vlan_groups": "is gone",
        "exit code | openl2m-stats nonsense": "was 2 and is 64",
        "command | openl2m-stats tokens list | --json": "is gone",
        "parameter | CacheTtlSeconds": "is gone",
        "parameter | RequestTimeoutSeconds | maximum": "was 25 and is 20",
        "log message | refused": "is gone",
    }
    assert expected.items() <= found.items()


Change = Callable[[Surface], object]
CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "a metric's label": (
        lambda new: new.pop("metric | openl2m_active_devices | label | window"),
        {"metric | openl2m_active_devices | label": "is gone"},
    ),
    "a default": (
        lambda new: new.update({"parameter | MemorySize | default": 128}),
        {"parameter | MemorySize | default": f"was {OLD['parameter | MemorySize | default']!r} and is 128"},
    ),
    "a required parameter": (
        lambda new: new.update({"parameter | Colour | required": True}),
        {"parameter | Colour | required": "is required"},
    ),
    "a required option": (
        lambda new: new.update({"command | openl2m-stats doctor | --colour | required": True}),
        {"command | openl2m-stats doctor | --colour | required": "is required"},
    ),
    "a required option of a new command": (
        lambda new: new.update({"command | openl2m-stats paint | --colour | required": True}),
        {},
    ),
    "a higher limit": (lambda new: new.update({"parameter | RequestTimeoutSeconds | maximum": 26}), {}),
    "a lower limit": (
        lambda new: new.update({"parameter | RequestTimeoutSeconds | minimum": 2}),
        {"parameter | RequestTimeoutSeconds | minimum": "was 1 and is 2"},
    ),
    "a new metric": (lambda new: new.update({"metric | openl2m_colours": "gauge"}), {}),
    "a header": (
        lambda new: new.pop("API | GET /api/stats/ | 200 | ETag"),
        {"API | GET /api/stats/ | 200 | ETag": "is gone"},
    ),
    "an output": (lambda new: new.pop("output | Url"), {"output | Url": "is gone"}),
    "a label": (
        lambda new: new.update({"statistic | database.vlans": "VLANs"}),
        {"statistic | database.vlans": "was 'Vlans' and is 'VLANs'"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_break_or_do_not(name: str) -> None:
    change, expected = CHANGES[name]
    new = dict(OLD)
    change(new)
    assert breaks(OLD, new) == expected


BROKEN = {"metric | openl2m_vlans": "is gone"}
SAID = "- `openl2m_vlans` is now\n  called otherwise."


@pytest.mark.parametrize(
    ("version", "fixes", "said", "count"),
    [
        ("1.1.0", {}, "", 2),
        ("1.1.0", {}, SAID, 1),
        ("2.0.0", {}, "", 1),
        ("2.0.0", {}, SAID, 0),
        ("1.1.0", {"metric | openl2m_vlans": "never had a value"}, SAID, 0),
        ("1.1.0", {"metric | openl2m_vlans": "never had a value"}, "", 1),
    ],
)
def test_a_break_needs_a_major_version_and_a_line_in_the_changelog(
    version: str, fixes: dict[str, str], said: str, count: int
) -> None:
    assert len(list(objections(BROKEN, fixes, said, "1.0.0", version))) == count

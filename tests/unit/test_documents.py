"""The documents: their links lead somewhere, and their commands are of this repository."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from openl2m_stats import cli
from stats.database.engines import ENGINES
from tests.support.documents import CURRENT, DOCUMENTS, ROOT, anchors, commands, links

TARGETS = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
ids = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path.read_text()):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


def test_links_are_found() -> None:
    text = "see [a](b.md#c) and [`d`](e.md), not `[f](g.md)`\n\n    [h](i.md)\n\n```\n[j](k.md)\n```\n"
    assert list(links(text)) == ["b.md#c", "e.md"]
    assert anchors("# A b\n## `C`: d-e, [f](g)!\n# A b\n```\n# no\n```\n") == {"a-b", "c-d-e-f", "a-b-1"}


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.name)
def test_make_has_the_targets_that_are_named(path: Path) -> None:
    for command in commands(path.read_text()):
        for words in re.findall(r"(?:^|&& )make ([^&]+)", command):
            named = [word for word in words.split() if "=" not in word and not word.startswith(("-", "…", '"'))]
            assert set(named) <= TARGETS, command
            assert "ARGS=" not in words, command


def documented() -> list[str]:
    found = {command for path in CURRENT for command in commands(path.read_text())}
    return sorted(
        command for command in found if "openl2m-stats " in command and not command.startswith(("aws", "git"))
    )


@pytest.mark.parametrize("line", documented())
def test_command_has_what_is_documented(line: str) -> None:
    words = shlex.split(line)
    words = words[[word.rpartition("/")[2] for word in words].index("openl2m-stats") + 1 :]
    command: click.Command | None = cli.command
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None, line
    known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_engine_is_documented() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    [row] = [line for line in text.splitlines() if line.startswith("| `engine` ")]
    assert set(re.findall(r"`([\w-]+)`", row)) == {"engine", *ENGINES}


def test_users_of_a_rotation_on_mysql_have_names_that_aws_function_takes() -> None:
    """It appends _clone, and refuses what is longer than 16 characters."""
    text = (ROOT / "docs/operate.md").read_text()
    names = set(re.findall(r"--user (\w+)", text))
    assert names == {"l2m_stats", "l2m_stats_clone"}
    assert all(len(name) <= 16 for name in names)


def test_readme_is_a_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("github-workflows", "workflows/*.yaml"),
        ("dependabot", "dependabot.yml"),
        ("github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_githubs_files_follow_their_schemas(schema: str, pattern: str) -> None:
    files = sorted((ROOT / ".github").glob(pattern))
    assert files
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

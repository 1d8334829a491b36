"""What the command says of itself and of what is mistyped."""

from collections.abc import Iterator

import click
import pytest

from openl2m_stats.cli import command, main


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def paths(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from paths(found, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(paths(command)), ids=" ".join)
def test_help_is_not_cut_at_80_columns(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path, "--help"]) == 0
    usage, *lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.endswith("...")], usage


def test_help_shows_what_an_option_takes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tokens", "rotate", "--help"])
    assert "--keep-old 24h " in capsys.readouterr().out


def test_help_shows_a_command_to_copy_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "--help"])
    path = "~/.local/share/bash-completion/completions/openl2m-stats"
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith(path)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tokens", "lst"], "openl2m-stats tokens: no such command: lst. Did you mean list?"),
        (["token"], "openl2m-stats: no such command: token. Did you mean tokens?"),
        (["backup"], "openl2m-stats: no such command: backup. See --help."),
        (["tokens", "list", "--jsn"], "openl2m-stats tokens list: no such option: --jsn. Did you mean --json?"),
        (["tokens", "list", "more"], "openl2m-stats tokens list: too many arguments: see --help"),
        (["verylongwordoflowercase"], "openl2m-stats: no such command: see --help"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_mistyped_word_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == said

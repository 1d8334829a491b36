"""What the command says of itself and of what is mistyped."""

import errno
import os
from collections.abc import Iterator

import click
import pytest

from openl2m_stats.cli import command, main
from stats import __version__
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.unit.openl2m_stats.conftest import Run


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{}"], "no such command"),
        (["--{}"], "no such option"),
        (["serve", "{}"], "too many arguments"),
        (["serve", "--port", "{}"], "--port: it takes 1 to 65535"),
        (["completion", "{}"], "{bash|zsh|fish}: it takes one of bash, zsh, fish"),
        (["doctor", "--json={}"], "--json"),
        (["doctor", "--env", "x", "--stack", "{}"], "give one of them"),
        (["versions", "prune", "--stack", "x", "--keep", "{}"], "--keep: it takes a number from 1 on"),
        (["invoke"], "Missing argument 'EVENT'"),
        ([], "Missing command"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_never_repeated(arguments: list[str], words: str, run: Run) -> None:
    secret = leaks.new_password()
    done = run(*(argument.format(secret) for argument in arguments))
    assert (done.code, done.out) == (2, "")
    assert words in done.err.splitlines()[-1]
    assert not leaks.found_in(done.err)


def test_the_region_is_that_of_aws_region(aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.new_token()
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")  # where there is no such secret
    assert run("tokens", "list").code == 0
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert run("tokens", "list").code == 0
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert run("tokens", "list").code == 2


@pytest.mark.parametrize("code", [errno.EPIPE, errno.ENOSPC, errno.EIO])
def test_output_that_cannot_be_written(
    code: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_text: str) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("sys.stdout.write", fail)
    ended = main(["grants", "--engine", "mysql"])
    printed = capfd.readouterr().err
    assert (ended, printed) == (
        (141, "") if code == errno.EPIPE else (2, f"The output cannot be written ({os.strerror(code)}).\n")
    )


def test_other_errors_are_not_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_text: str) -> int:
        raise OSError(errno.EBADF, "bad")

    monkeypatch.setattr("sys.stdout.write", fail)
    with pytest.raises(OSError, match="bad"):
        main(["grants", "--engine", "mysql"])


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (EOFError(), 2, "The input ended before there was an answer.\n"),
        (ModuleNotFoundError("x", name="moto.core"), 2, "moto.core is missing: the extra `local` brings it "),
    ],
    ids=repr,
)
def test_what_ends_a_command(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_text: str) -> int:
        raise raised

    monkeypatch.setattr("sys.stdout.write", fail)
    assert main(["grants", "--engine", "mysql"]) == code
    err = capsys.readouterr().err
    assert err.lstrip().startswith(said)
    assert bool(err.strip()) == bool(said)


def test_a_module_of_ours_that_is_missing_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_text: str) -> int:
        raise ModuleNotFoundError("x", name="motor")

    monkeypatch.setattr("sys.stdout.write", fail)
    with pytest.raises(ModuleNotFoundError):
        main(["grants", "--engine", "mysql"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, run: Run) -> None:
    done = run("completion", shell)
    assert done.code == 0
    assert f"_OPENL2M_STATS_COMPLETE={shell}_complete" in done.out


def test_version(run: Run) -> None:
    assert run("--version").out == f"openl2m-stats {__version__}\n"

"""Parameters of the commands, and messages that never repeat a value."""

import contextlib
import io
import os
from pathlib import Path

import click
import pytest

from openl2m_stats.errors import Failed
from openl2m_stats.parameters import (
    Parsed,
    WrongUsage,
    confirm,
    explain,
    of_stack,
    time_zone_option,
    whole_number,
)

SECRET = "hunter2hunter2hunter2hunter2"


def _even(text: str) -> int:
    if int(text) % 2:
        raise ValueError("it takes an even number")
    return int(text)


@click.group(no_args_is_help=False)
def group() -> None:
    pass


@group.command()
@click.option("--even", type=Parsed("NUMBER", _even), default=2)
@click.option("--engine", type=click.Choice(["mysql", "postgresql"]))
@click.option("--count", type=int)
@click.argument("name")
def create(even: int, engine: str | None, count: int | None, name: str) -> tuple[int, str | None, int | None, str]:
    return even, engine, count, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "--even", "3", "x"], "--even: it takes an even number"),
        (["create", "--engine", SECRET, "x"], "--engine: it takes one of mysql, postgresql"),
        (["create", "--count", SECRET, "x"], "--count: it takes another value"),
        (["create"], "Missing argument 'NAME'."),
        (["create", "--even"], "Option '--even' requires an argument."),
        (["create", "--evne", "x"], "no such option: --evne. Did you mean --even?"),
        (["create", f"--{SECRET}", "x"], "no such option"),
        (["create", "--correct-horse-battery-staple", "x"], "no such option"),
        (["create", "x", SECRET], "too many arguments: see --help"),
        ([], "Missing command: see --help"),
        (["crate"], "no such command: crate. Did you mean create?"),
        (["zzz"], "no such command: zzz. See --help."),
        ([SECRET], "no such command: see --help"),
    ],
)
def test_a_message_names_the_parameter_and_repeats_no_value(arguments: list[str], message: str) -> None:
    with pytest.raises(click.UsageError) as error:
        group.main(arguments, "group", standalone_mode=False)
    assert explain(error.value) == message


def test_values_are_parsed_and_defaults_stay() -> None:
    assert create.main(["--even", "4", "x"], standalone_mode=False) == (4, None, None, "x")
    assert create.main(["x"], standalone_mode=False) == (2, None, None, "x")


@click.command()
@time_zone_option
@of_stack
def stacked(stack: str | None, time_zone: str | None) -> tuple[str | None, str | None]:
    return stack, time_zone


@pytest.fixture
def deploy_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = '[prod.deploy.parameters]\nstack_name = "stats"\nregion = "us-west-2"\nprofile = "ops"\n'
    (tmp_path / "deploy.toml").write_text(text)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "before")  # so that what the command sets is undone
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "before")


@pytest.mark.usefixtures("deploy_toml")
def test_an_environment_names_its_stack_region_and_profile() -> None:
    assert stacked.main(["--env", "prod"], standalone_mode=False) == ("stats", None)
    assert [os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")] == [
        "us-west-2",
        "us-west-2",
        "ops",
    ]
    assert "AWS_ACCESS_KEY_ID" not in os.environ  # it would win over the profile


@pytest.mark.usefixtures("deploy_toml")
def test_options_win_over_the_environments() -> None:
    stacked.main(["--env", "prod", "--region", "eu-west-1", "--profile", "me"], standalone_mode=False)
    assert (os.environ["AWS_REGION"], os.environ["AWS_PROFILE"]) == ("eu-west-1", "me")


@pytest.mark.usefixtures("deploy_toml")
def test_an_unknown_environment_fails() -> None:
    with pytest.raises(Failed, match="It has: prod"):
        stacked.main(["--env", "test"], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env", "prod", "--stack", "stats"], "--env and --stack each name a stack: give one of them"),
        (["--stack", "stats", "--time-zone", "UTC"], "the stack has the time zone: leave out --time-zone"),
    ],
)
def test_options_that_exclude_each_other(arguments: list[str], message: str) -> None:
    with pytest.raises(WrongUsage, match=message):
        stacked.main(arguments, standalone_mode=False)


def test_the_time_zone_of_the_environment_counts_without_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "America/Chicago")
    assert stacked.main([], standalone_mode=False) == (None, "America/Chicago")
    assert stacked.main(["--time-zone", "UTC"], standalone_mode=False) == (None, "UTC")
    assert stacked.main(["--stack", "stats"], standalone_mode=False) == ("stats", None)


def test_an_unknown_time_zone() -> None:
    with pytest.raises(click.BadParameter) as error:
        stacked.main(["--time-zone", "Mars"], standalone_mode=False)
    assert explain(error.value) == "--time-zone: it takes a zone of the IANA database, such as America/Los_Angeles"


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False)])
def test_a_question(
    answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    with contextlib.nullcontext() if goes_on else pytest.raises(Failed, match=r"^Nothing was changed\.$"):
        confirm("Delete it?")
    assert capsys.readouterr() == ("", "Delete it? [y/N] ")


def test_a_question_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(Failed, match=r"^Nothing was changed: there was no answer\. .* --yes\.$"):
        confirm("Delete it?")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "٣"])
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it takes a number from 1 on$"):
        whole_number(text)
    assert whole_number("12") == 12

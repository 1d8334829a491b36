"""Parameters of the commands, and messages about wrong ones, which never repeat values: those may be keys."""

import difflib
import functools
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from openl2m_stats.environments import EnvironmentFileError, read
from openl2m_stats.errors import Failed
from stats.base.zones import time_zone

_OPTION = re.compile(r"--[a-z]+(-[a-z]+)*")
_LONGEST_OPTION = 25  # longer than ours, and shorter than a key
_NO_COMMAND = re.compile(r"No such command '([a-z][a-z-]{0,11})'\.")  # a longer word may be a password


class WrongUsage(click.UsageError):
    """A usage error whose text repeats no value."""


class _WrongValue(click.BadParameter):
    """A parameter's value is wrong; the text does not repeat it."""


class Parsed(click.ParamType):  # type: ignore[type-arg]  # which SAM CLI's Click does not take yet
    """A type with a parser, whose ValueError describes valid values and does not repeat the wrong one."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed text; a value that is not text is a default and stays unchanged."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            raise _WrongValue(str(error), ctx, param) from None


def explain(error: click.UsageError) -> str:
    """Return a message without the wrong value, which most of Click's own messages repeat."""
    match error:
        case WrongUsage() | click.MissingParameter() | click.BadOptionUsage():
            return error.format_message()
        case _WrongValue():
            return f"{_called(error)}: {error.message}"
        case click.BadParameter():
            kind = error.param.type if error.param else None
            takes = f"one of {', '.join(map(str, kind.choices))}" if isinstance(kind, click.Choice) else "another value"
            return f"{_called(error)}: it takes {takes}"
        case click.NoSuchOption():
            name = error.option_name
            known = _OPTION.fullmatch(name) and len(name) <= _LONGEST_OPTION
            return f"no such option: {name}{_nearest(error.possibilities)}" if known else "no such option"
    if error.message == "Missing command.":
        return "Missing command: see --help"
    if not error.message.startswith("No such command "):
        return "too many arguments: see --help"
    word = _NO_COMMAND.fullmatch(error.message)
    if not word or not error.ctx or not isinstance(error.ctx.command, click.Group):
        return "no such command: see --help"
    near = difflib.get_close_matches(word[1], error.ctx.command.list_commands(error.ctx))
    return f"no such command: {word[1]}{_nearest(near) or '. See --help.'}"


def _nearest(words: Sequence[str] | None) -> str:
    return f". Did you mean {words[0]}?" if words else ""


def _called(error: click.BadParameter) -> str:
    return error.param.get_error_hint(error.ctx).strip("'") if error.param and error.ctx else "A parameter"


def of_stack(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --env, --stack, --region and --profile to a command; its function gets `stack`, the stack's name or None.

    The region and the profile are set as AWS's own variables, which all clients follow.
    """

    @click.option("--env", metavar="ENV", help="The environment of deploy.toml, with its stack, region and profile.")
    @click.option("--stack", metavar="NAME", help="The name of the deployed stack.")
    @click.option("--region", metavar="REGION", help="The stack's region. [default: that of the AWS variables]")
    @click.option("--profile", metavar="PROFILE", help="The AWS CLI's profile. [default: that of the AWS variables]")
    @functools.wraps(function)
    def call(*, env: str | None, stack: str | None, region: str | None, profile: str | None, **others: Any) -> Any:
        if env is not None:
            if stack is not None:
                raise WrongUsage("--env and --stack each name a stack: give one of them", click.get_current_context())
            try:
                found = read(env)
            except EnvironmentFileError as error:
                raise Failed(str(error)) from None
            stack, region, profile = found.stack_name, region or found.region, profile or found.profile
        if region:
            os.environ |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if profile:
            # Keys in the environment would override a profile.
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                os.environ.pop(name, None)
            os.environ["AWS_PROFILE"] = profile
        return function(stack=stack, **others)

    return call


def whole_number(text: str) -> int:
    """Return a number from 1 on. Raise ValueError."""
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ValueError("it takes a number from 1 on")
    return int(text)


def confirm(question: str) -> None:
    """Ask on stderr whether to go on. Raise Failed for a no, and where nobody answers, as in cron."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print(file=sys.stderr)
        raise Failed("Nothing was changed: there was no answer. Where nobody can answer, use --yes.")
    if answer.strip().lower() not in {"y", "yes"}:
        raise Failed("Nothing was changed.")


def is_given(name: str) -> bool:
    """Return whether a parameter comes from the command line, not from an environment variable."""
    return click.get_current_context().get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE


def _zone(text: str) -> str:
    try:
        return time_zone(text).key
    except ValueError:
        raise ValueError("it takes a zone of the IANA database, such as America/Los_Angeles") from None


def time_zone_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --time-zone to a command, outside of_stack(); `time_zone` is None with a stack, which has its own."""

    @click.option(
        "--time-zone",
        type=Parsed("ZONE", _zone),
        envvar="TIME_ZONE",
        help="OpenL2M's TIME_ZONE. [default: the stack's; without --env and --stack, TIME_ZONE]",
    )
    @functools.wraps(function)
    def call(*, env: str | None, stack: str | None, time_zone: str | None, **others: Any) -> Any:
        if env is not None or stack is not None:
            if is_given("time_zone"):
                raise WrongUsage("the stack has the time zone: leave out --time-zone", click.get_current_context())
            time_zone = None
        return function(env=env, stack=stack, time_zone=time_zone, **others)

    return call


database_url = click.option(
    "--database-url",
    envvar="DATABASE_URL",
    metavar="URL",
    help="The database, such as postgresql://user:password@host:5432/openl2m. [default: DATABASE_URL, or the demo]",
)

"""`openl2m-stats check`: a plugin for Nagios, Icinga, Checkmk and other programs that run such plugins.

https://www.monitoring-plugins.org/doc/guidelines.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Any

import click

from openl2m_stats.caller import Answer, NoAnswerError, NoKeyError, get, read_key, statistics_url
from openl2m_stats.parameters import Parsed, explain
from openl2m_stats.terminal import printable
from stats.numbers.catalogue import SERVED

# A counter's value is followed by `c`.
_COUNTERS = {"changes_total", "commands_total"}
_TODAY = ("devices", "users", "changes")


class _State(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class _Result:
    state: _State
    text: str
    data: str = ""

    def __str__(self) -> str:
        # Performance data follows a bar.
        line = f"OPENL2M {self.state.name} - {printable(self.text)}".replace("|", "/")
        return f"{line} | {self.data}" if self.data else line


class _Plugin(click.Command):
    """A command that also reports errors on stdout and exits with UNKNOWN, because monitoring shows nothing else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            print(_Result(_State.UNKNOWN, explain(error)))
            raise click.exceptions.Exit(_State.UNKNOWN) from None

    def invoke(self, ctx: click.Context) -> int:
        try:
            result: _Result = super().invoke(ctx)
        except Exception as error:  # noqa: BLE001 a traceback would exit with WARNING
            result = _Result(_State.UNKNOWN, f"unforeseen {type(error).__name__}")
        print(result)
        return int(result.state)


def _minimum(text: str) -> tuple[str, int]:
    key, _, number = text.partition("=")
    if not key or not number.isascii() or not number.isdecimal():
        raise ValueError("it takes a statistic and a number, such as switches=1000")
    return key.rpartition(".")[2], int(number)


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 86400:
        raise ValueError("it takes whole seconds, 1 to 86400")
    return int(text)


@click.command(name="check", cls=_Plugin)
@click.option(
    "--url",
    required=True,
    type=Parsed("URL", statistics_url),
    help="The API's address, such as https://stats.example.com, with a REST API's stage.",
)
@click.option(
    "--key-file", metavar="FILE", help="A file with the token's key. [default: the variable OPENL2M_STATS_KEY]"
)
@click.option(
    "--max-age",
    type=Parsed("SECONDS", _seconds),
    default=900,
    help="Warn when the numbers are older than this. [default: 900]",
)
@click.option(
    "--min",
    "minimums",
    type=Parsed("KEY=NUMBER", _minimum),
    multiple=True,
    help="Critical when a number is lower than this, such as switches=1000. May be repeated.",
)
@click.option(
    "--timeout",
    type=Parsed("SECONDS", _seconds),
    default=15,
    help="Critical when there is no answer within this time. [default: 15]",
)
def command(
    url: str, key_file: str | None, max_age: int, minimums: tuple[tuple[str, int], ...], timeout: int
) -> _Result:
    """Check a deployment, as a plugin for Nagios, Icinga or Checkmk.

    Print one line with performance data. Exit with 0 if all is well, 1 if the numbers are old, 2 if the API does not
    answer or a number is too low, and 3 if the check cannot be made: wrong usage, or a token that is not accepted.
    """
    try:
        answer = get(url, read_key(key_file), timeout)
    except NoKeyError as error:
        return _Result(_State.UNKNOWN, str(error))
    except NoAnswerError as error:
        return _Result(_State.CRITICAL, f"{url} does not answer: {error}")
    if answer.status != 200:
        return _failure(url, answer)
    numbers = _numbers(answer.body)
    if not numbers:
        return _Result(_State.CRITICAL, f"{url} does not answer with OpenL2M's statistics")
    return _judge(numbers, _age(answer), max_age, dict(minimums))


def _failure(url: str, answer: Answer) -> _Result:
    """Return the result for a status other than 200: critical for 429 and server errors."""
    state = _State.CRITICAL if answer.status == 429 or answer.status >= 500 else _State.UNKNOWN
    if answer.status == 401:
        return _Result(state, "the token is not accepted (401)")
    if 300 <= answer.status < 400:
        return _Result(state, f"{url} redirects ({answer.status}), which is not followed")
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    return _Result(state, f"{url} answers {answer.status}{f': {detail}' if isinstance(detail, str) else ''}")


def _numbers(body: Any) -> dict[str, int]:
    """Return the numbers in a document by their keys; those that are malformed are missing."""
    sections: Iterable[Any] = body.values() if isinstance(body, dict) else ()
    entries = [item for section in sections if isinstance(section, dict) for item in section.items()]
    values = {key: entry.get("value") for key, entry in entries if isinstance(entry, dict)}
    return {key: value for key, value in values.items() if type(value) is int}


def _age(answer: Answer) -> int | None:
    text = answer.headers.get("age", "")
    return int(text) if text.isascii() and text.isdecimal() else None


def _judge(numbers: Mapping[str, int], age: int | None, max_age: int, minimums: Mapping[str, int]) -> _Result:
    problems: list[tuple[_State, str]] = []
    for key, least in minimums.items():
        if key not in numbers:
            problems.append((_State.UNKNOWN, _absent(key, numbers)))
        elif numbers[key] < least:
            problems.append((_State.CRITICAL, f"{key} is {numbers[key]}, less than {least}"))
    if age is None:
        problems.append((_State.UNKNOWN, "the answer has no age"))
    elif age > max_age:
        problems.append((_State.WARNING, f"the numbers are {age} s old, more than {max_age} s"))
    today = [f"{numbers[f'{name}_today']} {name}" for name in _TODAY if f"{name}_today" in numbers]
    text = f"{numbers.get('switches', 'no')} switches, today {', '.join(today) or 'nothing'}, read {age} s ago"
    # Nagios shows a semicolon as a colon.
    text = ", ".join(said for _, said in problems) or text
    state = max((state for state, _ in problems), key=_severity, default=_State.OK)
    return _Result(state, text, _performance(numbers, age, max_age, minimums))


def _absent(key: str, numbers: Mapping[str, int]) -> str:
    if key in {statistic.key for statistic in SERVED}:
        return f"the deployment cannot read {key}"
    [nearest] = get_close_matches(key, numbers, 1) or [""]
    return f"there is no number {key}{f' (did you mean {nearest}?)' if nearest else ''}"


def _severity(state: _State) -> int:
    return [_State.OK, _State.WARNING, _State.UNKNOWN, _State.CRITICAL].index(state)


def _performance(numbers: Mapping[str, int], age: int | None, max_age: int, minimums: Mapping[str, int]) -> str:
    """Return `'label'=value[unit];[warn];[crit];[min]` for each number."""
    data = [] if age is None else [f"age={age}s;{max_age};;0"]
    for key, value in numbers.items():
        unit = "c" if key in _COUNTERS else ""
        critical = f"{minimums[key]}:" if key in minimums else ""
        data.append(f"{key}={value}{unit};;{critical};0")
    return " ".join(data)

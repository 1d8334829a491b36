"""The table of faults as docs/architecture.md shows it."""

from collections.abc import Iterable, Sequence

from dev.markdown import table
from tests.faults import notices
from tests.faults.table import ABSENT, DEFAULT_SECONDS, FAULTS, HELD, ROWS, Answer, Outcome
from tests.faults.world import DEPENDENCIES

_SOURCES = {"database": "fresh", "partial": "fresh, without the numbers that cannot be read", "stale": "stale"}


def tables() -> str:
    """Return the table of what happens, and that of what cannot, in Markdown."""
    heads = ["Dependency", "Fault", *(held.capitalize() for held in HELD), "Log line", "Metric"]
    return "\n".join(
        [
            table(heads, _outcomes()),
            "The faults:\n",
            *(f"- *{fault}*: {meaning}." for fault, meaning in FAULTS.items()),
            "\nA fault that is not listed for a dependency is not possible there, or is another one:\n",
            table(["Dependency", "Fault", "Why it is not listed"], _absent()),
            "What becomes of a [notice](notices.md) when its topic fails. The snapshot is written all the same:\n",
            table(["Fault", "Meaning", "The notice is", "Log line", "Metric"], _notices()),
        ]
    )


def _outcomes() -> Iterable[Sequence[str]]:
    """Return a line for each outcome of each dependency."""
    for dependency in DEPENDENCIES:
        faults: dict[Outcome, list[str]] = {}
        for row in ROWS:
            if row.dependency == dependency:
                faults.setdefault(row.outcome_within(DEFAULT_SECONDS), []).append(row.fault)
        for outcome, names in faults.items():
            answers = [outcome.of(held) for held in HELD]
            told = [answer for answer in answers if answer]
            yield [
                dependency,
                ", ".join(names),
                *(_words(answer) for answer in answers),
                _codes(message for answer in told for message in answer.messages),
                _codes(metric for answer in told for metric in answer.metrics),
            ]


def _notices() -> Iterable[Sequence[str]]:
    for row in notices.ROWS:
        yield [row.fault, row.meaning, row.fate, f"`{notices.MESSAGE}`", f"`{notices.METRIC}`"]


def _absent() -> Iterable[Sequence[str]]:
    for absent in ABSENT:
        yield [_named(absent.dependencies, DEPENDENCIES), _named(absent.faults, tuple(FAULTS)), absent.reason]


def _named(names: Sequence[str], among: Sequence[str]) -> str:
    """Return names in words: those that are meant, or, when they are fewer, those that are not."""
    others = [name for name in among if name not in names]
    return f"all but {', '.join(others)}" if len(others) < len(names) / 2 else ", ".join(names)


def _words(answer: Answer | None) -> str:
    if answer is None:
        return "–"
    return f"{answer.status}, {_SOURCES[answer.source]}" if answer.source else str(answer.status)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(set(names))) or "–"

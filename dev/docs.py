"""Writes into the documents and SQL scripts what the code knows: `make docs`.

A generated part stands between a line that has `make docs: begin NAME` in it and one that has `make docs: end`.

usage: python -m dev.docs [--check]    --check changes nothing, and exits 1 when a file is not current
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from dev import athena
from dev.bench.markdown import table
from openl2m_stats import grants
from openl2m_stats.database_errors import ERRORS, REQUESTS, Error
from stats.base.settings import OPTIONS
from stats.database import mysql, postgresql
from stats.database.driver import Kind
from stats.endpoints import metrics as openmetrics
from stats.numbers.catalogue import STATISTICS, Statistic
from stats.numbers.query import INDEXES, document, statement
from stats.numbers.windows import Window
from tests.faults.page import tables

ROOT = Path(__file__).parents[1]

_BEGIN, _END = "make docs: begin ", "make docs: end"
_WINDOWS = {
    Window.LAST_HOUR: "last hour",
    Window.TODAY: "today",
    Window.LAST_7_DAYS: "last 7 days",
    Window.LAST_31_DAYS: "last 31 days",
    None: "–",
}


def statistics() -> str:
    """Return the table of the statistics."""
    return table(
        ["Key", "Label", "Counts", "Window"],
        ([f"`{s.section}.{s.key}`", s.label, s.counts, _WINDOWS[s.window]] for s in STATISTICS),
    )


def metrics() -> str:
    """Return the table of the metrics."""
    rows = []
    for metric in openmetrics.metrics(document([0] * len(STATISTICS)), datetime.now(UTC)):
        windows = [f"`{sample.labels['window']}`" for sample in metric.samples if "window" in sample.labels]
        rows.append([f"`{metric.samples[0].name}`", metric.type, ", ".join(windows) or "–", metric.documentation])
    return table(["Metric", "Type", "`window`", "Help"], rows)


def schema() -> str:
    """Return the schemas of the document and of the history, as YAML."""
    sections: dict[str, Any] = {}
    history: dict[str, Any] = {
        "from": {"type": "string", "format": "date"},
        "to": {"type": "string", "format": "date"},
        "days": {"type": "array", "items": {"type": "string", "format": "date"}},
        "backfilled": {
            "description": "The days whose numbers were calculated later, from OpenL2M's log.",
            "type": "array",
            "items": {"type": "string", "format": "date"},
        },
    }
    for statistic in STATISTICS:
        sections.setdefault(statistic.section, {})[statistic.key] = _property(statistic)
    for section, keys in sections.items():
        sections[section] = _object(keys)
        series = {"$ref": "#/components/schemas/Series"}
        history[section] = {"type": "object", "required": list(keys), "additionalProperties": series}
    schemas = {"Document": _object(sections), "History": _object(history)}
    text = yaml.safe_dump(schemas, sort_keys=False, allow_unicode=True, width=116)
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _property(statistic: Statistic) -> dict[str, Any]:
    window = "" if statistic.window is None else f" Window: {_WINDOWS[statistic.window]}."
    return {
        "$ref": "#/components/schemas/Statistic",
        "description": statistic.counts + window,
        "properties": {"label": {"const": statistic.label}},
    }


def settings() -> str:
    """Return the table of the function's settings, with the template's parameters."""
    template = yaml.load((ROOT / "infra/template.yaml").read_text(), _TemplateLoader)  # noqa: S506 it makes no objects
    variables = template["Resources"]["StatsFunction"]["Properties"]["Environment"]["Variables"]
    parameters = template["Parameters"]
    defaults = {None: "required", "": "none"}

    def row(name: str) -> list[str]:
        option, parameter = OPTIONS[name], str(variables[name])
        described = parameter in parameters
        return [
            f"`{name}`",
            defaults.get(option.default, f"`{option.default}`"),
            option.takes,
            f"`{parameter}`" if described else "set by the template",
            parameters[parameter]["Description"] if described else "",
        ]

    return table(["Variable", "Default", "Takes", "Template parameter", "Meaning"], map(row, OPTIONS))


def sql(indexes: Sequence[Sequence[str]]) -> str:
    """Return the statement that an engine is asked when switches_log has these indexes."""
    now = datetime(2026, 11, 23, 17, 4, 11, tzinfo=UTC)
    write = statement(now, ZoneInfo("America/Chicago"))
    text = write(lambda instant: f"'{instant:%Y-%m-%d %H:%M:%S}'", lambda: indexes)
    return f"```sql\n{text}\n```\n"


def database_errors() -> str:
    """Return the tables of the database errors and of their classes."""
    kinds = {**mysql.KINDS, **postgresql.KINDS, "timeout": Kind.CANCELLED}

    def row(error: Error) -> list[str]:
        classes = dict.fromkeys(kinds.get(code, Kind.OTHER).value for code in error.codes)
        codes = ", ".join(f"`{code}`" for code in error.codes)
        return [codes, error.meaning, "/".join(classes), error.remedy]

    errors = table(["log line", "meaning", "class", "remedy"], map(row, ERRORS))
    classes = table(["class", "what the request does"], ([kind.value, does] for kind, does in REQUESTS.items()))
    return f"{errors}\n{classes}"


class _TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's tags as what they are applied to."""


_TemplateLoader.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "docs/api.md": {"statistics": statistics, "metrics": metrics},
    "docs/architecture.md": {"scan": partial(sql, ()), "indexes": partial(sql, INDEXES), "faults": tables},
    "docs/configuration.md": {"settings": settings},
    "docs/openapi.yaml": {"schema": schema},
    "docs/troubleshooting.md": {"database errors": database_errors},
    "docs/query-snapshots.md": {"athena": athena.snapshots},
    **{
        f"infra/database/read_only_user.{engine}.sql": {"grants": partial(grants.body, engine)}
        for engine in grants.ENGINES
    },
}


def render(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """Return a file's text with its generated parts as they are now. Raise ValueError when it has no place for one."""
    lines = text.splitlines(keepends=True)
    for name, part in parts.items():
        begin = _only(lines, f"{_BEGIN}{name}", 0)
        lines[begin + 1 : _only(lines, _END, begin)] = part()
    return "".join(lines)


def _only(lines: Sequence[str], marker: str, start: int) -> int:
    for number in range(start, len(lines)):
        if marker in lines[number]:
            return number
    raise ValueError(f"no line has: {marker}")


def main(arguments: Sequence[str]) -> int:
    """Bring the files up to date, or tell which are not; return the exit code."""
    outdated = []
    for name, parts in PARTS.items():
        path = ROOT / name
        text = path.read_text()
        current = render(text, parts)
        if current != text:
            outdated.append(name)
            if "--check" not in arguments:
                path.write_text(current)
    if outdated and "--check" in arguments:
        print(f"Not current: {', '.join(outdated)}. Run `make docs`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

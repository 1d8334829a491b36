"""Generates parts of the documents and SQL scripts from the code: `make docs`.

A generated part stands between a line that has `make docs: begin NAME` in it and one that has `make docs: end`.
A few files are generated as a whole.

`python -m tests.docs` runs this: some of what it writes only the tests know. --check changes nothing, and exits 1
when a file is not current.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dev import architecture, athena, openapi, template
from dev.dashboards import infinity, prometheus, zabbix
from dev.markdown import table
from openl2m_stats import grants
from openl2m_stats.database_errors import ERRORS, REQUESTS, Error
from stats.base.settings import OPTIONS
from stats.base.zones import time_zone
from stats.database import mysql, postgresql
from stats.database.driver import Kind
from stats.database.engines import engine_of
from stats.endpoints import metrics as openmetrics
from stats.numbers.catalogue import COUNTERS, SERVED, STATISTICS
from stats.numbers.query import INDEXES, document, statement

ROOT = Path(__file__).parents[1]

_BEGIN, _END = "make docs: begin ", "make docs: end"


def statistics() -> str:
    """Return the table of the statistics that `/api/stats/` serves."""
    return table(
        ["Key", "Label", "Counts", "Window"],
        ([f"`{s.section}.{s.key}`", s.label, s.counts, openapi.WINDOWS[s.window]] for s in SERVED),
    )


def counters() -> str:
    """Return the table of the counters."""
    rows = ([f"`{s.section}.{s.key}`", s.label, s.counts] for s in STATISTICS if s.section == COUNTERS)
    return table(["Key", "Label", "Counts"], rows)


def metrics() -> str:
    """Return the table of the metrics."""
    rows, now = [], datetime.now(UTC)
    for metric in openmetrics.metrics(document([0] * len(STATISTICS)), now, now, "production"):
        windows = [f"`{sample.labels['window']}`" for sample in metric.samples if "window" in sample.labels]
        rows.append([f"`{metric.samples[0].name}`", metric.type, ", ".join(windows) or "–", metric.documentation])
    return table(["Metric", "Type", "`window`", "Help"], rows)


def settings() -> str:
    """Return the table of the function's settings, with the template's parameters."""
    loaded = template.load()
    variables, parameters = template.variables(loaded), loaded["Parameters"]
    defaults = {None: "required", "": "none"}

    def row(name: str) -> list[str]:
        option, parameter = OPTIONS[name], variables.get(name)
        return [
            f"`{name}`",
            defaults.get(option.default, f"`{option.default}`"),
            option.takes,
            f"`{parameter}`" if parameter else "set by the template",
            parameters[parameter]["Description"] if parameter else "",
        ]

    return table(["Variable", "Default", "Takes", "Template parameter", "Meaning"], map(row, OPTIONS))


def sql(indexes: Sequence[Sequence[str]]) -> str:
    """Return the statement that PostgreSQL is sent when switches_log has these indexes."""
    return _fenced(_statement(indexes))


def sql_of_mysql() -> str:
    """Return the lines of the statement by the indexes that are not PostgreSQL's."""
    others = _statement(INDEXES).splitlines()
    return _fenced("\n".join(line for line in _statement(INDEXES, recurses=False).splitlines() if line not in others))


def _statement(indexes: Sequence[Sequence[str]], recurses: bool = True) -> str:
    write = statement(datetime(2026, 11, 23, 17, 4, 11, tzinfo=UTC), time_zone("America/Chicago"))
    return write(engine_of("postgres")._replace(recurses=recurses), lambda: indexes)


def _fenced(text: str) -> str:
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


Parts = Mapping[str, Mapping[str, Callable[[], str]]]

PARTS: Parts = {
    "docs/api.md": {"statistics": statistics, "counters": counters, "metrics": metrics},
    "docs/architecture.md": {
        "scan": partial(sql, ()),
        "indexes": partial(sql, INDEXES),
        "groups": sql_of_mysql,
        "floors": architecture.floors,
    },
    "docs/configuration.md": {"settings": settings},
    "docs/openapi.yaml": {"schema": openapi.schema},
    "docs/troubleshooting.md": {"database errors": database_errors},
    "docs/query-snapshots.md": {"athena": athena.snapshots},
    **{
        f"infra/database/read_only_user.{engine}.sql": {"grants": partial(grants.body, engine)}
        for engine in grants.ENGINES
    },
}

FILES: Mapping[str, Callable[[], str]] = {
    "dashboards/grafana.json": prometheus.text,
    "dashboards/grafana-infinity.json": infinity.text,
    "dashboards/zabbix.yaml": zabbix.text,
    "dev/build/constraints.json": template.constraints,
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


def main(arguments: Sequence[str], parts: Parts = PARTS) -> int:
    """Update the files, or report the outdated ones; return the exit code."""
    outdated = []
    for name in (*parts, *FILES):
        path = ROOT / name
        text = path.read_text()
        current = FILES[name]() if name in FILES else render(text, parts[name])
        if current != text:
            outdated.append(name)
            if "--check" not in arguments:
                path.write_text(current)
    if outdated and "--check" in arguments:
        print(f"Not current: {', '.join(outdated)}. Run `make docs`.", file=sys.stderr)
        return 1
    return 0

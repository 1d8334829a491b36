"""The log, which grows: the time of the statement, and the indexes."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from openl2m_stats.doctor.findings import Finding
from openl2m_stats.session import Session, script_path
from stats.database.driver import DatabaseError, Indexes
from stats.numbers import query

_LARGE = 100_000
_RUNS = 3
_BYTES = {
    "mysql": """SELECT data_length + index_length FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'switches_log'""",
    "postgresql": "SELECT pg_total_relation_size('switches_log')",
}


def check_statement(session: Session) -> Finding:
    """Compare the statement's time with REQUEST_TIMEOUT_SECONDS. Raise DatabaseError."""
    seconds = []
    try:
        for _ in range(_RUNS):
            now, started = datetime.now(UTC), time.monotonic()
            [row] = session.read(query.statement(now, session.settings.time_zone))
            seconds.append(time.monotonic() - started)
    except DatabaseError as error:
        return Finding("FAIL", str(error), _slow_advice(session.dialect))
    entries = query.document(row)["database"]["log_entries"]["value"]
    took, timeout = statistics.median(seconds), session.settings.request_timeout_seconds
    seen = f"{took * 1000:,.0f} ms, the median of {_RUNS}, over {entries:,} log entries{_size(session)}"
    if took > timeout / 2:
        return Finding("warn", f"{seen}; REQUEST_TIMEOUT_SECONDS is {timeout}", _slow_advice(session.dialect))
    return Finding("ok", seen)


def _slow_advice(dialect: str) -> str:
    if dialect == "sqlite":
        return "SQLite is for small databases and short trials."
    return (
        f"Run {script_path('log_index', dialect)} if index is not ok; else the database needs to be faster, or "
        "REQUEST_TIMEOUT_SECONDS larger."
    )


def _size(session: Session) -> str:
    if session.dialect not in _BYTES:
        return ""
    rows = session.rows(_BYTES[session.dialect])
    return f" of {int(rows[0][0]) / 1e6:,.1f} MB" if rows and rows[0][0] is not None else ""


def check_index(session: Session) -> Finding:
    """Check a large log for the recommended indexes. Raise DatabaseError."""
    missing: list[tuple[str, ...]] = []

    def statement(_engine: object, indexes: Callable[[], Indexes]) -> str:
        missing[:] = query.missing_indexes(indexes())
        return "SELECT COUNT(*) FROM switches_log"

    entries = int(session.read(statement)[0][0])
    if entries < _LARGE:
        only_cost = f"below {_LARGE:,} log entries, the recommended indexes only cost"
        if missing:
            return Finding("ok", f"none is needed: {only_cost}")
        return Finding("ok", f"{only_cost}; {script_path('log_index', session.dialect)} says how to remove them")
    if not missing:
        return Finding("ok", "the recommended indexes exist")
    columns = " and ".join(f"({', '.join(each)})" for each in missing)
    advice = f"Run {script_path('log_index', session.dialect)}."
    return Finding("warn", f"{entries:,} log entries without an index on {columns}", advice)

"""The log, which grows: how long the statement takes on it, and whether the index is there."""

import re
import statistics
import time
from datetime import UTC, datetime

from stats import query
from stats.database import DatabaseError
from stats.engines import ENGINES
from tools.doctor.findings import Finding
from tools.doctor.session import Session, script, script_path

_LARGE = 100_000
_RUNS = 3
# (index, column), in the order of the index's columns; what the server would not use is left out.
_INDEXES = {
    "mysql": """SELECT index_name, column_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'switches_log' ORDER BY index_name, seq_in_index""",
    "postgresql": """SELECT indexrelid, attname FROM pg_index JOIN pg_attribute ON attrelid = indexrelid
        WHERE indrelid = to_regclass('switches_log') AND indisvalid AND indpred IS NULL ORDER BY indexrelid, attnum""",
    "sqlite": """SELECT l.name, i.name FROM pragma_index_list('switches_log') l JOIN pragma_index_info(l.name) i
        ORDER BY l.name, i.seqno""",
}
_BYTES = {
    "mysql": """SELECT data_length + index_length FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'switches_log'""",
    "postgresql": "SELECT pg_total_relation_size('switches_log')",
}


def check_statement(session: Session) -> Finding:
    """Tell how long the statement takes, of the time that the function has. Raise DatabaseError."""
    name = "statement"
    engine = ENGINES[session.server.engine]
    seconds = []
    try:
        for _ in range(_RUNS):
            now, started = datetime.now(UTC), time.monotonic()
            [row] = session.rows(query.statement(now, session.settings.time_zone, engine.literal))
            seconds.append(time.monotonic() - started)
    except DatabaseError as error:
        return Finding("FAIL", name, str(error), _slow_advice(session.dialect))
    entries = query.document(row)["database"]["log_entries"]["value"]
    took, timeout = statistics.median(seconds), session.settings.request_timeout_seconds
    seen = f"{took * 1000:,.0f} ms, the median of {_RUNS}, over {entries:,} log entries{_size(session)}"
    if took > timeout / 2:
        return Finding("warn", name, f"{seen}; REQUEST_TIMEOUT_SECONDS is {timeout}", _slow_advice(session.dialect))
    return Finding("ok", name, seen)


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
    """Tell whether the log has the recommended indexes, if it is large. Raise DatabaseError."""
    name = "index"
    indexes: dict[str, list[str]] = {}
    for index, column in session.rows(_INDEXES[session.dialect]):
        indexes.setdefault(str(index), []).append(str(column))
    missing = [
        columns
        for columns in _recommended(session.dialect)
        if not any(existing[: len(columns)] == columns for existing in indexes.values())
    ]
    if not missing:
        return Finding("ok", name, "all that are recommended are there")
    entries = int(session.rows("SELECT COUNT(*) FROM switches_log")[0][0])
    if entries < _LARGE:
        return Finding("ok", name, f"none is needed below {_LARGE:,} log entries")
    columns = " and ".join(f"({', '.join(each)})" for each in missing)
    advice = f"Run {script_path('log_index', session.dialect)}."
    return Finding("warn", name, f"{entries:,} log entries without an index on {columns}", advice)


def _recommended(dialect: str) -> list[list[str]]:
    """Return the columns of each index that the operator's script makes."""
    text = script("log_index", dialect)
    return [columns.split(", ") for columns in re.findall(r"\bINDEX [\w\s]+\(([^)]+)\)", text)]

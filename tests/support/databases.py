"""A fresh OpenL2M database for a test, on any engine, with the read-only user that an operator would create."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dev.servers import databases
from dev.servers.databases import Database, Server
from openl2m_stats.local.openl2m_schema import DIALECTS, insert
from tests.support import leaks

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def server_database(server: Server) -> Iterator[Database]:
    """Create a database and its user, with a password of the test's own; drop both at the end."""
    with databases.server_database(server, leaks.new_password()) as database:
        yield database


def load_case(database: Database, case: Mapping[str, Any]) -> None:
    """Fill a database with the rows of a recorded case: tests/cases/*.json."""
    tables = dict(case["tables"])
    log, memberships, counters = (
        tables.pop(name) for name in ("switches_log", "switches_switchgroupmembership", "counters_counter")
    )
    with contextlib.closing(database.connect()) as connection:

        def put(table: str, rows: list[dict[str, Any]]) -> None:
            insert(connection, DIALECTS[database.dialect], table, rows)

        for table, content in tables.items():
            ids = content if isinstance(content, list) else range(1, content + 1)
            put(table, [{"id": number, **_unique(table, number)} for number in ids])
        put("switches_switchgroupmembership", [{"switch_id": s, "switchgroup_id": g} for s, g in memberships])
        put("counters_counter", [{"name": name, "value": value} for name, value in counters.items()])
        keys = ("timestamp", "type", "action", "switch_id", "user_id")
        rows = [dict(zip(keys, row, strict=True)) for row in log]
        for row in rows:
            row["timestamp"] = row["timestamp"] and datetime.fromisoformat(row["timestamp"])
        put("switches_log", rows)


# What a log may hold although no calendar has it.
_ODD_INSTANTS = {
    "mysql": ("0000-00-00", "2026-00-00", "2026-08-00"),
    "postgresql": ("-infinity", "infinity", "10000-01-01", "4713-01-01 BC", "0001-01-01 00:00:00+14"),
}


def insert_odd_instants(database: Database) -> int:
    """Add changes of odd instants, as a client whose mode is lax may have done; return how many."""
    odd = _ODD_INSTANTS[database.dialect]
    database.insert("switches_log", [{"id": 1000 + n, "type": 1, "timestamp": None} for n, _ in enumerate(odd)])
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        if database.dialect == "mysql":
            cursor.execute("SET SESSION sql_mode = ''")
        for number, instant in enumerate(odd, start=1000):
            cursor.execute(f"UPDATE switches_log SET timestamp = '{instant}' WHERE id = {number}")
        connection.commit()
    return len(odd)


def shared(document: Any, expected: Any) -> Any:
    """Return what a document says of the statistics that are expected: there may be newer ones."""
    return {
        section: {key: entry for key, entry in document.get(section, {}).items() if key in entries}
        for section, entries in expected.items()
    }


def _unique(table: str, number: int) -> dict[str, Any]:
    return {"key": f"{number:040x}"} if table == "users_token" else {}


def read_case(path: Path) -> dict[str, Any]:
    """Return a recorded case; `expected` has the key that OpenL2M drops when there is no switch group."""
    case: dict[str, Any] = json.loads(path.read_text())
    section = case["expected"]["database"]
    if "switchgroups" not in section:
        section["switchgroups"] = {"label": "Switch Groups", "value": 0}
    return case

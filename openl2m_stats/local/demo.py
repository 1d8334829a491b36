"""The demo database: as large as the example in OpenL2M's documentation, and used until now."""

import random
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from openl2m_stats.local.openl2m_schema import DIALECTS, Dialect, create_tables, insert

# The key that `make run` prints and the files in events/ carry. It opens nothing but the demo.
TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105

ROWS = {
    "switches_switch": 1246,
    "switches_vlan": 295,
    "switches_vlangroup": 19,
    "switches_snmpprofile": 20,
    "switches_netmikoprofile": 11,
    "switches_command": 26,
    "switches_commandlist": 6,
    "auth_user": 122,
    "users_token": 2,
}
GROUPS = 33
COUNTERS = {
    "changes": 39014,
    "commands": 1231,
    "logins": 18604,
    "logins_failed": 712,
    "access_denied": 94,
    "errors": 2417,
    "warnings": 1385,
    "views": 287430,
    "detailviews": 60122,
    "bulkedits": 1873,
    "hwinfo": 3306,
}
_LOG_ENTRIES = 4925
DAYS = 180
# (type, action) and its weight: views, changes, commands, logins, API calls, errors.
KINDS = {(0, 90): 60, (1, 1): 8, (4, 91): 5, (5, 92): 13, (5, 95): 9, (3, 93): 5}


def create_database(path: Path) -> None:
    """Create the demo database as an SQLite file; only its instants differ from run to run."""
    now = datetime.now(UTC)
    chance = random.Random(2026)  # noqa: S311 no secret is drawn from it
    dialect = DIALECTS["sqlite"]
    connection = sqlite3.connect(path)
    connection.execute(
        "PRAGMA synchronous = OFF"
    )  # the file need not outlive the process, so nothing waits for the disk
    create_tables(connection, dialect)
    insert_inventory(connection, dialect, ROWS)
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=_LOG_ENTRIES)
    moments = _moments(now, chance)
    log = [
        {
            "timestamp": moment,
            "type": type_,
            "action": action,
            "switch_id": chance.randint(1, ROWS["switches_switch"]) if type_ in (0, 1, 4) else None,
            "user_id": chance.randint(1, ROWS["auth_user"]) if type_ != 3 else None,
        }
        for moment, (type_, action) in zip(moments, kinds, strict=True)
    ]
    insert(connection, dialect, "switches_log", log)
    connection.close()


def _moments(now: datetime, chance: random.Random) -> list[datetime]:
    """Draw the times of log entries: mostly on weekdays from 13:00 to 24:00 UTC, more of late, the last one now."""
    hours = [now - timedelta(hours=ago) for ago in range(DAYS * 24)]
    weights = [_use(hour) * (1.5 - ago / len(hours)) if ago > 1 else 1.0 for ago, hour in enumerate(hours)]
    drawn = chance.choices(hours, weights, k=_LOG_ENTRIES - 1)
    return [*sorted(hour - timedelta(hours=chance.random()) for hour in drawn), now]


def _use(hour: datetime) -> float:
    """Return how much OpenL2M is used in an hour; 1 is a working hour."""
    return (1.0 if hour.hour >= 13 else 0.05) * (1.0 if hour.weekday() < 5 else 0.15)


def insert_inventory(connection: Any, dialect: Dialect, rows: Mapping[str, int]) -> None:
    """Fill empty tables except the log: `rows` of each, switch groups with members, and counters."""
    for table, count in {**rows, "switches_switchgroup": GROUPS}.items():
        insert(connection, dialect, table, ({"id": number} for number in range(1, count + 1)))
    memberships = ({"switch_id": n, "switchgroup_id": n % GROUPS + 1} for n in range(1, rows["switches_switch"] + 1))
    insert(connection, dialect, "switches_switchgroupmembership", memberships)
    insert(
        connection, dialect, "counters_counter", ({"name": name, "value": value} for name, value in COUNTERS.items())
    )

"""Databases like OpenL2M's, loaded fast, then brought into the state of one that has been running for a while."""

import contextlib
import io
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from dev.servers.databases import Database, run_script
from openl2m_stats.local import demo
from openl2m_stats.local.openl2m_schema import COLUMNS, DIALECTS

_BATCH = 10_000
_INVENTORY = {**demo.ROWS, "switches_vlan": 850}
_NAMES = ", ".join(column.name for column in COLUMNS["switches_log"])
_TABLES = ", ".join(COLUMNS)
# What a server does by itself in the course of a day: update its statistics, and write its cache to the disk.
_SETTLE = {
    "mysql": (f"ANALYZE TABLE {_TABLES}", "FLUSH TABLES switches_log FOR EXPORT"),
    "postgresql": ("VACUUM (ANALYZE)", "CHECKPOINT"),
    "sqlite": ("ANALYZE",),
}
_SWITCHES, _USERS = demo.ROWS["switches_switch"], demo.ROWS["auth_user"]
_POOL = 512  # texts to choose from: making one for each row would take longer than storing the row


def fill(database: Database, entries: int, until: datetime | None = None, *, indexed: bool = False) -> None:
    """Fill a new database with so many log entries, the last at `until` (by default now), and create the indexes."""
    dialect = DIALECTS[database.dialect]
    rows = log_rows(entries, until or datetime.now(UTC))
    with contextlib.closing(database.connect()) as connection:
        demo.insert_inventory(connection, dialect, _INVENTORY)
        cursor = connection.cursor()
        while batch := [(dialect.adapt(row[0]), *row[1:]) for row in islice(rows, _BATCH)]:
            if database.dialect == "postgresql":
                # The texts are ours: none has a tab, a backslash or a line break.
                lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in batch)
                stream = io.BytesIO("\n".join(lines).encode())
                cursor.execute(f"COPY switches_log ({_NAMES}) FROM STDIN", stream=stream)
            else:
                parameters = ", ".join([dialect.parameter] * len(batch[0]))
                cursor.executemany(f"INSERT INTO switches_log ({_NAMES}) VALUES ({parameters})", batch)
        connection.commit()
    if indexed:
        run_script(database, "log_index")
    for statement in _SETTLE[database.dialect]:
        database.execute(statement)


def log_rows(count: int, until: datetime) -> Iterator[tuple[Any, ...]]:
    """Yield rows of switches_log without `id`, spread evenly over the 180 days before `until`, oldest first.

    They are always the same. Views, changes, commands, logins, API calls and errors have the shares of the demo's log.
    """
    chance = random.Random(2026)  # noqa: S311 no secret is drawn from it
    texts = {kind: [_texts(kind[0], chance) for _ in range(_POOL)] for kind in demo.KINDS}
    step = timedelta(days=demo.DAYS) / count
    since = until - timedelta(days=demo.DAYS)
    draw = chance.random
    for number, kind in enumerate(chance.choices(list(demo.KINDS), list(demo.KINDS.values()), k=count), start=1):
        type_, action = kind
        switch = int(draw() * _SWITCHES) + 1 if type_ in {0, 1, 4} else None
        user = int(draw() * _USERS) + 1 if type_ != 3 else None
        interface, address, description, name = texts[kind][int(draw() * _POOL)]
        group = switch % demo.GROUPS + 1 if switch else None
        yield since + step * number, interface, address, type_, action, description, group, switch, user, name


def _texts(type_: int, chance: random.Random) -> tuple[int, str, str, str]:
    """Return if_index, ip_address, description and if_name, 60 to 100 characters in all; only changes have a port."""
    address = f"10.{chance.randint(0, 31)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"
    port, vlan = chance.randint(1, 48), chance.randint(2, 850)
    name, building = f"GigabitEthernet{chance.randint(1, 8)}/0/{port}", f"building {chance.randint(1, 99)}"
    description = {
        0: f"Viewed the interfaces of the switch in {building}, floor 3, room {port:03}",
        1: f"Port moved to vlan {vlan} for {building}, room {port:03}",
        3: f"SNMP timeout of the switch in {building}, room {port:03}, vlan {vlan}",
        4: f"Ran show interface {name} status, {building}, room {port:03}",
        5: f"Session of a network administrator, from {building}, room {port:03}",
    }[type_]
    return (port, address, description, name) if type_ == 1 else (0, address, description, "")

"""The statement's two shapes: which of them is sent, and that both give the same numbers."""

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from dev.servers.databases import Database, run_script
from tests.support.proxy import Proxy

# A Kiritimati day is the next one in UTC, and Havana's midnight of 8 March 2026 does not exist.
INSTANTS = {
    "UTC": datetime(2026, 3, 4, 0, 20, tzinfo=UTC),
    "Pacific/Kiritimati": datetime(2026, 3, 4, 10, 30, tzinfo=UTC),
    "America/Havana": datetime(2026, 3, 15, 4, 10, tzinfo=UTC),
}
SWITCHES, USERS = 12, 6
# Log entries of switches that are gone: between, before and after those that are there.
GONE = (-3, 0, 5, *range(SWITCHES + 1, SWITCHES + 5), 2**40)
ODD_INSTANTS = {
    "mysql": ("0000-00-00 00:00:00", "2026-00-00 00:00:00", "1000-01-01 00:00:00", "9999-12-31 23:59:59.999999"),
    "postgresql": ("-infinity", "infinity", "4713-01-01 00:00:00 BC", "10000-01-01 00:00:00+00"),
}


@pytest.fixture
def proxy(server_db: Database, aws: Any) -> Iterator[Proxy]:
    assert server_db.server is not None
    with Proxy((server_db.server.host, server_db.server.port)) as proxy:
        # Without TLS the proxy can read what is said.
        aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
        yield proxy


def reads_by_indexes(proxy: Proxy) -> bool:
    """Tell which shape the last statement had."""
    statement = proxy.sent[proxy.sent.rindex(b"(SELECT COUNT(*) FROM switches_switch)") :]
    assert (b"GROUP BY s, t, u, w" in statement) != (b" AS devices_last_hour" in statement)
    return b" AS devices_last_hour" in statement


def random_log(chance: random.Random, now: datetime) -> list[dict[str, Any]]:
    """Return entries that crowd around the windows' bounds, some of them without time, device or user."""
    days = [timedelta(days=days) for days in (-32, -31, -8, -7, -1, 0, 1, 2)]
    offsets = [timedelta(hours=hours) for hours in (-24, -14, -10, -5, -1, 0, 1, 10, 14)]
    midnight = now.replace(hour=0, minute=0)
    gone = chance.choice([(), GONE])

    def instant() -> datetime | None:
        around = chance.choice([now, midnight]) + chance.choice(days) + chance.choice(offsets)
        moment = timedelta(microseconds=chance.choice([-1, 0, 1, chance.randrange(3_600_000_000)]))
        return None if chance.random() < 0.05 else around + moment

    return [
        {
            "timestamp": instant(),
            "type": chance.choice([0, 1, 3, 4, 5, 5, 9]),
            "action": chance.choice([1, 90, 95, 95]),
            "switch_id": chance.choice([None, *range(1, SWITCHES + 1), *gone]),
            "user_id": chance.choice([None, *range(1, USERS + 1)]),
        }
        for _ in range(chance.choice([0, 1, 30, 200]))
    ]


def insert_odd_instants(database: Database, chance: random.Random) -> None:
    """Insert entries with instants that the server accepts, but Python cannot represent."""
    columns = "timestamp, type, action, switch_id, user_id, if_index, ip_address, if_name"
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        if database.dialect == "mysql":
            cursor.execute("SET SESSION sql_mode = ''")
        for instant in ODD_INSTANTS[database.dialect]:
            switch = chance.choice(["NULL", 1, SWITCHES + 1, *GONE])
            values = f"'{instant}', {chance.choice([0, 1, 4, 5])}, 95, {switch}, 1, 0, '', ''"
            cursor.execute(f"INSERT INTO switches_log ({columns}) VALUES ({values})")


def devices(log: list[dict[str, Any]], now: datetime, zone: str) -> dict[str, int]:
    """Count the devices of the last 7 and 31 days as OpenL2M does: distinct values, without a join."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    counts = {}
    for days in (7, 31):
        since = (day - timedelta(days=days)).replace(tzinfo=ZoneInfo(zone))
        seen = [row["switch_id"] for row in log if row["timestamp"] and row["timestamp"] >= since]
        counts[f"devices_last_{days}_days"] = len(set(seen) - {None})
    return counts


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("zone", INSTANTS)
def test_both_give_the_same_numbers(
    zone: str, seed: int, server_db: Database, aws: Any, proxy: Proxy, new_container: Any
) -> None:
    now = INSTANTS[zone]
    chance = random.Random(f"{zone} {seed}")
    switches = [{"id": number, "name": f"s{number}"} for number in range(1, SWITCHES + 1) if number not in GONE]
    server_db.insert("switches_switch", switches)
    key = aws.new_token()
    with time_machine.travel(now, tick=False):
        scanning = new_container(TIME_ZONE=zone, DATABASE_TLS="off", CACHE_TTL_SECONDS=0)
        assert scanning.get(key).status == 200
        run_script(server_db, "log_index")
        seeking = new_container()
        for _ in range(5):
            server_db.execute("DELETE FROM switches_log")
            log = random_log(chance, now)
            server_db.insert("switches_log", log)

            by_scan = scanning.get(key).json
            assert not reads_by_indexes(proxy)
            by_indexes = seeking.get(key).json
            assert reads_by_indexes(proxy)

            assert by_indexes == by_scan
            expected = devices(log, now, zone)
            assert {name: by_indexes["usage"][name]["value"] for name in expected} == expected

            insert_odd_instants(server_db, chance)
            assert seeking.get(key).json == scanning.get(key).json


def test_an_entry_of_a_switch_that_is_gone_counts_its_device(
    server_db: Database, aws: Any, proxy: Proxy, new_container: Any
) -> None:
    now = INSTANTS["UTC"]
    server_db.insert("switches_switch", [{"id": number, "name": f"s{number}"} for number in (1, 2, 3)])
    log = [{"timestamp": now, "type": 0, "switch_id": switch} for switch in (1, 2, 3, 901, 902, 903)]
    server_db.insert("switches_log", log)
    run_script(server_db, "log_index")
    key = aws.new_token()
    with time_machine.travel(now, tick=False):
        usage = new_container(DATABASE_TLS="off").get(key).json["usage"]
    assert reads_by_indexes(proxy)
    windows = ("last_hour", "today", "last_7_days", "last_31_days")
    assert [usage[f"devices_{window}"]["value"] for window in windows] == [6, 6, 6, 6]


@pytest.mark.parametrize("index", ["type", "switch"])
def test_an_index_that_the_server_does_not_use_counts_as_none(
    index: str, server_db: Database, aws: Any, proxy: Proxy, new_container: Any
) -> None:
    key = aws.new_token()
    run_script(server_db, "log_index")
    assert new_container(DATABASE_TLS="off").get(key).status == 200
    assert reads_by_indexes(proxy)

    name = f"{server_db.user}_{index}"
    if server_db.dialect == "postgresql":
        server_db.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
    else:
        hidden = "IGNORED" if server_db.engine == "mariadb" else "INVISIBLE"
        server_db.execute(f"ALTER TABLE switches_log ALTER INDEX {name} {hidden}")

    assert new_container().get(key).status == 200
    assert not reads_by_indexes(proxy)


@pytest.mark.parametrize(
    "columns",
    ["type, timestamp, action, switch_id, user_id", "timestamp, type, action, user_id, switch_id", "type, timestamp"],
)
def test_an_index_of_other_columns_counts_as_none(
    columns: str, server_db: Database, aws: Any, proxy: Proxy, new_container: Any
) -> None:
    key = aws.new_token()
    server_db.execute("CREATE INDEX own_1 ON switches_log (switch_id, timestamp, type)")
    server_db.execute(f"CREATE INDEX own_2 ON switches_log ({columns})")
    assert new_container(DATABASE_TLS="off").get(key).status == 200
    assert not reads_by_indexes(proxy)

    server_db.execute("CREATE INDEX own_3 ON switches_log (type, timestamp, action, user_id, switch_id)")
    assert new_container().get(key).status == 200
    assert reads_by_indexes(proxy)

"""The statement's two shapes: which of them is sent, and that both give the same numbers."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

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
    assert (b"GROUP BY s, t, u, w" in statement) != (b"ORDER BY switch_id DESC" in statement)
    return b"ORDER BY switch_id DESC" in statement


def random_log(chance: random.Random, now: datetime) -> list[dict[str, Any]]:
    """Return entries that crowd around the windows' bounds, some of them without time, device or user."""
    days = [timedelta(days=days) for days in (-32, -31, -8, -7, -1, 0, 1, 2)]
    offsets = [timedelta(hours=hours) for hours in (-24, -14, -10, -5, -1, 0, 1, 10, 14)]
    midnight = now.replace(hour=0, minute=0)

    def instant() -> datetime | None:
        around = chance.choice([now, midnight]) + chance.choice(days) + chance.choice(offsets)
        moment = timedelta(microseconds=chance.choice([-1, 0, 1, chance.randrange(3_600_000_000)]))
        return None if chance.random() < 0.05 else around + moment

    return [
        {
            "timestamp": instant(),
            "type": chance.choice([0, 1, 3, 4, 5, 5, 9]),
            "action": chance.choice([1, 90, 95, 95]),
            "switch_id": chance.choice([None, *range(1, SWITCHES + 1)]),
            "user_id": chance.choice([None, *range(1, USERS + 1)]),
        }
        for _ in range(chance.choice([0, 1, 30, 200]))
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("zone", INSTANTS)
def test_both_give_the_same_numbers(
    zone: str, seed: int, server_db: Database, aws: Any, proxy: Proxy, new_container: Any
) -> None:
    now = INSTANTS[zone]
    chance = random.Random(f"{zone} {seed}")
    server_db.insert("switches_switch", [{"id": number, "name": f"s{number}"} for number in range(1, SWITCHES + 1)])
    key = aws.new_token()
    with time_machine.travel(now, tick=False):
        scanning = new_container(TIME_ZONE=zone, DATABASE_TLS="off", CACHE_TTL_SECONDS=0)
        assert scanning.get(key).status == 200
        run_script(server_db, "log_index")
        seeking = new_container()
        for _ in range(5):
            server_db.execute("DELETE FROM switches_log")
            server_db.insert("switches_log", random_log(chance, now))

            by_scan = scanning.get(key).json
            assert not reads_by_indexes(proxy)
            by_indexes = seeking.get(key).json
            assert reads_by_indexes(proxy)

            assert by_indexes == by_scan


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

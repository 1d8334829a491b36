"""What is served, stored and told where tables or columns cannot be read: all other numbers, and never a 0."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from dev.servers.databases import Database, run_script
from tests.integration.conftest import AWS, NOW, Travel
from tests.support.metrics import parse
from tests.support.proxy import Proxy
from tests.support.s3 import S3

LOG_COLUMNS = ("timestamp", "type", "action", "switch_id", "user_id")
WINDOWS = ("last_hour", "today", "last_7_days", "last_31_days")
DEVICES = {f"devices_{window}" for window in WINDOWS}
CHANGES = {f"changes_{window}" for window in WINDOWS}
USERS = {f"users_{window}" for window in WINDOWS}
API_CALLS = {f"api_calls_{window}" for window in WINDOWS[1:]}
COMMANDS = {f"commands_{window}" for window in WINDOWS[1:]}
SEEN = {"devices_last_hour", "devices_today"}
OF_LOG = DEVICES | CHANGES | USERS | API_CALLS | COMMANDS
TOTALS = {"changes_total", "commands_total"}
# The minute begins when the attempt has ended, and a busy machine makes it long; the clock stands still meanwhile.
LATER = 90
# The keys that are missing without a column; without a table.
COLUMNS = [
    ("switches_log", "action", API_CALLS),
    ("switches_log", "switch_id", DEVICES),
    ("switches_log", "user_id", USERS),
    ("switches_log", "type", OF_LOG - (DEVICES - SEEN)),
    ("switches_log", "timestamp", OF_LOG),
    ("counters_counter", "value", TOTALS),
    ("switches_switchgroupmembership", "switchgroup_id", {"switchgroups"}),
]
TABLES = [
    ("switches_switch", {"switches"}),
    ("switches_vlan", {"vlans"}),
    ("switches_log", OF_LOG | {"log_entries"}),
    ("counters_counter", TOTALS),
]


@pytest.fixture
def key(database: Database, aws: AWS) -> str:
    fill(database)
    aws.put_database(database.secret())
    return aws.new_token()


@pytest.fixture
def server_key(server_db: Database, aws: AWS) -> str:
    fill(server_db)
    aws.put_database(server_db.secret())
    return aws.new_token()


def fill(database: Database) -> None:
    """Give every number a value other than 0."""
    for table in ("switch", "vlan", "vlangroup", "snmpprofile", "netmikoprofile", "command", "commandlist"):
        database.insert(f"switches_{table}", [{"name": f"{number}"} for number in range(3)])
    database.insert("users_token", [{"key": "a"}])
    database.insert("switches_switchgroupmembership", [{"switch_id": 1, "switchgroup_id": 1}])
    database.insert("counters_counter", [{"name": name, "value": 5} for name in ("changes", "commands", "logins")])
    seen = {"timestamp": NOW - timedelta(seconds=1), "switch_id": 1, "user_id": 1, "action": 95}
    database.insert("switches_log", [{**seen, "type": type_} for type_ in (0, 1, 4, 5)])


def numbers(document: Any) -> dict[str, int]:
    assert list(document) == ["database", "usage"]
    return {key: entry["value"] for section in document.values() for key, entry in section.items()}


@contextlib.contextmanager
def absent(database: Database, *tables: str) -> Iterator[None]:
    for table in tables:
        database.execute(f"ALTER TABLE {table} RENAME TO hidden_{table}")
    yield
    for table in tables:
        database.execute(f"ALTER TABLE hidden_{table} RENAME TO {table}")


def logged(output: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, output.splitlines()) if line.get("message", "").startswith("statistics")]


@pytest.mark.parametrize(("table", "missing"), TABLES)
def test_an_absent_table_costs_its_own_numbers(
    table: str, missing: set[str], key: str, database: Database, travel: Travel, new_container: Any, capsys: Any
) -> None:
    container = new_container()
    whole = numbers(container.get(key).json)
    assert 0 not in whole.values()
    travel(61)
    capsys.readouterr()
    with absent(database, table):
        answer = container.get(key)
    output = capsys.readouterr().out
    assert (answer.status, answer.headers["Age"]) == (200, "0")
    assert answer.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    assert numbers(answer.json) == {name: value for name, value in whole.items() if name not in missing}
    [line] = logged(output)
    assert line["message"] == "statistics missing"
    assert set(line["missing"]) & set(whole) == missing
    assert table in line["error"]
    assert "openl2m-stats doctor" in line["error"]
    assert '"StatisticsMissing":[1.0]' in output
    assert "DatabaseFailure" not in output


@pytest.mark.parametrize("indexes", [False, True], ids=["scan", "indexes"])
@pytest.mark.parametrize(("table", "column", "missing"), COLUMNS)
def test_a_missing_grant_on_a_column_costs_its_own_numbers(
    table: str,
    column: str,
    missing: set[str],
    indexes: bool,
    server_key: str,
    server_db: Database,
    travel: Travel,
    new_container: Any,
    capsys: Any,
) -> None:
    if indexes:
        run_script(server_db, "log_index")
    whole = numbers(new_container().get(server_key).json)
    server_db.execute(f"REVOKE SELECT ({column}) ON {table} FROM {server_db.user}")
    capsys.readouterr()
    answer = new_container().get(server_key)
    assert answer.status == 200
    assert numbers(answer.json) == {name: value for name, value in whole.items() if name not in missing}
    [line] = logged(capsys.readouterr().out)
    assert table in line["error"]
    assert "openl2m-stats grants" in line["error"]


@pytest.mark.parametrize(("table", "column", "missing"), COLUMNS[:2])
def test_an_absent_column_costs_its_own_numbers(
    table: str, column: str, missing: set[str], key: str, database: Database, travel: Travel, new_container: Any
) -> None:
    whole = numbers(new_container().get(key).json)
    database.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO hidden")
    answer = new_container().get(key)
    assert numbers(answer.json) == {name: value for name, value in whole.items() if name not in missing}


@pytest.mark.parametrize(("table", "missing"), TABLES)
def test_a_missing_grant_on_a_table_costs_its_own_numbers(
    table: str, missing: set[str], server_key: str, server_db: Database, travel: Travel, new_container: Any
) -> None:
    whole = numbers(new_container().get(server_key).json)
    columns = {"switches_log": ", ".join(LOG_COLUMNS), "counters_counter": "name, value"}.get(table, "id")
    server_db.execute(f"REVOKE SELECT ({columns}) ON {table} FROM {server_db.user}")
    answer = new_container().get(server_key)
    assert numbers(answer.json) == {name: value for name, value in whole.items() if name not in missing}


def test_a_section_without_numbers_stays(key: str, database: Database, travel: Travel, new_container: Any) -> None:
    with absent(database, "switches_log", "counters_counter"):
        document = new_container().get(key).json
    assert document["usage"] == {}
    assert len(document["database"]) == 9


def test_nothing_readable_is_an_outage(key: str, database: Database, travel: Travel, new_container: Any) -> None:
    tables = ["users_token", "counters_counter"]
    tables += [f"switches_{name}" for name in ("switch", "switchgroupmembership", "vlan", "vlangroup", "snmpprofile")]
    tables += [f"switches_{name}" for name in ("netmikoprofile", "command", "commandlist", "log")]
    container = new_container(MAX_STALE_SECONDS=120)
    before = container.get(key)
    travel(61)
    with absent(database, *tables):
        stale = container.get(key)
        assert (stale.body, stale.headers["Age"]) == (before.body, "61")
        assert new_container().get(key).status == 503


def test_a_cure_is_seen_after_a_minute_and_not_before(
    server_key: str, server_db: Database, aws: AWS, travel: Travel, new_container: Any, capsys: Any
) -> None:
    """The missing table is tried once a minute, and the other numbers are read by one statement meanwhile."""
    assert server_db.server is not None
    with Proxy((server_db.server.host, server_db.server.port)) as proxy:
        aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
        container = new_container(CACHE_TTL_SECONDS=0, DATABASE_TLS="off")

        def read() -> tuple[bool, int, int]:
            """Return whether the number is there, how often the table was named, and how often a session began."""
            sent, connections = len(proxy.sent), proxy.connections
            answer = container.get(server_key)
            assert answer.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
            tried = proxy.sent[sent:].count(b"switches_vlangroup")
            return "vlan_groups" in answer.json["database"], tried, proxy.connections - connections

        with absent(server_db, "switches_vlangroup"):
            there, tried, logins = read()
            assert not there
            assert tried > 1
            assert logins == 2
            for seconds in (0, 1, 30, 59):
                travel(seconds)
                assert read() == (False, 0, 0)
            travel(LATER)
            there, tried, logins = read()
            assert not there
            assert tried > 1
            assert logins == 1
        travel(LATER + 1)
        assert read() == (False, 0, 0)
        travel(2 * LATER)
        assert read() == (True, 1, 0)
        travel(2 * LATER + 1)
        assert read() == (True, 1, 0)
    assert len(logged(capsys.readouterr().out)) == 1


def test_a_further_gap_is_found_within_the_minute(
    key: str, database: Database, travel: Travel, new_container: Any, capsys: Any
) -> None:
    container = new_container(CACHE_TTL_SECONDS=0)
    with absent(database, "switches_vlangroup"):
        assert "vlans" in container.get(key).json["database"]
        travel(10)
        with absent(database, "switches_vlan"):
            assert {"vlans", "vlan_groups"}.isdisjoint(container.get(key).json["database"])
    travel(59)
    assert {"vlans", "vlan_groups"}.isdisjoint(container.get(key).json["database"])
    travel(LATER)
    assert {"vlans", "vlan_groups"} <= set(container.get(key).json["database"])
    missing = [line.get("missing") for line in logged(capsys.readouterr().out)]
    assert missing == [["vlan_groups"], ["vlans", "vlan_groups"]]


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_table_in_a_schema_that_is_not_searched(
    server_key: str, server_db: Database, travel: Travel, new_container: Any
) -> None:
    """The search_path is fixed when a session begins: the cure is seen all the same."""
    server_db.execute("CREATE SCHEMA elsewhere")
    server_db.execute("ALTER TABLE switches_vlan SET SCHEMA elsewhere")
    container = new_container(CACHE_TTL_SECONDS=0)
    assert "vlans" not in container.get(server_key).json["database"]
    server_db.execute(f"GRANT USAGE ON SCHEMA elsewhere TO {server_db.user}")
    server_db.execute(f"ALTER ROLE {server_db.user} SET search_path = public, elsewhere")
    travel(LATER)
    assert container.get(server_key).json["database"]["vlans"]["value"] == 3


def test_metrics_have_no_series_of_a_missing_number(
    key: str, database: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container()

    def scrape() -> set[str]:
        answer = container.get(key, path="/metrics")
        return {name for name, _window in parse(answer.headers["Content-Type"], answer.body)}

    before = scrape()
    travel(61)
    with absent(database, "switches_vlan", "counters_counter"):
        after = scrape()
    totals = {name for name in before if name.endswith("_total")}
    assert before - after == {"openl2m_vlans"} | totals
    assert "openl2m_logins_total" in totals


def test_snapshots_and_history_have_no_missing_number(
    key: str, database: Database, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    with absent(database, "switches_vlan"):
        taken = new_schedule()({})
        assert taken["written"]
    stored = json.loads(s3.objects["snapshots/latest.json"])
    assert "vlans" not in stored["database"]
    assert stored["database"]["vlan_groups"]["value"] == 3

    container = new_container()
    history = container.get(key, path="/api/stats/history/").json
    assert history["database"]["vlans"]["values"][-1] is None
    assert history["database"]["vlan_groups"]["values"][-1] == 3
    text = container.get(key, ("Accept", "text/csv"), path="/api/stats/history/").body
    assert list(csv.DictReader(io.StringIO(text)))[-1]["vlans"] == ""

    # The database has the number again, and comes first; without it, the snapshot is served as it is.
    whole = container.get(key)
    assert whole.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    assert whole.json["database"]["vlans"]["value"] == 3


def test_without_the_database_a_partial_snapshot_is_served(
    key: str, database: Database, aws: AWS, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    with absent(database, "switches_vlan"):
        new_schedule()({})
    aws.put_database({})
    container = new_container()
    for seconds, status in ((1, "hit; ttl=59; detail=snapshot"), (61, "hit; ttl=-1; detail=stale")):
        travel(seconds)
        answer = container.get(key)
        assert answer.headers["Cache-Status"] == f"openl2m-stats; {status}"
        assert "vlans" not in answer.json["database"]
        assert len(answer.json["database"]) == 9

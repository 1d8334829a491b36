"""What an answer costs: statements and waits, counted at the wire and by the server."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database
from tests.support.events import http_api
from tests.support.proxy import Proxy

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def proxy(server_db: Database) -> Iterator[Proxy]:
    assert server_db.server is not None
    with Proxy((server_db.server.host, server_db.server.port)) as proxy:
        yield proxy


@pytest.fixture
def key(aws: Any, server_db: Database, proxy: Proxy) -> str:
    # Without TLS the proxy can read what is said.
    aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
    key: str = aws.new_token()
    return key


def test_a_fresh_answer_costs_one_statement_and_one_wait_and_a_cached_one_nothing(
    key: str, proxy: Proxy, new_container: Any
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(DATABASE_TLS="off", CACHE_TTL_SECONDS=60)
        assert container.get(key).status == 200
        flights, sent = proxy.flights, len(proxy.sent)

        clock.shift(59)
        for path in ("/api/stats/", "/metrics"):
            answer = container.get(key, path=path)
            assert answer.headers["Cache-Status"] == "openl2m-stats; hit; ttl=1; detail=memory"
        assert (proxy.flights, len(proxy.sent)) == (flights, sent)

        clock.shift(1)
        assert container.get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
        assert proxy.flights == flights + 2  # the connection has been idle, and is asked whether it lives
        assert proxy.connections == 1
        assert len(re.findall(rb"FROM switches_log WHERE", proxy.sent[sent:])) == 1


@pytest.mark.parametrize(("idle_seconds", "waits"), [(10, 1), (10.5, 2), (-1, 2)])
def test_a_connection_is_asked_whether_it_lives_after_ten_idle_seconds(
    idle_seconds: float, waits: int, key: str, proxy: Proxy, new_container: Any
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(DATABASE_TLS="off", CACHE_TTL_SECONDS=0)
        assert container.get(key).status == 200
        flights = proxy.flights
        clock.shift(idle_seconds)
        assert container.get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
        assert (proxy.flights, proxy.connections) == (flights + waits, 1)


def test_a_first_answer_costs_the_login_and_two_waits(
    key: str, proxy: Proxy, server_db: Database, new_container: Any
) -> None:
    assert new_container(DATABASE_TLS="off").get(key).status == 200
    login = {"mariadb": 2, "mysql": 4, "postgres": 3}[server_db.engine]  # PyMySQL's own SET NAMES among it
    assert proxy.flights == login + 2  # which indexes there are, and the statement


def test_nothing_is_sent_that_pins_a_proxys_connection(
    key: str, proxy: Proxy, server_db: Database, new_container: Any
) -> None:
    container = new_container(DATABASE_TLS="off", CACHE_TTL_SECONDS=0)
    for _ in range(2):
        assert container.get(key).status == 200
    sent = {"mariadb": [b"NAMES", *[b"STATEMENT"] * 3], "mysql": [b"NAMES"], "postgres": []}
    assert re.findall(rb"\bSET (\w+) ", proxy.sent, re.IGNORECASE) == sent[server_db.engine]
    assert len(proxy.sent) / 2 < 16384  # a proxy pins for longer statements too


def test_a_cached_answer_is_sent_as_it_is_kept(key: str, new_container: Any) -> None:
    container = new_container(DATABASE_TLS="off")
    event = http_api(headers=[("Authorization", f"Token {key}")])
    first, second = (container.api.handler(event, None) for _ in range(2))
    assert second["headers"]["Cache-Status"].startswith("openl2m-stats; hit")
    assert second["body"] is first["body"]
    for name in ("ETag", "Last-Modified"):
        assert second["headers"][name] is first["headers"][name]


def test_the_server_counts_one_statement_for_a_fresh_answer(key: str, server_db: Database, new_container: Any) -> None:
    if server_db.dialect == "postgresql":
        server_db.execute(f"ALTER ROLE {server_db.user} SET log_statement = 'all'")
    container = new_container(DATABASE_TLS="off", CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200

    assert server_db.server is not None
    with contextlib.closing(server_db.server.connect()) as observer, logging_statements(observer):
        before = statements(server_db, observer)
        for _ in range(3):
            assert container.get(key).status == 200
        assert statements(server_db, observer) - before == 3


@contextlib.contextmanager
def logging_statements(observer: Any) -> Iterator[None]:
    """Let a MariaDB, which counts for all users together, write all statements into a table."""
    if "MariaDB" not in getattr(observer, "server_version", ""):
        yield
        return
    cursor = observer.cursor()
    cursor.execute("SET GLOBAL log_output = 'TABLE', general_log = 1")
    try:
        yield
    finally:
        cursor.execute("SET GLOBAL general_log = 0")


def statements(database: Database, observer: Any) -> int:
    """Return how many statements the read-only user's sessions have sent so far, as the server counts them."""
    assert database.server is not None
    if database.dialect == "postgresql":
        # Only our own server lets its log be read.
        assert database.server.directory is not None
        log = (database.server.directory / "log").read_text()
        return len(re.findall(r"LOG: +(?:statement|execute)", log))
    cursor = observer.cursor()
    if "MariaDB" in observer.get_server_info():
        cursor.execute(
            "SELECT COUNT(*) FROM mysql.general_log WHERE command_type IN ('Query', 'Execute') AND user_host LIKE %s",
            [f"{database.user}[%"],
        )
    else:
        cursor.execute(
            "SELECT SUM(VARIABLE_VALUE) FROM performance_schema.status_by_thread JOIN performance_schema.threads"
            " USING (THREAD_ID) WHERE VARIABLE_NAME = 'Questions' AND PROCESSLIST_USER = %s",
            [database.user],
        )
    return int(cursor.fetchone()[0])


def test_a_cached_answer_asks_secrets_manager_nothing(
    server_db: Database, aws: Any, new_container: Any, secrets_manager_proxy: Proxy
) -> None:
    aws.put_database(server_db.secret())
    key = aws.new_token()
    secrets_manager = secrets_manager_proxy
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(AWS_ENDPOINT_URL=f"http://{secrets_manager.host}:{secrets_manager.port}")
        assert container.get(key).status == 200
        assert secrets_manager.flights == 2

        clock.shift(59)
        assert container.get(key).headers["Cache-Status"] == "openl2m-stats; hit; ttl=1; detail=memory"
        assert secrets_manager.flights == 2

        # The registry is due again; the database is asked on the connection that is open.
        clock.shift(1)
        assert container.get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
        assert secrets_manager.flights == 3

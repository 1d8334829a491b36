"""What callers get when the database fails, and that all is well again when it no longer does."""

import contextlib
import gc
import json
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database, Server
from tests.support import leaks
from tests.support.databases import ROOT, server_database
from tests.support.outages import (
    Outage,
    fake_server,
    hung,
    kill_sessions,
    log_locked,
    sessions,
    slow,
    stopped,
    user_refused,
    wait_until,
)
from tests.support.proxy import Proxy

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
# Long enough for a healthy server on a busy machine.
TIMEOUT_SECONDS = 2
# Generous, because the machine may be busy: it tells a late answer from none.
PATIENCE_SECONDS = 8


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", str(TIMEOUT_SECONDS))


@pytest.fixture(params=["mariadb", "postgresql"])
def own_db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """An OpenL2M database on each server that is ours to stop."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    with server_database(server) as database:
        yield database


@pytest.fixture
def proxy(server_db: Database) -> Iterator[Proxy]:
    assert server_db.server is not None
    with Proxy((server_db.server.host, server_db.server.port)) as proxy:
        yield proxy


def assert_unavailable(response: Any, database: Database, retry_after: int | None = None) -> None:
    assert response.status == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Retry-After"]) >= 1
    if retry_after is not None:
        assert response.headers["Retry-After"] == str(retry_after)
    assert response.json == {"detail": "The statistics cannot be read at the moment."}
    assert database.name not in response.body


def in_time(container: Any, key: str) -> Any:
    """Return the answer to a request, which may not wait for ever."""
    started = time.monotonic()
    response = container.get(key)
    assert time.monotonic() - started < TIMEOUT_SECONDS + PATIENCE_SECONDS
    return response


def assert_outage(outage: Outage, database: Database, aws: Any, new_container: Any) -> None:
    """Show what callers get before, during and after an outage: one who comes anew, and one who was served before."""
    aws.put_database(database.secret())
    key = aws.new_token()
    with time_machine.travel(NOW, tick=False) as clock:
        warm = new_container(CACHE_TTL_SECONDS=60, MAX_STALE_SECONDS=120)
        cold = new_container()
        before = warm.get(key)
        assert before.status == 200

        clock.shift(61)
        with outage(database):
            assert_unavailable(in_time(cold, key), database)

            stale = in_time(warm, key)
            assert (stale.status, stale.body) == (200, before.body)
            assert stale.headers["Age"] == "61"
            assert stale.headers["Cache-Status"] == "openl2m-stats; hit; ttl=-1; detail=stale"
            assert stale.headers["ETag"] == before.headers["ETag"]
            assert stale.headers["Last-Modified"] == before.headers["Last-Modified"]

            clock.shift(59)
            oldest = in_time(warm, key)
            assert (oldest.status, oldest.headers["Age"]) == (200, "120")

            clock.shift(1)
            refused = in_time(warm, key)
            assert_unavailable(refused, database)

        # The clock has stood still, and each request took a moment.
        clock.shift(int(refused.headers["Retry-After"]) + 0.5)
        for container in (warm, cold):
            after = container.get(key)
            assert (after.status, after.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")
            assert (after.headers["Age"], after.body) == ("0", before.body)


@pytest.mark.slow
@pytest.mark.parametrize("outage", [stopped, hung], ids=lambda outage: outage.__name__)
def test_an_outage_of_the_server(outage: Outage, own_db: Database, aws: Any, new_container: Any) -> None:
    assert_outage(outage, own_db, aws, new_container)


@pytest.mark.slow
@pytest.mark.parametrize("outage", [log_locked, user_refused], ids=lambda outage: outage.__name__)
def test_an_outage_of_the_database(outage: Outage, server_db: Database, aws: Any, new_container: Any) -> None:
    assert_outage(outage, server_db, aws, new_container)


def test_a_restarted_server_is_asked_anew_by_the_very_next_request(
    own_db: Database, aws: Any, new_container: Any
) -> None:
    aws.put_database(own_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200

    with stopped(own_db):
        pass

    after = container.get(key)
    assert (after.status, after.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")


def test_a_server_stopped_in_the_middle_of_a_statement(own_db: Database, aws: Any, new_container: Any) -> None:
    aws.put_database(own_db.secret())
    key = aws.new_token()
    # Long enough for the server to be stopped before the time is up.
    container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0, REQUEST_TIMEOUT_SECONDS=20)
    assert container.get(key).status == 200

    with contextlib.ExitStack() as lock, ThreadPoolExecutor(1) as pool:
        lock.enter_context(contextlib.suppress(Exception))  # the session that holds the lock dies with the server
        lock.enter_context(log_locked(own_db))
        asked = pool.submit(container.get, key)
        wait_until(lambda: sessions(own_db, busy=True) == 1)
        with stopped(own_db):
            assert_unavailable(asked.result(20), own_db)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10), tick=False):
        assert container.get(key).status == 200


def test_a_connection_cut_in_the_middle_of_a_statement_is_replaced_once(
    server_db: Database, proxy: Proxy, aws: Any, new_container: Any
) -> None:
    aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0, REQUEST_TIMEOUT_SECONDS=20)
    assert container.get(key).status == 200

    with ThreadPoolExecutor(1) as pool:
        with log_locked(server_db):
            asked = pool.submit(container.get, key)
            wait_until(lambda: sessions(server_db, busy=True) == 1)
            proxy.cut()
            wait_until(lambda: proxy.connections == 2)
        assert asked.result(20).status == 200
    assert proxy.connections == 2


def test_a_killed_session_costs_one_reconnect(server_db: Database, proxy: Proxy, aws: Any, new_container: Any) -> None:
    aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200
    assert container.get(key).status == 200
    assert proxy.connections == 1

    kill_sessions(server_db)

    after = container.get(key)
    assert (after.status, after.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")
    assert proxy.connections == 2
    assert container.get(key).status == 200
    assert proxy.connections == 2


def test_a_reused_connection_sees_what_was_written_since(server_db: Database, aws: Any, new_container: Any) -> None:
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    for vlans in range(3):
        assert container.get(key).json["database"]["vlans"]["value"] == vlans
        server_db.insert("switches_vlan", [{"name": f"VLAN {vlans}"}])
    assert sessions(server_db) == 1


@pytest.mark.parametrize("warm", [False, True], ids=["while connecting", "while answering"])
def test_a_dripping_server_is_left_at_the_deadline(
    warm: bool, server_db: Database, proxy: Proxy, aws: Any, new_container: Any
) -> None:
    aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
    key = aws.new_token()
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0)
        if warm:
            assert container.get(key).status == 200
            clock.shift(1)

        # Every byte comes well before a timeout for each receive, and all of them take far too long.
        proxy.drip_seconds = 0.2
        assert_unavailable(in_time(container, key), server_db)

        proxy.drip_seconds = 0
        clock.shift(10)
        assert container.get(key).status == 200


def test_a_dead_database_is_not_tried_by_every_request(
    server_db: Database, proxy: Proxy, aws: Any, new_container: Any
) -> None:
    aws.put_database(server_db.secret(host=proxy.host, port=proxy.port))
    key = aws.new_token()
    alive, proxy.target = proxy.target, ("127.0.0.1", 1)
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container()
        tries: list[int] = []
        # The wait doubles up to half a minute. It begins when the failed try ended: the clock stands still, hence
        # a moment less here and more there.
        for wait in (1, 2, 4, 8, 16, 30, 30):
            response = container.get(key)
            assert response.status == 503
            tries.append(proxy.connections)
            assert response.headers["Retry-After"] == str(wait)
            clock.shift(wait - 0.5)
            assert_unavailable(container.get(key), server_db, retry_after=1)
            assert proxy.connections == tries[-1]
            clock.shift(1.5)
        assert tries == [1, 2, 3, 4, 5, 6, 7]

        proxy.target = alive
        assert container.get(key).status == 200
        proxy.target = ("127.0.0.1", 1)
        proxy.cut()
        clock.shift(61)
        stale = container.get(key)
        assert (stale.status, stale.headers["Age"]) == (200, "61")


def test_the_server_ends_a_statement_that_was_given_up(server_db: Database, aws: Any, new_container: Any) -> None:
    if server_db.dialect == "postgresql":
        # The limit that the operator's script sets, but not ten seconds of waiting.
        assert role_settings(server_db) == ["statement_timeout=10s"]
        server_db.execute(f"ALTER ROLE {server_db.user} SET statement_timeout = '1s'")
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container()
    with slow(server_db), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(container.get, key)
        wait_until(lambda: sessions(server_db, busy=True) == 1)
        assert_unavailable(asked.result(30), server_db)
        wait_until(lambda: sessions(server_db, busy=True) == 0)


def role_settings(database: Database) -> list[str]:
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [database.user])
        settings: list[str] = cursor.fetchone()[0]
        return settings


# --- passwords and secrets


def rotate(database: Database) -> str:
    password = leaks.new_password()
    database.set_password(password)
    return password


def test_a_rotated_password_is_read_anew_when_the_session_has_ended(
    server_db: Database, aws: Any, new_container: Any
) -> None:
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200

    aws.put_database(server_db.secret(password=rotate(server_db)))
    assert container.get(key).status == 200
    kill_sessions(server_db)

    after = container.get(key)
    assert (after.status, after.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")


def test_a_password_that_is_still_pending_is_used(server_db: Database, aws: Any, new_container: Any) -> None:
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200

    password = rotate(server_db)
    aws.client.put_secret_value(
        SecretId=aws.database_secret,
        SecretString=json.dumps(server_db.secret(password=password)),
        VersionStages=["AWSPENDING"],
    )
    kill_sessions(server_db)

    after = container.get(key)
    assert (after.status, after.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")


def test_a_password_that_no_version_knows_gives_stale_and_then_nothing(
    server_db: Database, aws: Any, new_container: Any
) -> None:
    @contextlib.contextmanager
    def password_unknown(database: Database) -> Iterator[None]:
        password = rotate(database)
        kill_sessions(database)
        yield
        aws.put_database(database.secret(password=password))

    assert_outage(password_unknown, server_db, aws, new_container)


def malformed(secret: dict[str, Any]) -> dict[str, str]:
    """Return secrets that are wrong in every way, by what is wrong with them."""

    def changed(**changes: Any) -> str:
        return json.dumps({**secret, **changes})

    texts = {
        "not JSON": secret["password"],
        "half JSON": json.dumps(secret)[:-1],
        "nested too deeply": "[" * 60000,
        "null": "null",
        "a list": json.dumps([secret]),
        "a string": json.dumps(secret["password"]),
        "a number": "1",
        "nothing in it": "{}",
        "engine unknown": changed(engine="oracle"),
        "engine in capitals": changed(engine="MYSQL"),
        "port 0.5": changed(port=0.5),
        "port too high": changed(port=65536),
        "port negative": changed(port=-1),
        "port infinite": changed(port=float("inf")),
        "port not a number": changed(port=float("nan")),
        "port a word": changed(port="mysql"),
        "port a list": changed(port=[3306]),
        "host with NUL": changed(host="127.0.0.1\0"),
        "host of many letters": changed(host="a" * 300),
        "host half a character": changed(host="\ud800"),
        "host of dots": changed(host="..."),
        "host a path of many letters": changed(host="/" + "a" * 300),
        "host a path to nothing": changed(host="/nonexistent.sock"),
        "username half a character": changed(username="\ud800"),
        "password half a character": changed(password=secret["password"] + "\ud800"),
        "password with a control character": changed(password=secret["password"] + "\x07"),
        "password too long": changed(password=secret["password"] * 3000),
        "dbname half a character": changed(dbname="\ud800"),
        "dbname unknown": changed(dbname="nonexistent"),
    }
    for key in ("engine", "host", "username", "password"):
        texts[f"{key} missing"] = json.dumps({name: value for name, value in secret.items() if name != key})
    for key in ("engine", "host", "username", "password", "dbname"):
        for value in (7, [secret["password"]], {"password": secret["password"]}, True):
            texts[f"{key} {type(value).__name__}"] = changed(**{key: value})
    return texts


def test_a_malformed_secret_gives_503_until_it_is_put_right(server_db: Database, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    good = server_db.secret()
    with time_machine.travel(NOW, tick=False) as clock:
        # A host that is not local is asked for its certificate, once it has been found.
        authorities = ROOT / "layers/dependencies/rds-global-bundle.pem"
        container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0, DATABASE_CA_FILE=authorities)
        for problem, text in malformed(good).items():
            aws.put_database(text)
            response = in_time(container, key)
            assert response.status == 503, problem
            assert_unavailable(response, server_db)
            clock.shift(31)
        aws.put_database(good)
        assert container.get(key).status == 200


def test_a_secret_without_value_gives_503_until_it_has_one(server_db: Database, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container()
        assert_unavailable(container.get(key), server_db, retry_after=1)
        aws.put_database(server_db.secret())
        clock.shift(2)
        assert container.get(key).status == 200


def test_a_missing_secret_gives_503_until_it_is_made(server_db: Database, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    name = f"late-{secrets.token_hex(4)}"
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(DATABASE_SECRET_ID=name)
        assert_unavailable(container.get(key), server_db, retry_after=1)
        aws.client.create_secret(Name=name, SecretString=json.dumps(server_db.secret()))
        clock.shift(2)
        assert container.get(key).status == 200


def test_a_secret_kept_as_bytes_is_read(server_db: Database, aws: Any, new_container: Any) -> None:
    aws.client.put_secret_value(SecretId=aws.database_secret, SecretBinary=json.dumps(server_db.secret()).encode())
    key = aws.new_token()
    assert new_container().get(key).status == 200


def test_a_database_that_has_moved_is_found(server_db: Database, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    with fake_server(b"", stays=True) as port, time_machine.travel(NOW, tick=False) as clock:
        aws.put_database(server_db.secret(port=port))
        container = new_container()
        moved = in_time(container, key)
        assert_unavailable(moved, server_db)
        aws.put_database(server_db.secret())
        # The wait began when the try ended, and the clock stood still meanwhile.
        clock.shift(int(moved.headers["Retry-After"]) + TIMEOUT_SECONDS + PATIENCE_SECONDS)
        assert container.get(key).status == 200


# --- servers that are none

MYSQL_ERROR = b"\x17\x00\x00\x00\xff\x10\x04Too many connections"
GREETINGS = {
    "nothing": b"",
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "noise": bytes(range(256)) * 16,
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "MySQL refusing": MYSQL_ERROR,
    "MySQL of the future": b"\x0a\x00\x00\x00\xfe9.9.9\0\0\0\0\0",
    "PostgreSQL refusing": b"E\x00\x00\x00\x1aSFATAL\0C53300\0Mfull\0\0\0",
    "PostgreSQL with broken TLS": b"S" + bytes(range(256)),
    "PostgreSQL with an answer too long": b"NR\x7f\xff\xff\xff\0\0\0\0",
    "PostgreSQL with an answer of negative length": b"NR\xff\xff\xff\xff\0\0\0\0",
    "PostgreSQL with an unknown way to log in": b"NR\0\0\0\x08\0\0\0\x63",
}


@pytest.mark.parametrize("stays", [False, True], ids=["closes", "stays"])
@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_a_server_that_is_none_gives_503(engine: str, stays: bool, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    password = leaks.new_password()
    nowhere = Database(engine, engine, "openl2m_nowhere")
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container()
        # Those that stay silent are waited for, a second each: some must do.
        greetings = ["nothing", "noise", "PostgreSQL with broken TLS"] if stays else GREETINGS
        for name in greetings:
            with fake_server(GREETINGS[name], stays=stays) as port:
                secret = {"engine": engine, "host": "127.0.0.1", "port": port, "username": "u", "password": password}
                aws.put_database(secret)
                assert_unavailable(in_time(container, key), nowhere)
            clock.shift(31)


def test_failures_leave_no_thread_socket_or_file_behind(server_db: Database, aws: Any, new_container: Any) -> None:
    key = aws.new_token()
    with (
        fake_server(b"", stays=False) as closing,
        fake_server(GREETINGS["noise"], stays=False) as noisy,
        fake_server(GREETINGS["PostgreSQL with broken TLS"], stays=True) as broken_tls,
        fake_server(b"", stays=True) as silent,
        time_machine.travel(NOW, tick=False) as clock,
    ):
        container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0)
        changes: list[dict[str, Any]] = [
            *({"port": port} for port in (closing, noisy, broken_tls, 1)),
            {"host": "/nonexistent.sock"},
            {"password": leaks.new_password()},
            {"dbname": "nonexistent"},
        ]
        held: list[int] = []
        for silent_too in (True, False, False, False):
            for change in [*changes, *([{"port": silent}] if silent_too else [])]:
                aws.put_database(server_db.secret(**change))
                assert container.get(key).status == 503, change
                clock.shift(31)
            gc.collect()
            wait_until(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
            held.append(len(list(Path("/proc/self/fd").iterdir())))
        # A leak grows with every round. A file of something else may come or go once.
        assert held[-1] <= max(held[:2]), held

        aws.put_database(server_db.secret())
        assert container.get(key).status == 200
        assert sessions(server_db) == 1


# --- what the read-only user may do

FORBIDDEN = [
    "SELECT {key} FROM users_token",
    "SELECT * FROM users_token",
    "SELECT community FROM switches_snmpprofile",
    "SELECT passphrase, priv_passphrase FROM switches_snmpprofile",
    "SELECT password FROM switches_netmikoprofile",
    "SELECT enable_password FROM switches_netmikoprofile",
    "SELECT description FROM switches_log",
    "SELECT password FROM auth_user",
    "INSERT INTO counters_counter (name, description, value) VALUES ('changes', '', 1)",
    "UPDATE counters_counter SET value = 0",
    "DELETE FROM switches_log",
    "DROP TABLE switches_log",
    "CREATE TABLE own (id integer)",
    "ALTER TABLE switches_switch ADD COLUMN own integer",
]


def test_the_read_only_user_can_read_what_is_counted_and_nothing_else(
    server_db: Database, aws: Any, new_container: Any
) -> None:
    assert server_db.server is not None
    aws.put_database(server_db.secret())
    key = aws.new_token()
    assert new_container().get(key).status == 200

    login = Server(
        server_db.engine,
        server_db.dialect,
        server_db.server.host,
        server_db.server.port,
        server_db.user,
        server_db.password,
    )
    with contextlib.closing(login.connect(server_db.name)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT COUNT(id) FROM users_token")
        assert cursor.fetchone()[0] == 0
        for statement in FORBIDDEN:
            quoted = statement.format(key="`key`" if server_db.dialect == "mysql" else '"key"')
            with pytest.raises(Exception, match=r"denied|permission|must be owner") as refusal:
                cursor.execute(quoted)
            # 1142: of a table, 1143: of a column; 42501: insufficient privilege.
            assert error_code(refusal.value) in {1142, 1143, "42501"}, statement


def error_code(error: BaseException) -> Any:
    return error.args[0]["C"] if isinstance(error.args[0], dict) else error.args[0]

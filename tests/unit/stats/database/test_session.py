"""How many connections there are and when one is replaced, by a driver in memory; what settings and secrets refuse."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from dev.servers.databases import Database as File
from stats.base.deadline import Deadline
from stats.database import mysql
from stats.database.driver import Connection, DatabaseError, Engine, Explanation, Kind, Row, Server, without_offset
from stats.database.session import Database
from tests.support.secret import Secret
from tests.support.sqlite_app import deadline_at, new_secret, new_settings

NOW = datetime(2025, 11, 23, 12, tzinfo=UTC)
SERVER = {"engine": "mysql", "host": "127.0.0.1", "username": "reader", "password": "old", "dbname": "openl2m"}


class DriverError(Exception):
    """What the driver in memory raises: a kind."""


class Driver:
    """An engine's driver in memory: `fails` are the kinds that the next calls fail with, or None for success."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: dict[str, list[Kind | None]] = {}
        self.engine = Engine(3306, without_offset, self.connect, self.explain)

    def connect(self, _server: Server, password: str, _tls: Any, _deadline: Deadline) -> Connection:
        self._do(f"connect {password}", "connect")
        return Connection(
            self.engine,
            self.fetch,
            lambda: self._do("close"),
            lambda _: self._do("ping"),
            self.indexes,
        )

    def fetch(self, _sql: str, _deadline: Deadline) -> Sequence[Row]:
        self._do("fetch")
        return [[7]]

    def indexes(self, _deadline: Deadline) -> Sequence[Sequence[str]]:
        self._do("indexes")
        return [["a"]]

    def explain(self, error: Exception) -> Explanation:
        return (Kind(error.args[0]), "1", "text") if isinstance(error, DriverError) else (Kind.GONE, "2", "other")

    def _do(self, call: str, name: str | None = None) -> None:
        self.calls.append(call)
        kinds = self.fails.get(name or call)
        if kind := kinds.pop(0) if kinds else None:
            raise DriverError(kind)


class World:
    """A database whose secret and driver are in memory."""

    def __init__(self, **settings: str) -> None:
        self.driver, self.secret = Driver(), Secret()
        self.say(SERVER)
        self.database = Database(new_settings(**settings), partial(self.secret.get, "database"))

    def say(self, server: dict[str, Any]) -> None:
        self.secret.texts["AWSCURRENT"] = json.dumps(server)

    def read(self, seconds: float = 0, left: float = 10) -> list[str]:
        """Return the calls of a read that comes so many seconds after NOW."""
        self.driver.calls.clear()
        deadline = deadline_at(NOW + timedelta(seconds=seconds), left)
        rows = self.database.read(lambda _engine, _indexes: "SELECT 7", list, deadline)
        assert rows == [[7]]
        return self.driver.calls

    def failure(self, seconds: float = 0, left: float = 10) -> DatabaseError:
        with pytest.raises(DatabaseError) as failure:
            self.read(seconds, left)
        return failure.value


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(mysql, "ENGINE", world.driver.engine)
    return world


def test_a_connection_stays_and_is_pinged_only_after_it_was_idle(world: World) -> None:
    assert world.read() == ["connect old", "fetch"]
    assert world.read(10) == ["fetch"]
    assert world.read(20.5) == ["ping", "fetch"]
    assert world.read(15) == ["ping", "fetch"]  # the clock was set back


def test_a_connection_that_does_not_answer_is_replaced(world: World) -> None:
    world.read()
    world.driver.fails = {"ping": [Kind.GONE], "close": [Kind.OTHER]}
    assert world.read(60) == ["ping", "close", "connect old", "fetch"]


def test_a_connection_that_died_is_replaced_once(world: World) -> None:
    world.read()
    world.driver.fails = {"fetch": [Kind.GONE, Kind.GONE]}
    assert world.failure(5).kind == Kind.GONE
    assert world.driver.calls == ["fetch", "close", "connect old", "fetch", "close"]
    assert world.read(6) == ["connect old", "fetch"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind != Kind.GONE])
def test_other_errors_end_the_session_and_the_statement_is_not_run_again(world: World, kind: Kind) -> None:
    world.read()
    world.driver.fails = {"fetch": [kind]}
    assert world.failure(5).kind == kind
    assert world.driver.calls == ["fetch", "close"]
    assert world.read(6) == ["connect old", "fetch"]


def test_nothing_is_run_again_after_the_deadline(world: World) -> None:
    world.read()
    world.driver.fails = {"fetch": [Kind.GONE]}
    assert world.failure(5, left=0).kind == Kind.CANCELLED
    assert world.driver.calls == ["fetch", "close"]


def test_a_new_login_is_read_only_when_the_old_one_is_refused(world: World) -> None:
    world.read()
    world.say({**SERVER, "password": "new"})
    world.driver.fails = {"fetch": [Kind.GONE], "connect": [Kind.DENIED]}
    assert world.read(5) == ["fetch", "close", "connect old", "connect new", "fetch"]
    assert world.database.server
    assert world.database.server.password == "new"


def test_a_refusal_of_every_login_is_raised_and_other_failures_try_no_further_one(world: World) -> None:
    world.driver.fails = {"connect": [Kind.DENIED] * 9}
    assert world.failure().kind == Kind.DENIED
    world.driver.fails = {"connect": [Kind.GONE]}
    error = world.failure(1)
    assert (error.kind, error.text) == (Kind.GONE, "127.0.0.1:3306: text")
    assert world.driver.calls == ["connect old"]


def test_probes_share_a_session_unless_it_ends(world: World) -> None:
    deadline = deadline_at(NOW)
    world.driver.fails = {"fetch": [Kind.ABSENT, Kind.FORBIDDEN, None, Kind.OTHER]}
    for kind in (Kind.ABSENT, Kind.FORBIDDEN, None, Kind.OTHER):
        if kind is None:
            world.database.probe("SELECT 1", deadline)
            continue
        with pytest.raises(DatabaseError) as failure:
            world.database.probe("SELECT 1", deadline)
        assert failure.value.kind == kind
    assert world.driver.calls == ["connect old", *["fetch"] * 4, "close"]


def test_indexes_are_read_once_a_connection(world: World) -> None:
    def read() -> None:
        world.database.read(lambda _, indexes: f"{indexes()}{indexes()}", list, deadline_at(NOW))

    read()
    read()
    assert world.driver.calls == ["connect old", "indexes", "fetch", "fetch"]
    world.database.close()
    read()
    assert world.driver.calls[4:] == ["close", "connect old", "indexes", "fetch"]


def test_the_server_is_the_sessions_or_what_the_secret_said_last(world: World) -> None:
    assert world.database.server is None
    world.database.prepare(deadline_at(NOW))
    assert world.driver.calls == []
    assert world.database.server
    world.read()
    world.secret.reachable = False
    assert world.database.server.password == "old"


def test_what_cannot_be_prepared_is_left_to_the_first_read(file: File) -> None:
    secret = new_secret(file)
    secret.reachable = False
    database = Database(new_settings(), partial(secret.get, "database"))
    database.prepare(deadline_at(NOW))
    assert database.server is None
    with pytest.raises(DatabaseError):
        database.read(lambda *_: "SELECT 7", list, deadline_at(NOW))


@pytest.mark.parametrize(
    ("settings", "server", "text"),
    [
        ({"DATABASE_TLS": "off"}, {"host": "db.example.com"}, "DATABASE_TLS=off is accepted for loopback"),
        ({}, {"host": "db.example.com"}, "DATABASE_CA_FILE cannot be used"),
        ({}, {"password": None}, "the login is by IAM, which takes verified TLS"),
    ],
)
def test_what_settings_and_secret_rule_out_is_not_tried(
    settings: dict[str, str], server: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(**settings)
    monkeypatch.setattr(mysql, "ENGINE", world.driver.engine)
    world.say({name: value for name, value in {**SERVER, **server}.items() if value})
    assert text in str(world.failure())
    assert world.driver.calls == []

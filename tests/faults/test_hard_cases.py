"""Failures in which the order of things counts: several at once, one after the other, or half of one."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import faults
from tests.faults.conftest import NewWorld
from tests.faults.table import ENGINES
from tests.faults.test_rows import DUE, MARGIN_SECONDS, seen
from tests.faults.world import BUCKET, LOCAL_NAME, LOGIN, REGISTRY, SECRET, STATEMENT, World
from tests.integration.conftest import Container, LambdaContext, cold_start
from tests.integration.misdeeds import delay
from tests.integration.outages import wait_until
from tests.integration.proxy import silent_host

SECONDS = 2  # REQUEST_TIMEOUT_SECONDS, whatever the rows are tried with
THREADS = 4  # for what cannot be interrupted
FRESH = 200, "database"
STALE = 200, "stale"


@pytest.fixture(autouse=True)
def _timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", str(SECONDS))


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, new_world: NewWorld) -> World:
    return new_world(request.param, timeout=SECONDS)


@pytest.fixture
def warm(world: World) -> Container:
    """A container that has answered; nothing of that is fresh any more."""
    container, _ = world.start()
    assert ask(world, container) == FRESH
    world.clock.shift(DUE)
    world.told()
    return container


def ask(world: World, container: Container) -> tuple[int, str | None]:
    """Return an answer's status and source; it comes in time."""
    response, took = world.ask(container)
    assert took <= SECONDS + MARGIN_SECONDS
    return seen(response)


def statements(world: World) -> int:
    """Return how often the numbers were asked for."""
    return world.to_database.sent.count(b"FROM switches_log WHERE")


# --- Secrets Manager is inside the request's time


def test_every_read_is_late_and_every_login_is_denied(world: World, warm: Container) -> None:
    def late(operation: str) -> None:
        time.sleep(0.4 * (operation == "GetSecretValue"))

    world.secrets.before = late
    with faults.password_wrong(world):
        assert ask(world, warm) == STALE
    world.secrets.before = lambda _: None
    world.clock.shift(1)
    assert ask(world, warm) == FRESH


def test_three_addresses_of_secrets_manager_are_silent(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = new_world("postgresql", timeout=SECONDS)
    world.aws.put_database(world.database.secret(host="127.0.0.1", port=world.to_database.port))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{LOCAL_NAME}:{world.to_secrets.port}")
    container, _ = world.start()
    assert ask(world, container) == FRESH
    world.clock.shift(DUE)
    with contextlib.ExitStack() as hosts:
        world.resolver.addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
        for address in world.resolver.addresses:
            hosts.enter_context(silent_host(address, world.to_secrets.port))
        world.to_secrets.cut()
        assert ask(world, container) == FRESH
        assert world.told().failures == {"RegistryFailure", "RegistryStale"}


def test_a_database_that_comes_back_while_secrets_manager_is_away(world: World, warm: Container) -> None:
    with faults.refused(SECRET)(world):
        with faults.refused(LOGIN)(world):
            assert ask(world, warm) == STALE
        world.clock.shift(1)
        assert ask(world, warm) == FRESH
        told = world.told()
    assert "SecretFailure" in told.failures


# --- what is run once, and what is left alone


def test_a_cancelled_statement_is_run_once(world: World, warm: Container) -> None:
    before = statements(world), world.to_database.connections
    with faults.cancelled(world):
        assert ask(world, warm) == STALE
    assert (statements(world), world.to_database.connections) == (before[0] + 1, before[1])
    world.clock.shift(1)
    assert ask(world, warm) == FRESH
    assert world.to_database.connections == before[1]


def test_a_missing_grant_costs_no_login(world: World, warm: Container) -> None:
    before = statements(world), world.to_database.connections
    with faults.without_grant(world):
        for _ in range(2):
            assert ask(world, warm) == STALE
            world.clock.shift(31)
    assert (statements(world), world.to_database.connections) == (before[0] + 2, before[1])
    assert ask(world, warm) == FRESH
    assert world.to_database.connections == before[1]


def test_a_back_off_begins_when_the_attempt_has_ended(
    world: World, warm: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry takes longer than the back-off, and then the database fails at once."""
    world.to_database.target = ("127.0.0.1", 1)
    world.to_database.cut()
    connections = world.to_database.connections
    context = LambdaContext()
    with world.to_secrets.trapped(lambda *said: world.is_moment(REGISTRY, *said), delay(0.9 * SECONDS / 2)):
        assert ask(world, warm) == STALE
    tried = world.to_database.connections
    assert tried > connections
    assert ask(world, warm) == STALE
    assert world.to_database.connections == tried

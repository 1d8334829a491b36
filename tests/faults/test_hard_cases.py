"""Failures in which the order of things counts: several at once, one after the other, or half of one."""

import contextlib
import threading
import time

import pytest

from stats.base.deadline import THREAD
from tests.faults import network, services
from tests.faults.conftest import NewWorld
from tests.faults.table import ENGINES
from tests.faults.world import (
    BUCKET,
    DUE,
    LOCAL_NAME,
    LOGIN,
    MARGIN_SECONDS,
    REGISTRY,
    SECRET,
    STATEMENT,
    TOO_OLD,
    World,
    seen,
)
from tests.integration.conftest import Container, LambdaContext, cold_start
from tests.support.misdeeds import Misdeed, delay
from tests.support.outages import wait_until
from tests.support.proxy import silent_host

SECONDS = 2  # REQUEST_TIMEOUT_SECONDS, whatever the rows are tried with
THREADS = 4  # for what cannot be interrupted
WRITE_SECONDS = 4  # what a snapshot has after its statement
FRESH = 200, "database"
STALE = 200, "stale"


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, new_world: NewWorld) -> World:
    return new_world(request.param, timeout=SECONDS)


def warm_container(world: World) -> Container:
    """Return a container that has answered; nothing of that is fresh any more."""
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


def test_every_read_is_late_and_every_login_is_denied(world: World) -> None:
    warm = warm_container(world)

    def late(operation: str) -> None:
        time.sleep(0.4 * (operation == "GetSecretValue"))

    world.secrets.before = late
    with services.password_wrong(world):
        assert ask(world, warm) == STALE
    world.secrets.before = lambda _: None
    world.clock.shift(1)
    assert ask(world, warm) == FRESH


def test_three_addresses_of_secrets_manager_are_silent(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_database_that_comes_back_while_secrets_manager_is_away(world: World) -> None:
    warm = warm_container(world)
    with network.refused(SECRET)(world):
        with network.refused(LOGIN)(world):
            assert ask(world, warm) == STALE
        world.clock.shift(1)
        assert ask(world, warm) == FRESH
        told = world.told()
    assert "SecretFailure" in told.failures


# --- what is run once, and what is left alone


def test_a_cancelled_statement_is_run_once(world: World) -> None:
    warm = warm_container(world)
    before = statements(world), world.to_database.connections
    with services.cancelled(world):
        assert ask(world, warm) == STALE
    assert (statements(world), world.to_database.connections) == (before[0] + 1, before[1])
    world.clock.shift(1)
    assert ask(world, warm) == FRESH
    assert world.to_database.connections == before[1] + 1  # what was repaired may show in a new session only


def test_a_missing_grant_costs_a_login_a_minute(world: World) -> None:
    warm = warm_container(world)
    before = world.to_database.connections
    logins = []
    with services.without_grant(world):
        for _ in range(4):  # half a minute apart
            assert ask(world, warm) == (200, "partial")
            logins.append(world.to_database.connections - before)
            world.clock.shift(31)
    assert logins == [1, 1, 2, 2]
    assert ask(world, warm) == FRESH
    assert world.to_database.connections - before == 2


def test_a_back_off_begins_when_the_attempt_has_ended(new_world: NewWorld) -> None:
    """The registry takes longer than the back-off, and then the database fails at once."""
    world = new_world("postgresql", timeout=5)
    container, _ = world.start()
    world.clock.shift(DUE)
    with world.to_secrets.trapped(lambda *said: world.is_moment(REGISTRY, *said), delay(1.8)):
        world.to_database.target = ("127.0.0.1", 1)
        first, took = world.ask(container)
        assert took >= 1.8
        second, _ = world.ask(container)
    assert [answer.headers["Retry-After"] for answer in (first, second)] == ["1", "1"]
    assert world.to_database.connections == 1


# --- the way to the database


def test_the_first_of_two_addresses_is_silent(world: World) -> None:
    warm = warm_container(world)
    world.resolver.addresses = ["127.0.0.2", "127.0.0.1"]
    with silent_host("127.0.0.2", world.to_database.port):
        world.to_database.cut()
        assert ask(world, warm) == FRESH
    assert not world.told().messages


def test_when_every_thread_is_stuck_calls_fail_at_once(new_world: NewWorld) -> None:
    world = new_world("postgresql", timeout=1)
    container, _ = world.start()
    assert ask(world, container) == FRESH
    with network.unresolved(network.name_silent)(world):
        for _ in range(THREADS + 2):
            world.clock.shift(31)
            assert ask(world, container) == STALE
            stuck = [thread for thread in threading.enumerate() if thread.name == THREAD]
            assert len(stuck) <= THREADS
        told = world.told()
        assert "too many earlier calls are still waiting" in str(told.lines)
    wait_until(lambda: not any(thread.name == THREAD for thread in threading.enumerate()))
    world.clock.shift(31)
    assert ask(world, container) == FRESH


# --- what S3 says


def test_what_s3_forbids_is_told(world: World) -> None:
    warm = warm_container(world)
    with services.bucket_answers(403)(world):
        assert ask(world, warm) == FRESH
    told = world.told()
    assert told.error("snapshot not readable") == "snapshots/latest.json: AccessDenied"
    assert told.failures == {"SnapshotReadFailure"}


MISDEEDS = {
    "silent": network.during(BUCKET, network.silent),
    "slow": network.during(BUCKET, network.slow),
    "drip": network.during(BUCKET, network.slow_by_byte),
    "reset": network.during(BUCKET, network.reset),
    "garbage": network.during(BUCKET, network.garbage),
    "refused": network.refused(BUCKET),
    "denied": services.bucket_answers(403),
    "5xx": services.bucket_answers(500),
}


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", MISDEEDS.values(), ids=MISDEEDS)
def test_a_year_of_history_answers_in_time(fault: network.Fault, world: World) -> None:
    """13 reads, of which any may be what the request waits for."""
    container, _ = world.start()

    def status() -> int:
        response, took = world.ask(container, path="/api/stats/history/", query="from=2025-11-23&to=2026-11-23")
        assert took <= SECONDS + MARGIN_SECONDS
        return response.status

    with fault(world):
        assert status() == 503
        told = world.told()
        assert told.messages == {"history not readable"}
        assert told.failures == {"HistoryReadFailure"}
        assert status() == 503  # at once: the bucket is left alone
        assert not world.told().messages
    wait_until(lambda: not any(thread.name == THREAD for thread in threading.enumerate()))
    world.clock.shift(31)
    assert status() == 200
    world.clock.shift(DUE)
    with fault(world):
        assert status() == 200  # what is held
        assert world.told().failures == {"HistoryReadFailure"}
        world.clock.shift(TOO_OLD)
        assert status() == 503
    wait_until(lambda: not any(thread.name == THREAD for thread in threading.enumerate()))
    world.clock.shift(31)
    assert status() == 200


# --- the snapshot function


def take_snapshot(world: World) -> float:
    """Take a snapshot by a container of its own; return how many seconds it took."""
    schedule = cold_start("stats.schedule")
    world.stack.callback(schedule._parts[0].database.close)
    started = time.monotonic()
    try:
        schedule.handler({}, LambdaContext())
    finally:
        took = time.monotonic() - started
        assert took <= SECONDS + WRITE_SECONDS + MARGIN_SECONDS
    return took


def test_a_statement_takes_all_of_its_time_and_the_snapshot_is_written(world: World) -> None:
    def late(*_: object) -> None:
        time.sleep(0.3)

    world.s3.fault = late
    with world.to_database.trapped(lambda *said: world.is_moment(STATEMENT, *said), delay(0.6 * SECONDS)):
        assert take_snapshot(world) > SECONDS
    assert "snapshots/latest.json" in world.s3.objects
    assert len(world.s3.objects) == 3


@pytest.mark.parametrize("world", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("dependency", [LOGIN, STATEMENT, SECRET, BUCKET])
@pytest.mark.parametrize(
    "misdeed", [network.silent, network.slow, network.slow_by_byte], ids=["silent", "slow", "drip"]
)
def test_no_snapshot_in_time(dependency: str, misdeed: Misdeed, world: World) -> None:
    with network.during(dependency, misdeed)(world), pytest.raises(Exception, match=r": ") as caught:
        take_snapshot(world)
    assert type(caught.value).__name__ in {"DatabaseError", "StorageError"}
    told = world.told()
    assert "snapshot failed" in told.messages
    assert "SnapshotFailure" in told.failures
    take_snapshot(world)
    assert len(world.s3.objects) == 3

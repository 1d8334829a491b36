"""Failures leave no socket open, and need no garbage collector for that."""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import network, services
from tests.faults.conftest import NewWorld
from tests.faults.network import Fault, during
from tests.faults.table import ENGINES
from tests.faults.world import DUE, LOGIN, STATEMENT, World, seen
from tests.integration.conftest import FURTHER_SERVERS
from tests.support.outages import wait_until


@contextlib.contextmanager
def cut_session(world: World) -> Iterator[None]:
    world.to_database.cut()
    yield


FAULTS: dict[str, Fault] = {
    "a failed login": services.password_wrong,
    "a refused user": services.without_user,
    "a cut session": cut_session,
    "a login cut short": during(LOGIN, network.reset),
    "a statement cut short": during(STATEMENT, network.reset),
    "a dripping login": during(LOGIN, network.slow_by_byte),
    "a dripping statement": during(STATEMENT, network.slow_by_byte),
    "a login that is garbage": during(LOGIN, network.garbage),
    "a statement that is garbage": during(STATEMENT, network.garbage),
}


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def sockets() -> int:
    """Return how many sockets this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one by which the folder is read
            count += link.readlink().name.startswith("socket:")
    return count


@pytest.mark.usefixtures("_no_garbage_collection")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("engine", "encrypted"),
    [
        *((engine, encrypted) for engine in ENGINES for encrypted in (False, True)),
        *((e, False) for e in FURTHER_SERVERS),
    ],
)
def test_no_socket_is_left(
    fault: str, engine: str, encrypted: bool, new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENS_TTL_SECONDS", "86400")
    world = new_world(engine, encrypted=encrypted, timeout=1)
    container, _ = world.start()
    assert seen(world.ask(container)[0]) == (200, "database")
    before = sockets()
    for _ in range(2):
        with FAULTS[fault](world):
            world.clock.shift(DUE)
            world.ask(container)
        world.clock.shift(DUE)
        assert seen(world.ask(container)[0]) == (200, "database")
    # What the other ends of the connections are closed by are threads of the tests' own.
    wait_until(lambda: sockets() <= before)

"""Every row of the table and every pair of rows, on every engine, with everything that a container may hold."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tests.faults.conftest import TIMEOUT, NewWorld
from tests.faults.pairs import PAIRS, Pair
from tests.faults.stalls import Stalls
from tests.faults.table import DEFAULT_SECONDS, ENGINES, HELD, ROWS, START_SECONDS, Answer, Row
from tests.faults.world import DUE, MARGIN_SECONDS, SECRET, TLS, TOO_OLD, World, seen
from tests.integration.conftest import FURTHER_SERVERS, Container

# A stage's share of two seconds may be a quarter of one.
STALL_SECONDS = 0.1


def cells() -> Iterable[Any]:
    for row in ROWS:
        further = FURTHER_SERVERS if row.dependency != TLS and (row.every_engine or TIMEOUT >= DEFAULT_SECONDS) else ()
        for engine in (*row.engines, *further):
            for held in HELD:
                answer = row.outcome_within(TIMEOUT).of(held)
                # A start asks no database: what comes of it does not depend on the engine.
                if answer and (held != "start" or engine == ENGINES[0]):
                    name = f"{engine}: {row.dependency} {row.fault}, {held}"
                    yield pytest.param(row, engine, held, answer, id=name)


def pairs() -> Iterable[Any]:
    for pair in PAIRS:
        for held in HELD:
            answer = pair.answer(held, TIMEOUT)
            if answer:
                name = " and ".join(f"{row.dependency} {row.fault}" for row in pair.rows)
                yield pytest.param(pair, held, answer, id=f"{name}, {held}")


@pytest.mark.parametrize(("row", "engine", "held", "expected"), list(cells()))
def test_a_fault(row: Row, engine: str, held: str, expected: Answer, new_world: NewWorld) -> None:
    assert_contract((row,), engine, held, expected, new_world)


@pytest.mark.parametrize(("pair", "held", "expected"), list(pairs()))
def test_two_faults_at_once(pair: Pair, held: str, expected: Answer, new_world: NewWorld) -> None:
    assert_contract(pair.rows, ENGINES[0], held, expected, new_world)


def assert_contract(rows: Sequence[Row], engine: str, held: str, expected: Answer, new_world: NewWorld) -> None:
    """Show that a cell is as expected; a try that the machine itself has held up for too long does not count."""
    for last in (False, False, True):
        with Stalls() as stalls:
            try:
                assert_cell(rows, engine, held, expected, new_world)
            except AssertionError:
                if last or stalls.longest_seconds < STALL_SECONDS:
                    raise
            else:
                return


def assert_cell(rows: Sequence[Row], engine: str, held: str, expected: Answer, new_world: NewWorld) -> None:
    dependencies = {row.dependency for row in rows}
    world = new_world(engine, encrypted=TLS in dependencies)
    container = ready(world, held)

    with contextlib.ExitStack() as faults:
        for row in rows:
            faults.enter_context(row.begin(world))
        if container is None:
            container, took = world.start()
            assert took <= START_SECONDS + MARGIN_SECONDS
        response, took = world.ask(container)
        told = world.told()
    assert seen(response) == (expected.status, expected.source)
    assert (told.messages, told.failures) == (expected.messages, expected.metrics)
    assert took <= TIMEOUT + MARGIN_SECONDS

    world.clock.shift(int(response.headers.get("Retry-After", max(row.recovery_seconds for row in rows))))
    if SECRET in dependencies:
        world.to_database.cut()
    response, _ = world.ask(container)
    told = world.told()
    assert seen(response) == (200, "database")
    assert not told.messages | told.failures


def ready(world: World, held: str) -> Container | None:
    """Return a container that holds what is named so; None when it is to start during the fault."""
    if held == "start":
        return None
    if held == "snapshot":
        world.put_snapshot()
    container, _ = world.start()
    if held == "stale":
        response, _ = world.ask(container)
        assert seen(response) == (200, "database")
    world.clock.shift(TOO_OLD if held == "nothing" else DUE)
    told = world.told()
    assert not told.messages
    return container

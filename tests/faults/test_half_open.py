"""A connection that has died without a word. That the ping finds an idle one is a row of the table."""

import os
from collections.abc import Iterator

import pytest

from tests.faults.conftest import NewWorld
from tests.faults.namespaces import DATABASE_ADDRESSES, Networks, NoNamespacesError, inside, networks
from tests.faults.world import MARGIN_SECONDS, STATEMENT, seen
from tests.support.misdeeds import Exchange, stay_silent
from tests.support.proxy import Proxy

TIMEOUT_SECONDS = 10


@pytest.fixture
def nets() -> Iterator[Networks]:
    try:
        with networks() as made:
            yield made
    except NoNamespacesError as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no packets can be dropped here: {reason}")


def test_keepalive_finds_a_server_that_is_gone_in_the_middle_of_a_statement(
    nets: Networks, new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")  # nothing but the database is within reach of the function's network
    world = new_world("postgresql", encrypted=True, timeout=TIMEOUT_SECONDS)
    target = world.to_database.target
    with inside(nets.database, lambda: Proxy(target, "0.0.0.0")) as wire:
        world.aws.put_database(world.database.secret(host="db.example.test", port=wire.port))
        world.resolver.addresses = [DATABASE_ADDRESSES[0]]
        container, _ = world.start()
        response, _ = inside(nets.function, lambda: world.ask(container))
        assert seen(response) == (200, "database")

        def fail_over(exchange: Exchange) -> bool:
            if exchange.client.getsockname()[0] != DATABASE_ADDRESSES[0]:
                return True
            nets.drop(0)
            world.resolver.addresses = [DATABASE_ADDRESSES[1]]
            return stay_silent(exchange)

        with wire.trapped(lambda *said: world.is_moment(STATEMENT, *said), fail_over):
            response, took = inside(nets.function, lambda: world.ask(container))
        assert seen(response) == (200, "database")
        assert took <= TIMEOUT_SECONDS + MARGIN_SECONDS
        assert wire.connections == 2
        assert not world.told().messages
        inside(nets.function, container.close)

from collections.abc import Callable, Iterator

import pytest

from dev.servers.databases import Server, own_server
from dev.servers.processes import postgresql
from tests.integration.conftest import aws, gate, moto_url, s3, secrets_manager
from tests.soak import FULL

__all__ = ["aws", "gate", "moto_url", "s3", "secrets_manager"]  # fixtures


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Return a function that prints what was measured, when all of it is."""

    def write(text: str) -> None:
        if FULL:
            with capsys.disabled():
                print(f"\n{text}")

    return write


@pytest.fixture
def own_postgresql(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A PostgreSQL of the test's own, with the options that it is parametrized with, as `name=value`."""
    options = [word for option in getattr(request, "param", ()) for word in ("-c", option)]
    with postgresql(options=options) as process:
        yield own_server(process)

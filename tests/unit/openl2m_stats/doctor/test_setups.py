"""Which set-up is checked."""

import os
from collections.abc import Callable

import click
import pytest

from dev.servers.databases import Database
from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.deployed.stack import StackError
from openl2m_stats.doctor.setups import Setup, open_setup
from openl2m_stats.files import CA_FILE
from openl2m_stats.parameters import WrongUsage
from tests.support import leaks
from tests.support.cloudformation import CloudFormation
from tests.unit.openl2m_stats.local.conftest import fresh

__all__ = ["fresh"]  # a fixture


@pytest.fixture
def deployed(cloudformation: CloudFormation, function: Callable[..., str]) -> str:
    name = function("stats", TIME_ZONE="Asia/Tokyo", DATABASE_SECRET_ID="theirs")
    cloudformation.resources = {"StatsFunction": ("AWS::Lambda::Function", name)}
    return name


@pytest.mark.parametrize(
    ("outputs", "missed_seconds", "url"),
    [({}, 900, None), ({"SnapshotsMissedSeconds": "300", "Url": "https://x/api/stats/"}, 300, "https://x/api/stats/")],
)
def test_a_stack(
    outputs: dict[str, str], missed_seconds: int, url: str | None, deployed: str, cloudformation: CloudFormation
) -> None:
    cloudformation.outputs = outputs
    title = f"the stack openl2m-stats in us-east-1, function {deployed}, alias live"
    variables = {"TIME_ZONE": "Asia/Tokyo", "DATABASE_SECRET_ID": "theirs", "DATABASE_CA_FILE": str(CA_FILE)}
    with open_setup("openl2m-stats", None, demo=True) as setup:
        assert setup == Setup(title, variables, missed_seconds, url)


def test_a_stack_through_a_tunnel(deployed: str) -> None:
    password = leaks.new_password()
    url = f"postgresql://ann:{password}@127.0.0.1:5433/openl2m?sslmode=disable"
    with open_setup("openl2m-stats", url, demo=False) as setup:
        assert setup.login
        assert (setup.login["host"], setup.login["port"], setup.login["password"]) == ("127.0.0.1", 5433, password)
        assert (setup.variables["DATABASE_TLS"], setup.variables["TIME_ZONE"]) == ("off", "Asia/Tokyo")
        assert password not in repr(setup)
    with pytest.raises(DatabaseURLError), open_setup("openl2m-stats", "oracle://", demo=False):
        raise AssertionError
    with pytest.raises(StackError), open_setup("other", None, demo=False):
        raise AssertionError


@pytest.mark.parametrize("demo", [True, False])
@pytest.mark.parametrize("name", ["DATABASE_SECRET_ID", "TOKENS_SECRET_ID"])
def test_the_variables_of_this_environment(name: str, demo: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "mine")
    with open_setup(None, None, demo=demo) as setup:
        assert setup.title == "the set-up that this environment's variables describe"
        assert setup.variables == {**os.environ, "DATABASE_CA_FILE": str(CA_FILE)}
        assert not setup.local


def test_nothing_is_named(context: click.Context) -> None:
    with (
        pytest.raises(WrongUsage, match=r"^name what to check: --env or --stack") as error,
        open_setup(None, None, demo=False),
    ):
        raise AssertionError
    assert error.value.ctx is context


@pytest.mark.usefixtures("fresh")
def test_the_local_set_up(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", "another")
    with open_setup(None, f"sqlite:///{sqlite_db.name}", demo=False) as setup:
        assert setup.title == "the local set-up of make run, with DATABASE_URL"
        assert setup.local
        assert setup.variables["DATABASE_SECRET_ID"] == "openl2m-stats/database"


@pytest.mark.usefixtures("fresh")
def test_the_demo() -> None:
    title = "the local set-up of make run, with the demo database and no deployment (--env ENV checks one)"
    with open_setup(None, None, demo=True) as setup:
        assert (setup.title, setup.local) == (title, True)

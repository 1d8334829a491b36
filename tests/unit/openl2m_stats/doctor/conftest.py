"""What is known before each of the doctor's checks."""

import os
from collections.abc import Callable, Iterator

import pytest

from dev.servers.databases import Database
from openl2m_stats.deployed.function import with_ca_file
from openl2m_stats.doctor.findings import Finding, Known
from openl2m_stats.doctor.setups import Setup
from openl2m_stats.session import open_session
from stats.aws.secrets import SecretStore
from stats.base.settings import load
from tests.integration.conftest import AWS, _host_resolves

__all__ = ["_host_resolves"]  # fixtures

Knowing = Callable[..., Known]


@pytest.fixture
def knowing(aws: AWS) -> Iterator[Knowing]:
    """Return a function that returns what is known by the environment's settings, and by a login, if there is one."""
    made: list[Known] = []

    def know(login: str | None = None, *, local: bool = False, **variables: str) -> Known:
        known = Known(Setup("a set-up", {**with_ca_file(os.environ), **variables}, local=local))
        known.settings = load(known.setup.variables)
        known.store = SecretStore()
        if login:
            known.session = open_session(login, known.settings)
            known.named = known.session.server
        made.append(known)
        return known

    yield know
    for known in made:
        if hasattr(known, "session"):
            known.session.close()


@pytest.fixture
def sqlite_login(sqlite_db: Database) -> str:
    """The login of an SQLite file without rows, in the form of the database secret."""
    return f'{{"engine": "sqlite", "dbname": "{sqlite_db.name}"}}'


def check(finding: Finding, state: str, *words: str) -> None:
    """Check a finding's state, that it advises where something is wrong only, and that it has the words."""
    text = f"{finding.seen}. {finding.advice}"
    assert finding.state == state, text
    assert bool(finding.advice) == (state != "ok")
    for word in words:
        assert word in text

"""`openl2m-stats snapshot`."""

import json
from typing import Any

import pytest

from dev.servers.databases import Database
from dev.servers.processes import free_port
from tests.support import leaks
from tests.unit.openl2m_stats.local.conftest import Local


def test_a_snapshot(own_database: Database, local: Local) -> None:
    own_database.insert("switches_vlan", [{}, {}])
    done = local("snapshot")
    assert (done.code, done.err) == (0, "")
    key, content = done.out.splitlines()
    document: Any = json.loads(content)
    time = document["scheduled_for"]
    assert key == f"snapshots/dt={time[:10]}/{time.replace(':', '-')}.json"
    assert document["database"]["vlans"]["value"] == 2


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"DATABASE_URL": "mysql://user:{}@127.0.0.1:{port}/openl2m"}, "The snapshot cannot be taken. Connection"),
        ({"DATABASE_URL": "oracle://"}, "DATABASE_URL has an unknown scheme"),
        ({"TIME_ZONE": "Mars"}, "The snapshot cannot be taken. TIME_ZONE is wrong"),
    ],
    ids=lambda each: "" if isinstance(each, str) else "+".join(each.values()),
)
def test_a_snapshot_that_cannot_be_taken(
    variables: dict[str, str], line: str, own_database: Database, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(leaks.new_password(), port=free_port()))
    done = local("snapshot")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(line)
    assert not leaks.found_in(done.err)

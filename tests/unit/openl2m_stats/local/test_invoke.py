"""`openl2m-stats invoke`. tests/integration/test_run.py has the files in events/."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database
from openl2m_stats.local import demo
from tests.support.databases import ROOT
from tests.support.events import http_api
from tests.unit.openl2m_stats.local.conftest import Local


def response(printed: str) -> Any:
    """Return the response; the logger writes before it, as in Lambda."""
    return json.loads(printed[printed.index("{\n") :])


def test_an_event_of_the_api(own_database: Database, tmp_path: Path, local: Local) -> None:
    own_database.insert("switches_vlan", [{}, {}])
    event = http_api(headers=[("Authorization", f"Token {demo.TOKEN}")])
    (tmp_path / "event.json").write_text(json.dumps(event))
    done = local("invoke", str(tmp_path / "event.json"))
    assert done.code == 0
    answer = response(done.out)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["database"]["vlans"]["value"] == 2


@pytest.mark.parametrize("event", sorted((ROOT / "events").glob("schedule*.json")), ids=lambda path: path.stem)
def test_an_event_of_the_schedule(event: Path, own_database: Database, local: Local) -> None:
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    answer = response(local("invoke", str(event)).out)
    assert before <= datetime.fromisoformat(answer["scheduled_for"]) <= datetime.now(UTC)
    assert answer["scheduled_for"].endswith(":00Z")
    assert answer["written"] is True


@pytest.mark.parametrize("content", [None, b"{", b"\xff"])
def test_a_file_that_cannot_be_read(content: bytes | None, tmp_path: Path, local: Local) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_bytes(content)
    done = local("invoke", str(path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{path} cannot be read as JSON: ")
    assert done.err.count("\n") == 1


def test_a_wrong_setting(own_database: Database, tmp_path: Path, local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars")
    (tmp_path / "event.json").write_text("{}")
    done = local("invoke", str(tmp_path / "event.json"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("TIME_ZONE is wrong: it takes a zone")

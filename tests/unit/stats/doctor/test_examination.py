"""Which checks are made in which order, and what is left out after one has failed."""

from typing import Any

import pytest

from stats.app import App
from stats.base.deadline import Deadline
from stats.doctor import database, examination, stored
from stats.doctor.examination import examine_api, examine_snapshots
from stats.doctor.findings import Known
from tests.support.secret import Secret


@pytest.fixture
def app(known: Known, secret: Secret, monkeypatch: Any) -> App:
    monkeypatch.setattr(examination, "SecretStore", lambda: secret)
    return known.app


def test_the_api_reads_tokens_and_the_snapshot_function_writes(app: App) -> None:
    names = [{each["name"] for each in examine(app, Deadline.after(10))["findings"]} for examine in EXAMINE]
    assert names[0] - names[1] == {stored.TOKENS.name}
    assert names[1] - names[0] == {stored.WRITING.name}


def test_what_needs_a_check_that_failed_is_skipped_for_its_cause(app: App, secret: Secret) -> None:
    secret.texts["AWSCURRENT"] = "{"
    found = {each["name"]: each for each in examine_snapshots(app, Deadline.after(10))["findings"]}
    assert found["database secret"]["state"] == "FAIL"
    for check in database.CHECKS:
        assert found[check.name] == {"name": check.name, "state": "skip", "seen": "database secret failed"}


def test_every_check_comes_after_the_one_that_it_needs() -> None:
    for checks in (examination._API, examination._SNAPSHOTS):
        names = [check.name for check in checks]
        for check in checks:
            assert not check.needs or check.needs in names[: names.index(check.name)]


EXAMINE = (examine_api, examine_snapshots)

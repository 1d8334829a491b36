"""Putting the parts together reads nothing, connects to nothing, and imports nothing that a request may not need."""

import subprocess
import sys

import pytest

from stats.app import build
from tests.support.sqlite_app import new_settings


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def test_without_a_bucket_there_are_no_snapshots_history_or_past() -> None:
    app = build(new_settings())
    assert (app.snapshots, app.history, app.past) == (None, None, None)


def test_the_parts_live_as_long_as_the_app_does_and_share_one_bucket() -> None:
    app = build(new_settings(SNAPSHOT_BUCKET="a-bucket"))
    assert app.snapshots
    assert app.history
    assert app.history is app.history
    assert app.past
    assert app.past is app.past
    assert app.history._bucket is app.snapshots.bucket


def test_clients_have_the_attempts_of_their_function() -> None:
    for attempts in (1, 2):
        app = build(new_settings(SNAPSHOT_BUCKET="a-bucket"), attempts)
        assert app.snapshots
        assert app.snapshots.bucket.client.meta.config.retries["total_max_attempts"] == attempts


def test_no_server_is_known_before_a_request() -> None:
    app = build(new_settings())
    assert app.database.server is app.reader.server is None


def test_what_only_some_requests_need_is_imported_for_them() -> None:
    program = """if True:
        import sys
        from stats.app import build
        from stats.base.settings import load
        app = build(load({"DATABASE_SECRET_ID": "a", "TOKENS_SECRET_ID": "b", "SNAPSHOT_BUCKET": "c"}))
        late = ("stats.snapshots.history", "stats.snapshots.past", "stats.database.mysql", "stats.database.postgresql")
        assert not [name for name in late if name in sys.modules]
        assert app.history and "stats.snapshots.history" in sys.modules
        assert app.past and "stats.snapshots.past" in sys.modules
        """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

"""What is read ahead at a start, what waits for the restore of a SnapStart copy, and the collector's state after it."""

import gc
import random
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from stats import cold_start
from stats.aws.secrets import SecretStore
from stats.base.deadline import Deadline


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the secrets that are read, of which Secrets Manager has none."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DATABASE_SECRET_ID": "database",
        "TOKENS_SECRET_ID": "tokens",
    }.items():
        monkeypatch.setenv(name, value)
    found: list[str] = []

    def get(_store: SecretStore, secret_id: str, deadline: Deadline, *_: Any) -> str:
        assert 0 < deadline.left <= 10
        found.append(secret_id)
        return "{}"

    monkeypatch.setattr(SecretStore, "get", get)
    return found


@pytest.fixture
def restores(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what is registered with Lambda's runtime, in a process that SnapStart stores."""
    hooks: list[Any] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_after_restore = hooks.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    return hooks


def test_both_secrets_are_read_ahead(read: list[str]) -> None:
    cold_start.begin()
    assert sorted(read) == ["database", "tokens"]


def test_s3s_client_is_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "a-bucket")
    app = cold_start.begin()
    assert app.snapshots
    assert "client" in vars(app.snapshots.bucket)


def test_a_process_that_is_stored_has_read_no_secret_until_it_is_restored(read: list[str], restores: list[Any]) -> None:
    cold_start.begin()
    assert read == []
    [restore] = restores
    restore()
    assert sorted(read) == ["database", "tokens"]


def test_each_copy_has_random_numbers_of_its_own(restores: list[Any]) -> None:
    cold_start.begin()
    numbers = set()
    for _ in range(2):
        random.seed(1)  # as stored
        restores[0]()
        numbers.add(random.random())
    assert len(numbers) == 2


def test_a_failure_to_read_ahead_is_left_to_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> str:
        raise LookupError

    monkeypatch.setattr(SecretStore, "get", fail)
    assert cold_start.begin()


@pytest.mark.parametrize("in_lambda", [True, False])
def test_the_collector_is_off_during_imports_in_lambda_alone_and_on_afterwards(
    in_lambda: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "a-function")
    program = f"""if True:
        import gc
        frozen = gc.get_freeze_count()  # by some versions of Python themselves
        from stats import cold_start
        assert gc.isenabled() is not {in_lambda}
        cold_start._read_ahead = lambda *_: None
        cold_start.begin()
        assert gc.isenabled()
        assert (gc.get_freeze_count() > frozen) is {in_lambda}
        """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert gc.isenabled()

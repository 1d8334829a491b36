"""What each answer of S3 means, and that nothing is written without a condition."""

import time

import pytest

from stats.aws.bucket import StorageError, Stored, tries
from stats.base.deadline import Deadline
from tests.support.memory_s3 import MemoryBucket, refusal


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def soon() -> Deadline:
    return Deadline.after(10)


def test_an_object_has_its_whole_key_and_its_content(bucket: MemoryBucket) -> None:
    assert bucket.get("a", soon()) is None
    assert bucket.put("a", b"one", None, soon())
    stored = bucket.get("a", soon())
    assert stored
    assert (stored.key, stored.body) == ("p/a", b"one")


def test_what_is_unchanged_is_the_object_that_the_caller_has(bucket: MemoryBucket) -> None:
    bucket.s3.objects |= {"p/a": b"one", "p/b": b"two"}
    first = dict(zip("ab", bucket.get_each({"a": None, "b": None}, soon()), strict=True))
    held = {key: outcome for key, outcome in first.items() if isinstance(outcome, Stored)}
    bucket.s3.objects["p/b"] = b"new"
    a, b = bucket.get_each(held, soon())
    assert a is held["a"]
    assert isinstance(b, Stored)
    assert b.body == b"new"


def test_one_failure_does_not_hide_the_other_objects(bucket: MemoryBucket) -> None:
    bucket.s3.objects["p/c"] = b"three"
    bucket.s3.faults["p/a"] = refusal("AccessDenied", 403)
    a, b, c = bucket.get_each(dict.fromkeys("abc"), soon())
    assert isinstance(a, StorageError)
    assert (str(a), b) == ("p/a: AccessDenied", None)
    assert isinstance(c, Stored)
    with pytest.raises(StorageError, match=r"^p/a: AccessDenied$"):
        bucket.get("a", soon())


def test_304_to_a_caller_that_has_nothing_is_a_failure(bucket: MemoryBucket) -> None:
    bucket.s3.faults["p/a"] = refusal("304", 304)
    with pytest.raises(StorageError, match=r"^p/a: 304$"):
        bucket.get("a", soon())


def test_lists_are_in_the_order_of_their_prefixes_without_the_buckets_own(bucket: MemoryBucket) -> None:
    bucket.s3.objects |= dict.fromkeys(("p/x1", "p/x2", "p/y", "other/x"), b"")
    bucket.s3.faults["p/z"] = refusal("SlowDown", 503)
    y, x, none, failed = bucket.list_each(["y", "x", "none", "z"], soon())
    assert (y, x, none) == (["y"], ["x1", "x2"], [])
    assert str(failed) == "p/z: SlowDown"


@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404)]
)
def test_another_writer_was_faster(bucket: MemoryBucket, code: str, status: int) -> None:
    bucket.s3.faults["p/a"] = refusal(code, status)
    assert not bucket.put("a", b"", None, soon())


def test_a_write_replaces_only_what_was_read(bucket: MemoryBucket) -> None:
    bucket.put("a", b"one", None, soon())
    assert not bucket.put("a", b"two", None, soon())
    stored = bucket.get("a", soon())
    assert bucket.put("a", b"three", stored, soon())
    assert not bucket.put("a", b"four", stored, soon())
    assert bucket.s3.objects == {"p/a": b"three"}


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NoSuchBucket", 404), ("InternalError", 500)])
def test_a_write_that_fails_is_not_a_faster_writer(bucket: MemoryBucket, code: str, status: int) -> None:
    bucket.s3.faults["p/a"] = refusal(code, status)
    with pytest.raises(StorageError, match=f"^p/a: {code}$"):
        bucket.put("a", b"", None, soon())


def test_nothing_is_sent_after_the_deadline(bucket: MemoryBucket) -> None:
    with pytest.raises(StorageError, match="TimeoutError"):
        bucket.get("a", Deadline.after(0))
    with pytest.raises(StorageError, match="TimeoutError"):
        bucket.put("a", b"", None, Deadline.after(0))
    assert bucket.s3.calls == []


def test_tries_end_in_an_error_and_do_not_pause_beyond_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(StorageError, match="a cannot be written"):
        list(tries("a", Deadline.after(1e6)))
    assert len(pauses) >= 10
    assert all(0 <= pause <= 0.5 for pause in pauses)
    assert max(pauses) > 0
    pauses.clear()
    with pytest.raises(StorageError):
        list(tries("a", Deadline.after(0)))
    assert set(pauses) == {0.0}

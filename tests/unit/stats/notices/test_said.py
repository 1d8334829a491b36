"""Claims in notices.json. tests/history_checker has several runs at once and a bucket that fails."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.notices import said
from stats.notices.said import KEY, Notice, State
from tests.support.memory_s3 import MemoryBucket

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTICE = Notice("drop", "it begins", "text", {"drop switches": {"from": 9}})


def claim(bucket: MemoryBucket, notice: Notice | None = NOTICE, now: datetime = NOW) -> said.Claim | None:
    """Claim a notice that is due while its entries are not as it leaves them."""

    def due(state: State) -> Notice | None:
        is_said = notice is None or all(state.entries.get(name) == after for name, after in notice.changes.items())
        return None if is_said else notice

    return said.claim(bucket, due, now, Deadline.after(5))


def state(bucket: MemoryBucket) -> State:
    return said.read(bucket, Deadline.after(5))[0]


def test_a_claim_is_made_once() -> None:
    bucket = MemoryBucket()
    found = claim(bucket)
    assert found
    assert (found.notice, found.before) == (NOTICE, {"drop switches": None})
    assert claim(bucket) is None
    content = json.loads(bucket.s3.objects["p/notices.json"])
    assert content["entries"] == {"drop switches": {"from": 9}}
    assert content["said"] == [{"id": found.id, "at": "2026-03-02T09:00:00Z", "subject": "it begins"}]
    assert content["as_of"] == "2026-03-02T09:00:00Z"


def test_nothing_due_writes_nothing() -> None:
    bucket = MemoryBucket()
    assert claim(bucket, None) is None
    assert bucket.s3.calls == [("get", "p/notices.json")]


def test_an_end_removes_the_entry() -> None:
    bucket = MemoryBucket()
    claim(bucket)
    end = Notice("drop", "it ends", "text", {"drop switches": None})
    assert claim(bucket, end)
    assert state(bucket).entries == {}
    assert claim(bucket, end) is None


def test_older_numbers_are_no_news() -> None:
    bucket = MemoryBucket()
    claim(bucket)
    end = Notice("drop", "it ends", "text", {"drop switches": None})
    assert claim(bucket, end, NOW - timedelta(seconds=1)) is None
    assert claim(bucket, end, NOW)


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    bucket = MemoryBucket()
    claim(bucket, now=NOW + timedelta(days=1))
    end = Notice("drop", "it ends", "text", {"drop switches": None})
    assert claim(bucket, end, NOW)
    assert state(bucket).as_of == NOW


def test_what_is_taken_back_can_be_claimed_again() -> None:
    bucket = MemoryBucket()
    claim(bucket)
    found = claim(bucket, Notice("drop", "it ends", "text", {"drop switches": None}))
    assert found
    said.take_back(bucket, found, Deadline.after(5))
    assert state(bucket).entries == NOTICE.changes
    assert [each["subject"] for each in state(bucket).claims] == ["it begins"]
    said.take_back(bucket, found, Deadline.after(5))  # changes nothing
    assert len(state(bucket).claims) == 1


def test_taking_back_leaves_what_others_have_said_since() -> None:
    bucket = MemoryBucket()
    found = claim(bucket)
    assert found
    claim(bucket, Notice("drop", "it ends", "text", {"drop switches": None}))
    claim(bucket, Notice("silence", "silence", "text", {"silence": {"since": "now"}}))
    claim(bucket, Notice("drop", "another", "text", {"drop switches": {"from": 5}}))
    said.take_back(bucket, found, Deadline.after(5))
    assert state(bucket).entries == {"silence": {"since": "now"}, "drop switches": {"from": 5}}


def test_a_claim_without_an_answer_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = MemoryBucket()
    put = bucket.s3.put_object

    def lose_the_answer(**arguments: Any) -> None:
        put(**arguments)
        raise ConnectionClosedError(endpoint_url="https://s3")

    monkeypatch.setattr(bucket.s3, "put_object", lose_the_answer)
    found = claim(bucket)
    assert found
    assert state(bucket).has(found.id)
    assert len(state(bucket).claims) == 1


def test_a_late_write_is_refused_after_all_was_taken_back() -> None:
    """It has the tag of a content that must never come again."""
    bucket = MemoryBucket()
    claim(bucket)
    _, stored = said.read(bucket, Deadline.after(5))
    second = Notice("silence", "silence", "text", {"silence": {"since": "now"}})
    found = claim(bucket, second)
    assert found
    said.take_back(bucket, found, Deadline.after(5))
    assert not bucket.put(KEY, b"{}", stored, Deadline.after(5))


def test_a_failure_before_the_claim_is_raised_as_it_is() -> None:
    bucket = MemoryBucket()
    bucket.s3.faults["p/notices.json"] = ConnectionError("no route")
    with pytest.raises(StorageError, match=r"^p/notices\.json: ConnectionError$"):
        claim(bucket)


def test_a_claim_that_stays_unknown_names_the_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = MemoryBucket()

    def fail(**_: Any) -> None:
        bucket.s3.faults["p/notices.json"] = ConnectionError("no route")
        raise ConnectionError("no route")

    monkeypatch.setattr(bucket.s3, "put_object", fail)
    monkeypatch.setattr("stats.aws.bucket.time.sleep", lambda _: None)
    with pytest.raises(StorageError, match="so this may not be sent: it begins"):
        claim(bucket)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"{}", b"null", b'{"as_of": null, "entries": [], "said": []}'),
        b'{"as_of": "noon", "entries": {}, "said": []}',
        b'{"as_of": null, "entries": {"silence": 1}, "said": []}',
        b'{"as_of": null, "entries": {}, "said": [{"id": "1"}]}',
    ],
)
def test_a_damaged_record_is_not_replaced(content: bytes) -> None:
    bucket = MemoryBucket()
    bucket.s3.objects["p/notices.json"] = content
    with pytest.raises(StorageError, match=r"p/notices\.json is not a valid record of notices"):
        claim(bucket)
    assert bucket.s3.objects["p/notices.json"] == content


def test_the_last_claims_are_kept() -> None:
    bucket = MemoryBucket()
    for number in range(60):
        assert claim(bucket, Notice("summary", f"{number}", "text", {"summary": {"monday": f"{number}"}}))
    assert [each["subject"] for each in state(bucket).claims] == [f"{number}" for number in range(10, 60)]

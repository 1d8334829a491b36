"""`openl2m-stats history`. tests/integration/test_history_command.py has snapshots that the function took."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.integration.conftest import Travel
from tests.support.s3 import S3
from tests.unit.openl2m_stats.conftest import Run
from tests.unit.openl2m_stats.history.conftest import NOVEMBER, OCTOBER, PREFIX, month, snapshot

AUGUST = f"{PREFIX}history/2026-08.json"
HEAD = "month    snapshots  backfilled  gaps"
# The second of the 31st is read last; the third is of 1 November in Tokyo.
EARLY, LATE, NEXT = (
    snapshot(f"2026-10-{time}:00:00Z", number) for number, time in enumerate(("30T16", "31T14", "31T15"))
)


@pytest.fixture
def taken(put: Any) -> None:
    """Three snapshots of two days, and their history."""
    for each in (EARLY, LATE, NEXT):
        put(PREFIX + each.key, each.line)
    put(OCTOBER, month(LATE))
    put(NOVEMBER, month(NEXT))


@pytest.mark.usefixtures("taken")
def test_list(put: Any, travel: Travel, history: Run) -> None:
    backfilled = {**snapshot("2026-11-02T02:00:00Z", 1).row, "source": "backfill"}
    put(NOVEMBER, json.dumps({"2026-11-01": NEXT.row, "2026-11-02": backfilled}).encode())
    put(AUGUST, b"{")
    travel(datetime.fromisoformat("2026-11-05T15:00:00Z"))  # the 6th in Tokyo
    listed, as_json = history("list"), history("list", "--json")
    damaged = "2026-08  damaged: openl2m-stats history rebuild 2026-08"
    assert listed.code == as_json.code == 1
    assert listed.out.splitlines() == [
        HEAD,
        damaged,
        "2026-10          1           0     0",
        "2026-11          1           1     3",
    ]
    nothing = dict.fromkeys(("snapshots", "backfilled", "gaps"))
    assert json.loads(as_json.out)[::2] == [
        {"month": "2026-08", "damaged": True, **nothing},
        {"month": "2026-11", "damaged": False, "snapshots": 1, "backfilled": 1, "gaps": 3},
    ]


def test_an_empty_bucket(history: Run) -> None:
    assert history("list") == (0, "There is no history yet.\n", "")
    assert history("list", "--json").out == "[]\n"
    assert history("rebuild").code == 0
    assert history("restore", "2026-11").code == 2


@pytest.mark.usefixtures("taken")
def test_rebuild_takes_the_snapshot_that_was_read_last(s3: S3, put: Any, history: Run) -> None:
    for key in (OCTOBER, NOVEMBER):
        put(key, b"{}")
    put(f"{PREFIX}dt=2026-10-31/notes.txt", b"hello")
    done = history("rebuild")
    assert (done.code, done.out) == (0, "2026-10: 1 rows changed, 0 unchanged\n2026-11: 1 rows changed, 0 unchanged\n")
    assert done.err.splitlines() == [
        f"Rebuilding all months of s3://{s3.bucket}/snapshots/history/ from 4 snapshots",
        "1 objects were left out: they are not snapshots, or have expired",
    ]
    assert (s3.json(OCTOBER), s3.json(NOVEMBER)) == ({LATE.day: LATE.row}, {NEXT.day: NEXT.row})
    assert history("rebuild").out == "2026-10: 0 rows changed, 1 unchanged\n2026-11: 0 rows changed, 1 unchanged\n"


@pytest.mark.usefixtures("taken")
def test_rebuild_one_month(s3: S3, client: Any, put: Any, history: Run) -> None:
    for key in (OCTOBER, NOVEMBER):
        put(key, b"{}")
    assert history("rebuild", "2026-11").out == "2026-11: 1 rows changed, 0 unchanged\n"
    assert (s3.objects[OCTOBER], s3.json(NOVEMBER)) == (b"{}", {NEXT.day: NEXT.row})
    client.delete_object(Bucket=s3.bucket, Key=OCTOBER)
    assert history("rebuild", "2026-10").out == "2026-10: 1 rows changed, 0 unchanged\n"
    assert s3.json(OCTOBER) == {LATE.day: LATE.row}


@pytest.mark.usefixtures("taken")
def test_rebuild_a_damaged_month(s3: S3, put: Any, travel: Travel, history: Run) -> None:
    """It begins with the last good version, which may have days without single snapshots."""
    other = snapshot("2026-10-12T02:00:00Z", 7)
    put(OCTOBER, month(other))
    travel(60)
    put(OCTOBER, month(other, EARLY))
    travel(120)
    put(OCTOBER, b"{")
    done = history("rebuild", "2026-10")
    begun = "was damaged, starts from the version of 2026-11-23T12:01:00Z, "
    assert (done.code, done.out) == (0, f"2026-10: {begun}1 rows changed, 1 unchanged\n")
    assert s3.json(OCTOBER) == {other.day: other.row, LATE.day: LATE.row}


def test_rebuild_a_damaged_month_without_a_good_version(s3: S3, put: Any, history: Run) -> None:
    put(AUGUST, b"{")
    put(OCTOBER, b"{")
    put(PREFIX + LATE.key, LATE.line)
    done = history("rebuild")
    assert (done.code, done.out.splitlines()) == (
        1,
        [
            "2026-08: damaged, without a good version and without single snapshots",
            "2026-10: was damaged, starts from nothing, 0 rows changed, 1 unchanged",
        ],
    )
    assert (s3.objects[AUGUST], s3.json(OCTOBER)) == (b"{", {LATE.day: LATE.row})


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("lost", [b"{", None])
def test_restore(lost: bytes | None, s3: S3, client: Any, put: Any, travel: Travel, history: Run) -> None:
    travel(60)
    put(OCTOBER, month(EARLY))
    travel(120)
    if lost is None:
        client.delete_object(Bucket=s3.bucket, Key=OCTOBER)
    else:
        put(OCTOBER, lost)
    done = history("restore", "2026-10")
    advice = "`openl2m-stats history rebuild 2026-10` adds the days that were read since."
    assert (done.code, done.out) == (0, f"2026-10: restored the version of 2026-11-23T12:01:00Z, 1 days. {advice}\n")
    assert s3.json(OCTOBER) == {EARLY.day: EARLY.row}
    assert history("restore", "2026-10") == (0, "2026-10 is not damaged: nothing to restore.\n", "")


def test_restore_what_has_no_good_version(put: Any, history: Run) -> None:
    put(OCTOBER, b"{")
    assert history("restore", "2026-10") == (
        2,
        "",
        "2026-10 has no good version: `openl2m-stats history rebuild 2026-10` restores what it can.\n",
    )


@pytest.mark.usefixtures("taken")
def test_somebody_else_restores_at_the_same_time(s3: S3, put: Any, history: Run) -> None:
    put(OCTOBER, b"{")
    s3.fault = lambda call, _: 412 if call.method == "PUT" else None
    done = history("restore", "2026-10")
    assert (done.code, done.out) == (2, "")
    assert done.err == "2026-10 was written by somebody else at the same time: look at `history list`.\n"


@pytest.mark.parametrize("month", ["2026", "2026-13", "november", "2026-11-01", ""])
def test_what_is_not_a_month(month: str, history: Run) -> None:
    for name in ("rebuild", "restore"):
        done = history(name, month)
        assert done.code == 2
        assert done.err.rstrip("\n").endswith(": it takes a month, such as 2026-11")


@pytest.mark.parametrize("arguments", [["list"], ["rebuild"], ["restore", "2026-11"]], ids=" ".join)
def test_a_bucket_that_is_not_there(arguments: list[str], history: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "no-such-bucket")
    done = history(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "NoSuchBucket" in done.err


def test_a_wrong_setting(history: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_TTL_SECONDS", "soon")
    done = history("list")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("CACHE_TTL_SECONDS is wrong: ")

"""What is printed of objects that were written anew, and of those that were not."""

from typing import Any

import pytest

from openl2m_stats.history.encryption import Encryption, Outcome
from openl2m_stats.history.reencrypting import _print, _report
from tests.support.sqlite_app import new_settings

SETTINGS = new_settings(SNAPSHOT_BUCKET="bucket")
PRESENT, FORMER = Encryption("aws:kms", "arn:present"), Encryption("aws:kms", "arn:former")
CURRENT, WRITTEN, GONE = Outcome("current", "a", PRESENT), Outcome("former", "b", FORMER), Outcome("gone", "c")
FAILED = Outcome("failed", "d", FORMER, "AccessDenied")


def test_a_report_has_what_failed_and_the_former_keys() -> None:
    report: dict[str, Any] = _report(SETTINGS, PRESENT, [CURRENT, WRITTEN, GONE, FAILED], dry_run=False)
    assert (report["current"], report["reencrypted"], report["former"]) == (1, 1, {"arn:former": 2})
    assert report["failed"] == [{"key": "d", "error": "AccessDenied"}]


@pytest.mark.parametrize(
    ("outcomes", "dry_run", "done"),
    [([CURRENT, WRITTEN], False, True), ([CURRENT], True, True), ([WRITTEN], True, False), ([FAILED], False, False)],
)
def test_only_what_is_done_is_said_to_be(
    outcomes: list[Outcome], dry_run: bool, done: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _print(SETTINGS, PRESENT, outcomes, dry_run)
    assert ("need no former key" in capsys.readouterr().out) == done


def test_few_of_many_failures_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    _print(SETTINGS, PRESENT, [FAILED] * 7, dry_run=False)
    printed = capsys.readouterr().err
    assert printed.count("AccessDenied") == 5
    assert "7 objects could not be re-encrypted." in printed

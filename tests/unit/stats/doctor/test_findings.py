"""What a check raises becomes a finding, without a text that may hold a secret."""

import ssl
from typing import Any

import pytest

from stats.aws.bucket import StorageError
from stats.aws.secrets import SecretUnavailableError
from stats.base.deadline import Deadline
from stats.base.telemetry import metrics
from stats.database.driver import DatabaseError, Kind
from stats.doctor.findings import Check, Finding, Known, find


def raising(error: Exception) -> Check:
    def make(_known: Known, _deadline: Deadline) -> Finding:
        raise error

    return Check("a check", make)


def refused_certificate() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            DatabaseError("28P01", "no", Kind.DENIED),
            Finding("FAIL", "28P01: no", "28P01", Kind.DENIED),
        ),
        (
            SecretUnavailableError("AccessDeniedException"),
            Finding("FAIL", "it cannot be read: AccessDeniedException", "AccessDeniedException"),
        ),
        (StorageError("p/latest.json: SlowDown"), Finding("FAIL", "p/latest.json: SlowDown", "SlowDown")),
        (StorageError("p/latest.json is wrong"), Finding("FAIL", "p/latest.json is wrong", "malformed")),
        (refused_certificate(), Finding("FAIL", "the certificate is refused: self-signed certificate", "certificate")),
        (ConnectionRefusedError(111, "refused"), Finding("FAIL", "refused", "ConnectionRefusedError")),
        (TimeoutError(), Finding("FAIL", "TimeoutError", "TimeoutError")),
        (KeyError("a password"), Finding("FAIL", "unforeseen KeyError; the log says more", "unforeseen")),
    ],
)
def test_what_is_raised_is_a_finding(error: Exception, expected: Finding, known: Known) -> None:
    assert find(raising(error), known, Deadline.after(10)) == expected


def test_nothing_is_counted(known: Known) -> None:
    metrics.metric_set.clear()
    find(raising(KeyError()), known, Deadline.after(10))
    assert not metrics.metric_set


def test_a_check_gets_its_share_of_the_time(known: Known) -> None:
    left: list[float] = []

    def make(_known: Known, deadline: Deadline) -> Finding:
        left.append(deadline.left)
        return Finding("ok", "")

    find(Check("a check", make, share=1 / 4), known, Deadline.after(100))
    assert 20 < left[0] <= 25


def test_without_time_no_check_is_made(known: Known, monkeypatch: Any) -> None:
    assert find(raising(AssertionError()), known, Deadline.after(0)) == Finding("skip", "no time was left")

"""Whether S3 writes on a condition. tests/integration/deployed tries S3 itself, and what ignores a condition."""

from typing import Any

import pytest

from openl2m_stats.deployed.stack import Account
from openl2m_stats.verify.storage import check_conditional_writes
from stats.aws.bucket import Bucket
from tests.support.s3 import S3

PREFIX = "snapshots/"


@pytest.fixture
def account(aws: Any) -> Account:
    return Account.of()


def test_nothing_is_left(account: Account, s3: S3) -> None:
    s3.objects = {"snapshots/latest.json": b"{}"}
    finding = check_conditional_writes(account, s3.bucket, PREFIX)
    assert finding.state == "ok", finding
    assert s3.objects == {"snapshots/latest.json": b"{}"}
    written = {call.key for call in s3.calls if call.method == "PUT"}
    assert len(written) == 1
    assert written.pop().startswith("snapshots/verify/")


def test_two_do_not_meet(account: Account, s3: S3) -> None:
    for _ in range(2):
        assert check_conditional_writes(account, s3.bucket, PREFIX).state == "ok"
    assert len({call.key for call in s3.calls if call.method == "PUT"}) == 2


def test_it_may_not_be_written(account: Account, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if call.method == "PUT" else None
    finding = check_conditional_writes(account, s3.bucket, PREFIX)
    assert finding.state == "FAIL"
    assert finding.seen.startswith(f"s3://{s3.bucket}/snapshots/verify/")
    assert "AccessDenied" in finding.seen
    assert "s3:PutObject" in finding.advice


@pytest.mark.parametrize("fault", [409, 412])
def test_a_write_that_should_be_carried_out_is_refused(fault: int, account: Account, s3: S3) -> None:
    s3.fault = lambda call, _: fault if call.method == "PUT" else None
    finding = check_conditional_writes(account, s3.bucket, PREFIX)
    assert (finding.state, finding.seen) == ("FAIL", "S3 refused a write whose condition is true")


def test_nothing_is_left_after_ctrl_c(account: Account, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Bucket.put

    def interrupted(self: Bucket, key: str, body: bytes, *others: Any) -> bool:
        if body != b"1":
            raise KeyboardInterrupt
        return put(self, key, body, *others)

    monkeypatch.setattr(Bucket, "put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_conditional_writes(account, s3.bucket, PREFIX)
    assert s3.objects == {}


def test_what_cannot_be_deleted(account: Account, s3: S3) -> None:
    s3.fault = lambda call, _: 403 if call.method == "DELETE" else None
    finding = check_conditional_writes(account, s3.bucket, PREFIX)
    assert finding.state == "warn"
    assert "was left there: An error occurred (AccessDenied)" in finding.seen
    assert "s3:DeleteObjectVersion" in finding.advice

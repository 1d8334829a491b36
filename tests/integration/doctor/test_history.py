"""`openl2m-stats doctor`: the months of the history."""

from dev.servers.databases import Database
from tests.integration.doctor.conftest import Examine, check
from tests.support.s3 import S3


def test_months_are_counted(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    assert examine()["history"]["seen"] == "1 month, none damaged"
    s3.objects = {key: body for key, body in s3.objects.items() if "history/" not in key}
    assert examine()["history"]["seen"] == "none yet"


def test_a_damaged_month_that_nobody_has_asked_for_is_found(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.objects = {**s3.objects, "snapshots/history/2020-01.json": b"{", "snapshots/history/2020-02.json": b"{}"}
    check(examine(), "history", "FAIL", "damaged: 2020-01", "history rebuild")


def test_a_history_that_may_not_be_read(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.fault = lambda call, _: 403 if "history/" in call.key else None
    check(examine(), "history", "FAIL", "AccessDenied", "s3:GetObject")
    s3.fault = lambda call, _: 403 if not call.key else None
    check(examine(), "history", "FAIL", "AccessDenied", "s3:ListBucket")

"""`openl2m-stats doctor --stack`: a deployed stack."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, Examine, check, edit_latest, publish
from tests.support.s3 import S3


def test_a_stack(
    sqlite_healthy: Database, aws: AWS, s3: S3, stack: str, function: str, api: str, examine: Examine, monkeypatch: Any
) -> None:
    own = {name: os.environ[name] for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")}
    deployed = {
        **own,
        "DATABASE_CA_FILE": "/opt/python/rds-global-bundle.pem",
        "TIME_ZONE": "Asia/Kathmandu",
        "AWS_ENDPOINT_URL": "https://nowhere.example.test",
    }
    publish(function, deployed)
    for name in own:
        monkeypatch.delenv(name)
    edit_latest(s3, time_zone="Asia/Kathmandu")
    report = examine("--stack", stack)
    assert report.title == f"the stack openl2m-stats in us-east-1, function {function}, alias live"
    assert (report.code, report.wrong) == (0, {})
    assert [finding["name"] for finding in report.findings] == [*NAMES, "address"]
    assert report["address"]["seen"].startswith(f"{api}api/stats/ answers 401 to an unknown token, in ")
    assert report["time zone"]["seen"].startswith("Asia/Kathmandu")
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=310)).isoformat())
    check(examine("--stack", stack), "snapshot", "warn", "more than the limit of 300 s")

"""`openl2m-stats status`: a part that cannot be read costs its own line, and no other."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.cloudformation import CloudFormation
from tests.support.s3 import S3
from tests.unit.openl2m_stats.conftest import Run

NAMES = ["stack", "versions", "settings", "snapshot", "numbers", "failed runs", "alarms"]


def states(out: str) -> dict[str, str]:
    found: Any = json.loads(out)["findings"]
    assert [each["name"] for each in found] == NAMES
    return {each["name"]: each["state"] for each in found}


def test_a_stack_without_outputs(cloudformation: CloudFormation, run: Run) -> None:
    code, out, err = run("status", "--stack", "openl2m-stats", "--json")
    assert (code, err) == (1, "")
    assert states(out) == {
        "stack": "ok",
        "versions": "FAIL",
        "settings": "FAIL",
        "snapshot": "FAIL",
        "numbers": "skip",
        "failed runs": "FAIL",
        "alarms": "ok",
    }
    found = {each["name"]: each["seen"] for each in json.loads(out)["findings"]}
    assert found["versions"] == "The stack openl2m-stats has no output StatsFunctionName: it is in CREATE_COMPLETE"


def test_a_bucket_that_cannot_be_read(
    cloudformation: CloudFormation, function: Callable[..., str], s3: S3, run: Run
) -> None:
    name = function("stats", TIME_ZONE="Asia/Tokyo")
    cloudformation.outputs = {
        "StatsFunctionName": name,
        "SnapshotFunctionName": name,
        "SnapshotBucketName": s3.bucket,
    }
    cloudformation.parameters = {"SnapshotPrefix": "snapshots/", "TimeZone": "Asia/Tokyo"}
    s3.fault = lambda *_: 403
    code, out, _ = run("status", "--stack", "openl2m-stats", "--json")
    assert code == 1
    found = states(out)
    assert (found["versions"], found["settings"], found["snapshot"]) == ("ok", "ok", "FAIL")
    [snapshot] = [each for each in json.loads(out)["findings"] if each["name"] == "snapshot"]
    assert snapshot["seen"] == "snapshots/latest.json: AccessDenied"


def test_settings_that_differ_from_their_defaults(
    cloudformation: CloudFormation, function: Callable[..., str], run: Run
) -> None:
    name = function("stats", TIME_ZONE="Asia/Tokyo", CACHE_TTL_SECONDS="60", DATABASE_HOST="", PAGE_ENABLED="false")
    cloudformation.outputs = {"StatsFunctionName": name}
    out = run("status", "--stack", "openl2m-stats").out
    [line] = [line for line in out.splitlines() if line[6:].startswith("settings")]
    assert line == "ok    settings         TIME_ZONE=Asia/Tokyo, PAGE_ENABLED=false"

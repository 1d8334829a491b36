"""`openl2m-stats verify`: what is left out. tests/integration/deployed runs it on a stack."""

import json
from typing import Any

import pytest

from tests.support import leaks
from tests.support.cloudformation import CloudFormation
from tests.unit.openl2m_stats.conftest import Run

URL = "http://127.0.0.1:1/api/stats/"


@pytest.fixture
def stack(cloudformation: CloudFormation) -> CloudFormation:
    cloudformation.outputs = {"Url": URL, "SnapshotBucketName": "b", "SnapshotFunctionName": "f"}
    cloudformation.parameters = {"SnapshotPrefix": "snapshots/"}
    return cloudformation


def findings(run: Run, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, err = run("verify", "--stack", "openl2m-stats", "--read-only", "--json", *arguments)
    assert err == ""
    return code, {each["name"]: each for each in json.loads(out)["findings"]}


def test_without_a_token(stack: CloudFormation, run: Run) -> None:
    code, found = findings(run)
    assert code == 1
    assert found["token secret"]["state"] == "FAIL"
    assert (found["metrics"]["state"], found["metrics"]["seen"]) == (
        "skip",
        "it needs a token: --key-file, or OPENL2M_STATS_KEY",
    )
    assert found["snapshot"]["seen"] == found["S3"]["seen"] == "--read-only skips it"


def test_the_rest_is_left_out_when_a_token_does_not_open_the_statistics(
    stack: CloudFormation, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENL2M_STATS_KEY", leaks.new_key())
    code, found = findings(run)
    assert code == 1
    assert found["statistics"]["state"] == "FAIL"
    assert (found["metrics"]["state"], found["metrics"]["seen"]) == ("skip", "statistics failed")


@pytest.mark.parametrize(
    ("parameters", "code", "why"),
    [
        ({"TruststoreUri": "s3://truststores/clients.pem"}, 0, "the API takes only clients that have a certificate"),
        ({"ApiEnabled": "false"}, 1, "ApiEnabled=false refuses every call"),
    ],
)
def test_what_cannot_be_called(
    parameters: dict[str, str], code: int, why: str, stack: CloudFormation, run: Run
) -> None:
    stack.parameters = {**stack.parameters, **parameters}
    done, found = findings(run)
    assert done == code
    assert {found[name]["seen"] for name in ("health", "page", "statistics", "metrics")} == {why}


def test_a_stack_without_an_address(cloudformation: CloudFormation, run: Run) -> None:
    done = run("verify", "--stack", "openl2m-stats")
    assert done == (2, "", "The stack openl2m-stats has no output Url: it is in CREATE_COMPLETE.\n")


def test_no_stack(run: Run) -> None:
    code, _, err = run("verify")
    assert code == 2
    assert err.endswith("openl2m-stats verify: Name the stack: --env or --stack.\n")

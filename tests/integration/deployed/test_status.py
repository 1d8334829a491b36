"""`openl2m-stats status`: a stack's state, and what of it needs somebody."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.exceptions import JsonRESTError

from tests.integration.conftest import AWS
from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import ALARMS, REGION, STACK, Stack

Lines = dict[str, tuple[str, str]]


def lines(out: str) -> Lines:
    """Return each line's state and text by its name."""
    found = (line for line in out.splitlines()[2:] if line)
    return {line[6:22].strip(): (line[:5].strip(), line[23:]) for line in found}


@pytest.fixture
def stack(deployed: Stack, operate_beside: Operate) -> Stack:
    """A stack that has taken its first snapshot."""
    assert operate_beside("snapshot").code == 0
    return deployed


def test_all_is_well(stack: Stack, operate: Operate) -> None:
    code, out, err = operate("status")
    assert (code, err) == (0, "")
    assert out.startswith(f"Checking the stack {STACK} in {REGION}, http://127.0.0.1:")
    found = lines(out)
    assert {state for state, _ in found.values()} == {"ok"}
    assert found["stack"][1].startswith("CREATE_COMPLETE since ")
    assert found["versions"][1] == "API 1, snapshots 1, as deployed"
    assert "CACHE_TTL_SECONDS=30" in found["settings"][1]
    assert "TIME_ZONE" not in found["settings"][1]
    assert found["snapshot"][1].endswith(" s ago")
    assert found["numbers"][1].startswith("Switches 3, ")
    assert (found["failed runs"][1], found["alarms"][1]) == ("none", "none of 2")


def test_status_as_json(stack: Stack, operate: Operate, aws: AWS) -> None:
    code, out, _ = operate("status", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["stack"], found["region"], found["status"]) == (STACK, REGION, "CREATE_COMPLETE")
    assert found["versions"]["api"] == {"function": stack.api, "live": 1, "deployed": 1}
    assert found["settings"]["CACHE_TTL_SECONDS"] == "30"
    assert found["settings"]["MAX_STALE_SECONDS"] == "3600"
    assert found["settings"]["DATABASE_SECRET_ID"] == aws.database_secret
    assert found["snapshot"]["age_seconds"] < 600
    assert found["numbers"]["database"]["switches"] == {"label": "Switches", "value": 3}
    assert found["failures"] == {"waiting": 0, "being_replayed": 0}
    assert [(each["name"], each["state"]) for each in found["alarms"]] == [(name, "OK") for name in sorted(ALARMS)]
    assert [each["name"] for each in found["findings"]][:2] == ["stack", "versions"]


def test_what_needs_somebody(stack: Stack, operate: Operate) -> None:
    stack.deploy(1, *stack.names)
    stack.point(stack.api, "1")
    stack.fail({"scheduled_for": "2026-11-26T12:00:00Z"})
    code, out, _ = operate("status")
    assert code == 0
    found = lines(out)
    state, text = found["versions"]
    assert (state, text.partition(". ")[0]) == ("warn", "API 1, snapshots 2; deployed were 2 and 2")
    state, text = found["failed runs"]
    assert (state, text) == (
        "warn",
        "1 snapshot run failed at every attempt. `openl2m-stats failures list` shows them.",
    )


def test_an_alarm(stack: Stack, operate: Operate) -> None:
    stack.alarm(ALARMS[0], "ALARM")
    code, out, _ = operate("status")
    assert code == 1
    state, text = lines(out)["alarms"]
    assert state == "FAIL"
    assert text.startswith(f"1 of 2: {ALARMS[0]} since 20")


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        ("UPDATE_COMPLETE", "ok", ""),
        ("UPDATE_IN_PROGRESS", "warn", "A deployment is under way."),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "warn", "A deployment is under way."),
        ("UPDATE_ROLLBACK_COMPLETE", "warn", "The last update failed and was undone."),
        (
            "UPDATE_ROLLBACK_FAILED",
            "FAIL",
            f"`aws cloudformation continue-update-rollback --stack-name {STACK} --region {REGION}`",
        ),
        ("DELETE_FAILED", "FAIL", "`make delete` again"),
    ],
)
def test_the_stacks_own_state(
    status: str, state: str, words: str, deploy: Callable[..., Stack], operate: Operate
) -> None:
    deploy().is_in(status)
    found = lines(operate("status").out)["stack"]
    assert found[0] == state
    assert found[1].startswith(f"{status} since ")
    assert words in found[1]


def test_a_stack_without_a_snapshot(deploy: Callable[..., Stack], operate: Operate) -> None:
    deploy()
    code, out, _ = operate("status")
    assert code == 0
    found = lines(out)
    assert found["snapshot"][0] == "warn"
    assert found["snapshot"][1].startswith("there is none yet. `openl2m-stats snapshot` takes one")
    assert found["numbers"] == ("skip", "there is no snapshot to read them from")


def test_snapshots_have_stopped(stack: Stack, operate: Operate, travel: Any) -> None:
    travel(datetime.now(UTC) + timedelta(days=3000))
    code, out, _ = operate("status")
    assert code == 1
    state, text = lines(out)["snapshot"]
    assert state == "FAIL"
    assert "more than the 900 s that are allowed" in text


def test_a_right_that_is_missing_costs_one_line(
    stack: Stack, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(*_: Any) -> None:
        raise JsonRESTError("AccessDenied", "not authorized to perform: cloudwatch:DescribeAlarms")

    monkeypatch.setattr(CloudWatchResponse, "describe_alarms", deny)
    code, out, _ = operate("status")
    assert code == 1
    found = lines(out)
    assert [name for name, (state, _) in found.items() if state != "ok"] == ["alarms"]
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in found["alarms"][1]


def test_a_stack_that_is_not_there(operate: Operate) -> None:
    code, out, err = operate("status")
    assert (code, out) == (2, "")
    assert err.startswith(f"The stack {STACK} cannot be read. ")

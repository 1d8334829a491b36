"""Which versions a rollback goes to. tests/integration/deployed/test_versions.py runs it on a stack."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openl2m_stats.deployed.published import Function, Version
from openl2m_stats.deployed.rollback import _Move, _refuse_while_changing, _targets
from openl2m_stats.deployed.stack import Description
from openl2m_stats.errors import Failed

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)


def function(name: str, days: dict[int, float], deployed: int, live: int | None = None) -> Function:
    versions = tuple(Version(number, BEGUN + timedelta(days=day), "") for number, day in days.items())
    return Function(name, versions, live or deployed, "", shifted=False, deployed=deployed)


API = function("api", {1: 0, 2: 1, 3: 2}, 3)
SNAPSHOTS = function("snapshots", {1: 0.01, 2: 2.01}, 2)


@pytest.mark.parametrize(
    ("to", "snapshots_to", "targets"),
    [(None, None, (2, 1)), (1, None, (1, 1)), (3, None, (3, 2)), (1, 2, (1, 2))],
)
def test_targets(to: int | None, snapshots_to: int | None, targets: tuple[int, int]) -> None:
    assert _targets(API, SNAPSHOTS, to, snapshots_to) == targets


def test_what_is_live_does_not_matter() -> None:
    """The same command, run again after it has moved both or one, goes back no further."""
    for live in ((1, 1), (2, 1), (3, 1), (2, 2)):
        moved = replace(API, live=live[0]), replace(SNAPSHOTS, live=live[1])
        assert _targets(*moved, None, None) == (2, 1)


def test_a_failed_deployment_after_the_one_that_is_deployed_does_not_matter() -> None:
    """CloudFormation has gone back to 3, and the version 4 is still there."""
    api = function("api", {1: 0, 2: 1, 3: 2, 4: 3}, 3)
    assert _targets(api, SNAPSHOTS, None, None) == (2, 1)


def test_a_failed_deployment_before_one_of_the_snapshot_function_alone() -> None:
    """No deployment had the API's version 4 and the snapshot function's 3, though they are the newest."""
    api = function("api", {1: 0, 2: 1, 3: 2, 4: 3}, 3)
    snapshots = function("snapshots", {1: 0.01, 2: 2.01, 3: 4}, 3)
    assert _targets(api, snapshots, None, None) == (3, 2)


@pytest.mark.parametrize(
    ("api", "snapshots", "to", "words"),
    [
        (function("api", {1: 0}, 1), function("snapshots", {1: 0.01}, 1), None, "There is no earlier deployment"),
        (function("api", {3: 2}, 3), SNAPSHOTS, None, "There is no earlier deployment"),
        (API, SNAPSHOTS, 4, r"Version 4 of api does not exist\. It has 1, 2, 3\."),
        (function("api", {1: 0, 3: 2}, 3), SNAPSHOTS, 2, r"Version 2 of api was deleted\. It has 1, 3\."),
        (API, function("snapshots", {2: 2.01}, 2), 1, "deployed with version 1 is gone. It has 2: choose one"),
    ],
)
def test_no_targets(api: Function, snapshots: Function, to: int | None, words: str) -> None:
    with pytest.raises(Failed, match=words):
        _targets(api, snapshots, to, None)


def test_a_move_that_is_not_needed() -> None:
    [first, *_, last] = API.versions
    assert not _Move(API, last).is_needed
    assert str(_Move(API, last)) == "api: stays at version 3"
    assert _Move(replace(API, shifted=True), last).is_needed
    assert str(_Move(API, first)) == "api: version 3 -> 1, published 2026-11-01T00:00:00Z"


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "CREATE_IN_PROGRESS"])
def test_a_stack_that_is_changing(status: str) -> None:
    with pytest.raises(Failed, match="cancel-update-stack --stack-name stats --region eu-west-1"):
        _refuse_while_changing(Description("stats", "eu-west-1", status, BEGUN, {}, {}))

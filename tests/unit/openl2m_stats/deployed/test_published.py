"""Which versions were deployed together."""

from datetime import UTC, datetime, timedelta

import pytest

from openl2m_stats.deployed.published import Function, Version, deployments, named_by_stack

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)


def function(name: str, *hours: float) -> Function:
    """Return a function whose versions were published so many hours after the beginning."""
    versions = tuple(Version(number, BEGUN + timedelta(hours=hour), "") for number, hour in enumerate(hours, 1))
    return Function(name, versions, 1, "", shifted=False, deployed=1)


@pytest.mark.parametrize(
    ("api", "snapshots", "pairs"),
    [
        ([0], [0.1], [(1, 1)]),
        ([0, 24, 48], [0.1, 24.1, 48.1], [(1, 1), (2, 2), (3, 3)]),
        ([0, 24, 48], [0.1, 48.1], [(1, 1), (2, 1), (3, 2)]),
        ([0], [0.1, 24], [(1, 1), (1, 2)]),
        ([0, 24], [0.1, 12, 24.1], [(1, 1), (1, 2), (2, 3)]),
        # Within an hour of each other: one deployment, and the next ones.
        ([0, 0.5], [0.1, 0.6], [(1, 1), (2, 2)]),
        ([0], [0.9], [(1, 1)]),
        ([0], [0.9, 0.95], [(1, 1), (1, 2)]),
        ([0, 10], [0.1, 11.5], [(1, 1), (2, 1), (2, 2)]),
        # Published in the same second.
        ([0, 24], [0, 24], [(1, 1), (2, 2)]),
        # What there is of a first deployment that failed, or was pruned, makes none.
        ([], [0], []),
        ([0], [], []),
        ([0, 24], [24.1], [(2, 1)]),
    ],
)
def test_deployments(api: list[float], snapshots: list[float], pairs: list[tuple[int, int]]) -> None:
    found = deployments(function("api", *api), function("snapshots", *snapshots))
    assert [(each.api, each.snapshots) for each in found] == pairs


def test_a_deployment_begins_with_the_first_version(monkeypatch: pytest.MonkeyPatch) -> None:
    [first, second] = deployments(function("api", 0, 24), function("snapshots", 0.1, 24.5))
    assert (first.published, second.published) == (BEGUN, BEGUN + timedelta(hours=24))


def test_versions_that_a_stack_names() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:{}:{}"
    arns = [arn.format("api", 3), arn.format("snapshots", 2), arn.format("api", 4)]
    assert named_by_stack(arns, "api") == {"3", "4"}
    assert named_by_stack(arns, "other") == set()


def test_a_version_by_its_number() -> None:
    api = function("api", 0, 1)
    assert api.find(2) == api.versions[1]
    assert api.find(3) is None

"""The rights in docs/permissions.md are those that the commands use: none is missing, and none is too many."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import Stack
from tests.support.permissions import documented
from tests.support.s3 import S3

RIGHTS = documented()
CANNED = {"key": "snapshots/dt=2026-11-26/2026-11-26T12-00-00Z.json", "written": True}
# The actions of IAM whose operations have other names.
ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
ARGUMENTS = {
    "versions rollback": ["--yes"],
    "versions prune": ["--keep", "1"],
    "failures replay": ["--all"],
    "failures purge": ["--yes"],
}
CODES = {"failures list": 1, "verify": 1, "verify --read-only": 1}  # nothing answers at the stack's address


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The actions that are called from now on."""
    client: Any = BaseClient
    call, found = client._make_api_call, set[str]()

    def noted(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "DeleteObject" and "VersionId" in parameters:
            found.add("s3:DeleteObjectVersion")
        else:
            action = f"{self.meta.service_model.service_name}:{operation}"
            found.add(ACTIONS.get(action, action))
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return found


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_rights_are_those_that_are_used(
    name: str, deploy: Callable[..., Stack], answer: Any, operate: Operate, s3: S3, request: pytest.FixtureRequest
) -> None:
    answer(lambda _: CANNED)
    stack = deploy()
    for day in range(1, 5):
        stack.deploy(day, *stack.names)
    stack.fail({"scheduled_for": "2026-11-26T12:00:00Z"})
    called: set[str] = request.getfixturevalue("called")
    done = operate(*name.split(), *ARGUMENTS.get(name, []))
    assert done.code == CODES.get(name, 0), done
    if name == "status":
        called.add("s3:ListBucket")  # without it, S3 says that an absent object is forbidden
    assert called == RIGHTS[name]


def test_every_command_that_operates_a_stack_is_listed() -> None:
    assert {command.split()[0] for command in RIGHTS} == {"status", "verify", "snapshot", "versions", "failures"}

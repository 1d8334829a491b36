"""`openl2m-stats versions list` and `rollback`: which deployments there were, and back to one of them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto.awslambda.models import lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.core.exceptions import JsonRESTError

from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import ACCOUNT, REGION, STACK, Stack


@pytest.fixture
def stack(deploy: Callable[..., Stack]) -> Stack:
    """A stack with four deployments: of both functions, of the API's alone, and of both again."""
    stack = deploy()
    stack.deploy(1, *stack.names)
    stack.deploy(2, stack.api)
    stack.deploy(3, *stack.names)
    assert stack.live() == ("4", "3")
    return stack


def delete(stack: Stack, function: str, version: str) -> None:
    stack.client.delete_function(FunctionName=function, Qualifier=version)


@pytest.fixture
def checked_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda refuses to move an alias that is not in the state that the caller names, and moto does not look."""
    update = LambdaResponse.update_alias

    def checked(self: LambdaResponse) -> Any:
        function, alias = self.path.split("/")[-3], self.path.split("/")[-1]
        found = lambda_backends[ACCOUNT][REGION].get_alias(alias, function)
        given = json.loads(self.body).get("RevisionId")
        if given and given != found.revision_id:
            raise JsonRESTError("PreconditionFailedException", "The RevisionId provided does not match")
        answer = update(self)
        found.revision_id += "+"
        return answer

    monkeypatch.setattr(LambdaResponse, "update_alias", checked)


def test_list_shows_the_deployments(stack: Stack, operate: Operate) -> None:
    stack.point(stack.api, "3")
    stack.point(stack.snapshots, "2")
    code, out, err = operate("versions", "list")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "API  snapshots  published",
        "1    1          2026-11-01T12:00:00Z",
        "2    2          2026-11-02T12:00:00Z",
        "3    2          2026-11-03T12:00:00Z  live",
        "4    3          2026-11-04T12:00:00Z  deployed",
    ]


def test_list_names_what_answers_if_no_deployment_has_left_it(stack: Stack, operate: Operate) -> None:
    stack.point(stack.api, "2")
    assert operate("versions", "list").out.endswith(
        "\nlive is at version 2 of the API's function and 3 of the snapshot function.\n"
    )


def test_list_as_json(stack: Stack, operate: Operate) -> None:
    found = json.loads(operate("versions", "list", "--json").out)
    assert found["deployments"][-1] == {
        "api": 4,
        "snapshots": 3,
        "published": "2026-11-04T12:00:00Z",
        "live": True,
        "deployed": True,
    }
    api, snapshots = found["functions"]
    assert (api["name"], api["live"], api["deployed"]) == (stack.api, 4, 4)
    assert [each["version"] for each in snapshots["versions"]] == [1, 2, 3]


def test_rollback_undoes_the_last_deployment(stack: Stack, operate: Operate) -> None:
    code, out, err = operate("versions", "rollback", "--yes")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{stack.api}: version 4 -> 3, published 2026-11-03T12:00:00Z",
        f"{stack.snapshots}: version 3 -> 2, published 2026-11-02T12:03:00Z",
    ]
    assert stack.live() == ("3", "2")


def test_a_second_rollback_goes_back_no_further(stack: Stack, operate: Operate) -> None:
    assert operate("versions", "rollback", "--yes").code == 0
    code, out, _ = operate("versions", "rollback")  # there is nothing to ask
    assert (code, out) == (0, f"{stack.api}: stays at version 3\n{stack.snapshots}: stays at version 2\n")
    assert stack.live() == ("3", "2")


def test_a_function_that_was_rolled_back_by_hand_stays(stack: Stack, operate: Operate) -> None:
    stack.point(stack.snapshots, "2")
    assert f"{stack.snapshots}: stays at version 2\n" in operate("versions", "rollback", "--yes").out
    assert stack.live() == ("3", "2")


def test_rollback_of_a_deployment_that_changed_one_function(stack: Stack, operate: Operate) -> None:
    """A change of CacheTtlSeconds, for example, publishes no version of the snapshot function."""
    stack.deploy(4, stack.api)
    assert stack.live() == ("5", "3")
    assert operate("versions", "rollback", "--yes").code == 0
    assert stack.live() == ("4", "3")


def test_rollback_of_a_deployment_of_the_snapshot_function_alone(stack: Stack, operate: Operate) -> None:
    stack.deploy(4, stack.snapshots)
    assert stack.live() == ("4", "4")
    assert operate("versions", "rollback", "--yes").code == 0
    assert stack.live() == ("4", "3")


def test_rollback_to_a_version_takes_the_snapshot_functions_of_that_deployment(stack: Stack, operate: Operate) -> None:
    assert operate("versions", "rollback", "--to", "2", "--yes").code == 0
    assert stack.live() == ("2", "2")
    assert operate("versions", "rollback", "--to", "4", "--yes").code == 0
    assert stack.live() == ("4", "3")


def test_rollback_to_both_versions(stack: Stack, operate: Operate) -> None:
    done = operate("versions", "rollback", "--to", "1", "--snapshots-to", "3", "--yes", "--json")
    assert json.loads(done.out) == {
        "stack": STACK,
        "functions": [
            {"name": stack.api, "from": 4, "to": 1},
            {"name": stack.snapshots, "from": 3, "to": 3},
        ],
    }
    assert stack.live() == ("1", "3")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--to", "9"], "Version 9 of {api} does not exist. It has 1, 3, 4."),
        (["--to", "2"], "Version 2 of {api} was deleted. It has 1, 3, 4."),
        (["--to", "1", "--snapshots-to", "2"], "Version 2 of {snapshots} was deleted. It has 1, 3."),
        (["--to", "1", "--snapshots-to", "8"], "Version 8 of {snapshots} does not exist. It has 1, 3."),
    ],
)
def test_a_version_that_is_not_there(arguments: list[str], problem: str, stack: Stack, operate: Operate) -> None:
    for function in stack.names:
        delete(stack, function, "2")
    code, out, err = operate("versions", "rollback", "--yes", *arguments)
    assert (code, out, err) == (2, "", problem.format(api=stack.api, snapshots=stack.snapshots) + "\n")
    assert stack.live() == ("4", "3")


def test_the_snapshot_functions_version_is_gone(stack: Stack, operate: Operate) -> None:
    delete(stack, stack.snapshots, "1")
    code, _, err = operate("versions", "rollback", "--to", "1", "--yes")
    assert code == 2
    assert err == (
        "The version of the snapshot function that was deployed with version 1 is gone. It has 2, 3: choose one with "
        "--snapshots-to.\n"
    )
    assert operate("versions", "rollback", "--to", "1", "--snapshots-to", "2", "--yes").code == 0
    assert stack.live() == ("1", "2")


def test_a_first_deployment_cannot_be_undone(deploy: Callable[..., Stack], operate: Operate) -> None:
    deploy()
    code, out, err = operate("versions", "rollback", "--yes")
    assert (code, out) == (2, "")
    assert err == "There is no earlier deployment whose versions are still there: see `versions list`.\n"


@pytest.mark.parametrize(
    ("answer", "code", "moved"), [("y\n", 0, True), ("YES\n", 0, True), ("n\n", 2, False), ("\n", 2, False)]
)
def test_rollback_asks_first(answer: str, code: int, moved: bool, stack: Stack, operate: Operate) -> None:
    done = operate("versions", "rollback", stdin=answer)
    assert done.code == code
    assert f"Move the alias live of {STACK}? [y/N]" in done.err
    assert (stack.live() == ("3", "2")) == moved


@pytest.mark.parametrize("stdin", ["", None])
def test_nobody_is_there_to_answer(stdin: str | None, stack: Stack, operate: Operate) -> None:
    code, _, err = operate("versions", "rollback", stdin=stdin)
    assert code == 2
    assert err.endswith("\nNothing was changed: there was no answer. Where nobody can answer, use --yes.\n")
    assert stack.live() == ("4", "3")


@pytest.mark.usefixtures("checked_revisions")
def test_an_alias_that_moves_meanwhile_is_left_alone(
    stack: Stack, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and moving, somebody else deploys."""
    update, moved = LambdaResponse.update_alias, list[bool]()

    def after_another(self: LambdaResponse) -> Any:
        if not moved:
            moved.append(True)
            client: Any = boto3.client("lambda")
            client.update_alias(FunctionName=stack.snapshots, Name="live", FunctionVersion="1")
        return update(self)

    monkeypatch.setattr(LambdaResponse, "update_alias", after_another)
    code, _, err = operate("versions", "rollback", "--yes")
    assert code == 2
    assert err == (
        f"{stack.api} was moved. {stack.snapshots} was not moved: Somebody else has moved the alias in the meantime. "
        "See `versions list`, then run this again.\n"
    )
    assert stack.live() == ("3", "1")
    assert operate("versions", "rollback", "--yes").code == 0
    assert stack.live() == ("3", "2")


def test_what_fails_halfway_is_finished_by_the_same_command(
    stack: Stack, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = LambdaResponse.update_alias

    def deny(self: LambdaResponse) -> Any:
        if stack.snapshots in self.path:
            raise JsonRESTError("AccessDeniedException", "not authorized to perform: lambda:UpdateAlias")
        return update(self)

    with monkeypatch.context() as context:
        context.setattr(LambdaResponse, "update_alias", deny)
        code, out, err = operate("versions", "rollback", "--yes", "--json")
    assert code == 2
    assert f"\n{stack.api} was moved. {stack.snapshots} was not moved: An error occurred (AccessDenied" in err
    assert err.endswith("). See `versions list`, then run this again.\n")
    moved = [(each["name"], each["from"], each["to"]) for each in json.loads(out)["functions"]]
    assert moved == [(stack.api, 4, 3), (stack.snapshots, 3, 3)]
    assert stack.live() == ("3", "3")
    assert operate("versions", "rollback", "--yes").code == 0
    assert stack.live() == ("3", "2")


@pytest.mark.usefixtures("checked_revisions")
def test_a_move_whose_answer_is_lost_is_done(stack: Stack, operate: Operate, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore tries again, and finds the alias where its first attempt has left it."""
    update, lost = LambdaResponse.update_alias, list[str]()

    def lose_the_answer(self: LambdaResponse) -> Any:
        answer = update(self)
        if self.path not in lost:
            lost.append(self.path)
            error = JsonRESTError("ServiceException", "Internal error")
            error.code = 500
            raise error
        return answer

    monkeypatch.setattr(LambdaResponse, "update_alias", lose_the_answer)
    code, _, err = operate("versions", "rollback", "--yes")
    assert (code, err, len(lost)) == (0, "", 2)
    assert stack.live() == ("3", "2")


def test_all_calls_go_to_the_version(stack: Stack, operate: Operate) -> None:
    """Somebody had moved a part of them by hand."""
    stack.point(stack.api, "3", RoutingConfig={"AdditionalVersionWeights": {"4": 0.5}})
    assert operate("versions", "rollback", "--yes").code == 0
    alias = stack.client.get_alias(FunctionName=stack.api, Name="live")
    assert (alias["FunctionVersion"], alias["RoutingConfig"]["AdditionalVersionWeights"]) == ("3", {})


def test_a_deployment_under_way_is_not_disturbed(stack: Stack, operate: Operate) -> None:
    stack.is_in("UPDATE_IN_PROGRESS")
    code, _, err = operate("versions", "rollback", "--yes")
    assert code == 2
    assert err.startswith(f"{STACK} is in UPDATE_IN_PROGRESS, and CloudFormation would move the alias again.")
    assert stack.live() == ("4", "3")


def test_a_stack_whose_rollback_failed_can_be_rolled_back(stack: Stack, operate: Operate) -> None:
    stack.is_in("UPDATE_ROLLBACK_FAILED")
    assert operate("versions", "rollback", "--yes").code == 0
    assert stack.live() == ("3", "2")


def test_a_wrong_use(operate: Operate, deploy: Callable[..., Stack]) -> None:
    for arguments, words in (
        (["--to", "0"], "--to: it takes a number from 1 on"),
        (["--snapshots-to", "1"], "--snapshots-to needs --to"),
    ):
        code, _, err = operate("versions", "rollback", *arguments)
        assert code == 2
        assert words in err

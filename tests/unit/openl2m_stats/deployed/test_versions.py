"""`openl2m-stats versions prune`. tests/template/test_commands.py runs it on the whole stack."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug import Request, Response

from tests.support.cloudformation import CloudFormation
from tests.support.wsgi import served
from tests.unit.openl2m_stats.conftest import Run


@pytest.fixture
def awslambda(aws: object) -> Any:
    return boto3.client("lambda")


@pytest.fixture
def functions(cloudformation: CloudFormation, function: Callable[..., str], awslambda: Any) -> list[str]:
    """Two functions with the versions 1, which is live, to 5; the stack names the second's second version."""
    names = [function("api"), function("snapshot")]
    for name in names:
        for number in range(4):
            awslambda.update_function_configuration(FunctionName=name, Description=f"{number}")
            awslambda.publish_version(FunctionName=name)
    cloudformation.resources = {
        **{name: ("AWS::Lambda::Function", name) for name in names},
        "Version": ("AWS::Lambda::Version", f"arn:aws:lambda:us-east-1:123456789012:function:{names[1]}:2"),
    }
    return names


def versions(awslambda: Any, name: str) -> list[str]:
    listed = awslambda.list_versions_by_function(FunctionName=name)["Versions"]
    return [each["Version"] for each in listed]


def test_what_is_live_named_or_among_the_newest_stays(functions: list[str], awslambda: Any, run: Run) -> None:
    api, snapshot = functions
    would = f"{api}: would delete 2, 3, keeps 1, 4, 5\n{snapshot}: would delete 3, keeps 1, 2, 4, 5\n"
    assert run("versions", "prune", "--stack", "openl2m-stats", "--keep", "2", "--dry-run") == (0, would, "")
    assert versions(awslambda, api) == ["$LATEST", "1", "2", "3", "4", "5"]
    done = run("versions", "prune", "--stack", "openl2m-stats", "--keep", "2")
    assert done == (0, would.replace("would delete", "deleted"), "")
    assert versions(awslambda, api) == ["$LATEST", "1", "4", "5"]
    assert versions(awslambda, snapshot) == ["$LATEST", "1", "2", "4", "5"]
    assert run("versions", "prune", "--stack", "openl2m-stats").out.startswith(f"{api}: deleted nothing, keeps 1, 4, 5")


def test_all_that_an_alias_leads_to_stays(functions: list[str], awslambda: Any, run: Run) -> None:
    awslambda.update_alias(
        FunctionName=functions[0],
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    awslambda.create_alias(FunctionName=functions[0], Name="trial", FunctionVersion="3")
    done = run("versions", "prune", "--stack", "openl2m-stats", "--keep", "1")
    assert done.out.splitlines()[0] == f"{functions[0]}: deleted 4, keeps 1, 2, 3, 5"


def test_the_newest_are_those_of_the_highest_numbers(
    cloudformation: CloudFormation, function: Callable[..., str], awslambda: Any, run: Run
) -> None:
    name = function("api")
    for number in range(10):
        awslambda.update_function_configuration(FunctionName=name, Description=f"{number}")
        awslambda.publish_version(FunctionName=name)
    cloudformation.resources = {"StatsFunction": ("AWS::Lambda::Function", name)}
    done = run("versions", "prune", "--stack", "openl2m-stats", "--keep", "2", "--dry-run")
    assert done.out == f"{name}: would delete 2, 3, 4, 5, 6, 7, 8, 9, keeps 1, 10, 11\n"


def test_lambda_refuses_halfway(functions: list[str], moto_url: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other function's versions are deleted nevertheless."""
    moto = DomainDispatcherApplication(create_backend_app)

    def refuse(environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.method == "DELETE" and functions[0] in request.path and request.args.get("Qualifier") == "3":
            answer = Response('{"Message": "no"}', 403, {"x-amzn-errortype": "AccessDeniedException"})
            return answer(environ, start_response)
        return moto(environ, start_response)

    with served(refuse) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        done = run("versions", "prune", "--stack", "openl2m-stats", "--keep", "1")
    assert (done.code, done.out) == (2, f"{functions[1]}: deleted 3, 4, keeps 1, 2, 5\n")
    assert done.err.startswith(f"{functions[0]}: deleted 2, then stopped. An error occurred (AccessDeniedException)")


@pytest.mark.parametrize("keep", ["0", "-1", "1.5", "x"])
def test_how_many_to_keep(keep: str, run: Run) -> None:
    done = run("versions", "prune", "--stack", "x", f"--keep={keep}")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "openl2m-stats versions prune: --keep: it takes a number from 1 on",
    )


def test_no_stack(run: Run) -> None:
    done = run("versions", "prune")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "openl2m-stats versions prune: Name the stack: --env or --stack.",
    )

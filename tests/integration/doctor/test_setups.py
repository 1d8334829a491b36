"""`openl2m-stats doctor --stack`: a deployed stack."""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from werkzeug import Request, Response

from dev.servers.databases import Database
from openl2m_stats.cli import main
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, Examine, check, edit_latest
from tests.support.s3 import S3
from tests.support.wsgi import served

XML = """<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><{action}Result>{result}
</{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"""
STACK = """<Stacks><member><StackName>openl2m-stats</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
<CreationTime>2026-11-23T12:00:00Z</CreationTime>
<Outputs><member><OutputKey>SnapshotsMissedSeconds</OutputKey><OutputValue>300</OutputValue></member><member><OutputKey>Url</OutputKey><OutputValue>https://stats.example.com/api/stats/</OutputValue>
</member></Outputs></member></Stacks>"""
MISSING = """<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
<Message>Stack with id {name} does not exist</Message></Error><RequestId>1</RequestId></ErrorResponse>"""


@pytest.fixture
def function(moto_url: str, aws: AWS) -> str:
    """Create a function with an alias and without variables, and return its name."""
    iam: Any = boto3.client("iam", endpoint_url=moto_url)
    name = f"stats-{aws.database_secret}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    package = io.BytesIO()
    zipfile.ZipFile(package, "w").close()
    awslambda: Any = boto3.client("lambda", endpoint_url=moto_url)
    awslambda.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="stats.api.handler",
        Code={"ZipFile": package.getvalue()},
    )
    return name


@pytest.fixture
def answer() -> list[Response]:
    """What the API's address answers; a test may change it."""
    return [Response('{"detail":"…"}', 401, content_type="application/json")]


@pytest.fixture
def api(answer: list[Response]) -> Iterator[str]:
    """The API, and that it is called with a well-formed key."""

    def respond(request: Request) -> Response:
        assert re.fullmatch("Token [0-9a-f]{40}", request.headers["Authorization"])
        return answer[0]

    with served(Request.application(respond)) as url:
        yield f"{url}/"


@pytest.fixture
def stack(function: str, api: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in for CloudFormation, which moto has only with further dependencies, with one stack of one function."""

    def respond(request: Request) -> Response:
        query = parse_qs(request.get_data(as_text=True))
        [action], [name] = query["Action"], query["StackName"]
        if name != "openl2m-stats":
            return Response(MISSING.format(name=name), 400, content_type="text/xml")
        resource = f"""<StackResourceDetail><LogicalResourceId>{query.get("LogicalResourceId", [""])[0]}
            </LogicalResourceId><PhysicalResourceId>{function}</PhysicalResourceId></StackResourceDetail>"""
        result = STACK.replace("https://stats.example.com/", api) if action == "DescribeStacks" else resource
        return Response(XML.format(action=action, result=result), content_type="text/xml")

    with served(Request.application(respond)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
        yield "openl2m-stats"


def publish(function: str, variables: dict[str, str]) -> None:
    """Make the alias `live` of the function one version with these variables; what is edited later is not live."""
    awslambda: Any = boto3.client("lambda")
    awslambda.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
    version = awslambda.publish_version(FunctionName=function)["Version"]
    awslambda.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    awslambda.update_function_configuration(FunctionName=function, Environment={"Variables": {}})


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


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response('{"message":"Forbidden"}', 403), ("answers 403", "WAF")),
        (Response('{"message":"Not Found"}', 404), ("answers 404", "API mapping")),
        (Response('{"message":"Unauthorized"}', 401), ("answers 401, but the answer is not", "authorizer")),
        (Response('{"detail":"…"}', 503), ("answers 503", "token secret")),
        (Response("<!doctype html>", 200), ("answers 200", "login page")),
    ],
    ids=lambda each: "" if isinstance(each, tuple) else each.status,
)
def test_an_address_that_does_not_answer_as_it_should(
    response: Response,
    words: tuple[str, ...],
    answer: list[Response],
    sqlite_healthy: Database,
    stack: str,
    function: str,
    examine: Examine,
) -> None:
    names = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")
    publish(function, {name: os.environ[name] for name in names})
    answer[0] = response
    check(examine("--stack", stack), "address", "FAIL", *words)


@pytest.mark.usefixtures("sqlite_healthy", "stack")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stack", "other"], "The stack other cannot be read. An error occurred (ValidationError)"),
        (["--stack", "openl2m-stats"], "The stack openl2m-stats cannot be read. An error occurred (ResourceNotFound"),
    ],
    ids=["no stack", "no alias"],
)
def test_no_such_stack(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["doctor", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith(words)


def test_a_stack_without_credentials(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert main(["doctor", "--stack", "openl2m-stats"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The stack openl2m-stats cannot be read. NoRegionError: ")

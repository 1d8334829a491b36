"""What the tests of the doctor share: a deployment that is well, and a run of the command."""

import contextlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from werkzeug import Request, Response

from dev.servers.databases import Database
from openl2m_stats.cli import main
from tests.integration.conftest import AWS, cold_start
from tests.support import leaks
from tests.support.s3 import S3
from tests.support.tls_servers import HOST
from tests.support.wsgi import served

OF_DATABASE = [
    "network",
    "TLS",
    "login",
    "grants",
    "least privilege",
    "clock",
    "time limit",
    "time zone",
    "statement",
    "index",
]
NAMES = ["settings", "AWS", "database secret", *OF_DATABASE, "token secret", "snapshot", "history"]


@dataclass(frozen=True)
class Report:
    """What a run printed, and its exit code. `functions` are the findings of each deployed function, by its title."""

    code: int
    title: str
    findings: list[dict[str, str]]
    functions: dict[str, list[dict[str, str]]]

    def __getitem__(self, name: str) -> dict[str, str]:
        [finding] = [finding for finding in self.findings if finding["name"] == name]
        return finding

    @property
    def skipped(self) -> list[str]:
        return [finding["name"] for finding in self.findings if finding["state"] == "skip"]

    @property
    def wrong(self) -> dict[str, str]:
        """The states that are not `ok`, by the check's name, without those that were skipped."""
        return {
            finding["name"]: finding["state"] for finding in self.findings if finding["state"] not in {"ok", "skip"}
        }


Examine = Callable[..., Report]


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Return a function that runs the command, with arguments."""

    def run(*arguments: str) -> Report:
        capsys.readouterr()
        code = main(["doctor", "--json", *arguments])
        printed = capsys.readouterr()
        assert printed.err == ""
        assert not leaks.found_in(printed.out)
        report = json.loads(printed.out)
        functions = {each["checked"]: each["findings"] for each in report.get("functions", [])}
        found = [each for findings in (report["findings"], *functions.values()) for each in findings]
        assert all(bool(each["advice"]) == (each["state"] in {"warn", "FAIL"}) for each in found)
        return Report(code, report["checked"], report["findings"], functions)

    return run


def check(report: Report, name: str, state: str, *words: str) -> None:
    """Check that this is the one finding that is not `ok`, and that it has the words."""
    assert report.wrong == {name: state}
    assert report.code == (1 if state == "FAIL" else 0)
    finding = report[name]
    for word in words:
        assert word in f"{finding['seen']}. {finding['advice']}"


def ask(database: Database, sql: str) -> Any:
    """Return what the superuser is told."""
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def healthy(aws: AWS, s3: S3) -> Callable[[Database], None]:
    """Return a function that makes a deployment of a database: a secret, a token and a snapshot of just now."""

    def deploy(database: Database) -> None:
        aws.put_database(database.secret())
        aws.new_token()
        schedule = cold_start("stats.schedule")
        schedule.handler({}, None)
        schedule._parts[0].database.close()

    return deploy


@pytest.fixture
def sqlite_healthy(sqlite_db: Database, healthy: Any) -> Database:
    healthy(sqlite_db)
    return sqlite_db


@pytest.fixture
def server_healthy(server_db: Database, healthy: Any) -> Database:
    healthy(server_db)
    return server_db


def elsewhere(**changes: Any) -> dict[str, Any]:
    """Return the secret of a database that is not there."""
    secret = {"engine": "postgres", "host": HOST, "username": "nobody", "password": leaks.new_password()}
    return {**secret, **changes}


def edit_latest(s3: S3, **changes: Any) -> None:
    latest = s3.json("snapshots/latest.json")
    s3.objects = {"snapshots/latest.json": json.dumps({**latest, **changes}).encode()}


XML = """<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><{action}Result>{result}
</{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"""
STACK = """<Stacks><member><StackName>openl2m-stats</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
<CreationTime>2026-11-23T12:00:00Z</CreationTime>
<Outputs>{outputs}</Outputs></member></Stacks>"""
OUTPUT = "<member><OutputKey>{}</OutputKey><OutputValue>{}</OutputValue></member>"
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
def outputs(api: str) -> dict[str, str]:
    """The stack's outputs; a test may add some."""
    return {"SnapshotsMissedSeconds": "300", "Url": f"{api}api/stats/"}


@pytest.fixture
def stack(function: str, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in for CloudFormation, which moto has only with further dependencies, with one stack of one function."""

    def respond(request: Request) -> Response:
        query = parse_qs(request.get_data(as_text=True))
        [action], [name] = query["Action"], query["StackName"]
        if name != "openl2m-stats":
            return Response(MISSING.format(name=name), 400, content_type="text/xml")
        resource = f"""<StackResourceDetail><LogicalResourceId>{query.get("LogicalResourceId", [""])[0]}
            </LogicalResourceId><PhysicalResourceId>{function}</PhysicalResourceId></StackResourceDetail>"""
        listed = "".join(OUTPUT.format(*each) for each in outputs.items())
        result = STACK.format(outputs=listed) if action == "DescribeStacks" else resource
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

"""`openl2m-stats doctor --stack`: a deployed stack."""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from werkzeug import Request, Response

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, Examine, check, edit_latest
from tests.support.cloudformation import CloudFormation
from tests.support.s3 import S3
from tests.support.wsgi import served


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
def api() -> Iterator[str]:
    """The API, and that it is called with a well-formed key."""

    def respond(request: Request) -> Response:
        assert re.fullmatch("Token [0-9a-f]{40}", request.headers["Authorization"])
        return Response('{"detail":"…"}', 401, content_type="application/json")

    with served(Request.application(respond)) as url:
        yield f"{url}/"


@pytest.fixture
def stack(function: str, api: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stack of one function."""
    stub = CloudFormation(
        outputs={"SnapshotsMissedSeconds": "300", "Url": f"{api}api/stats/"},
        resources={"StatsFunction": ("AWS::Lambda::Function", function)},
    )
    with served(stub) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
        yield stub.stack


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
    check(examine("--stack", stack), "snapshot", "warn", "more than the 300 s")

"""The template deployed into moto's CloudFormation, as far as moto knows its resources."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from openl2m_stats.doctor.setups import open_setup
from tests.support.stack import REQUIRED, load, stack
from tests.template.test_template import EVERYTHING

SUPPORTED = {
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with what `sam package` uploads, in S3."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        upload()
        yield


def upload() -> None:
    """Put into S3 what `sam package` does."""
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="artifacts")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("stats/api.py", "")
    for key in ("code-1", "layer-1"):
        s3.put_object(Bucket="artifacts", Key=key, Body=package.getvalue())


def deploy(outputs: Any = None, **given: Any) -> None:
    """Deploy the resources that moto supports, and their parameters with the defaults. The token secret has a name."""
    resources = {name: entry for name, entry in stack(**given).items() if entry["Type"] in SUPPORTED}
    for entry in resources.values():
        entry.pop("Condition", None)  # it is decided already
        entry.pop("Metadata", None)  # it may refer to what moto does not make
    template = {"Parameters": load()["Parameters"], "Resources": resources, "Outputs": outputs or {}}
    text = json.dumps(template).replace('{"Ref": "TokenSecret"}', '"tokens"')
    cloudformation: Any = boto3.client("cloudformation")
    values = [{"ParameterKey": name, "ParameterValue": str(value)} for name, value in (REQUIRED | given).items()]
    cloudformation.create_stack(StackName="openl2m-stats", TemplateBody=text, Parameters=values)
    made = cloudformation.describe_stack_resources(StackName="openl2m-stats")["StackResources"]
    assert {entry["LogicalResourceId"] for entry in made} == resources.keys()


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("given", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_stack_is_made(given: dict[str, Any]) -> None:
    deploy(**given)

    awslambda: Any = boto3.client("lambda")
    functions = {function["Handler"]: function for function in awslambda.list_functions()["Functions"]}
    assert functions.keys() == {"stats.api.handler", "stats.schedule.handler"}
    function = functions["stats.api.handler"]
    variables = function["Environment"]["Variables"]
    assert variables["TOKENS_SECRET_ID"] == "tokens"
    s3: Any = boto3.client("s3")
    buckets = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert buckets == {"artifacts", variables["SNAPSHOT_BUCKET"]}
    [layer] = awslambda.list_layers()["Layers"]
    assert layer["LatestMatchingVersion"]["CompatibleRuntimes"] == ["python3.13"]  # moto forgets whose it is
    versions = awslambda.list_versions_by_function(FunctionName=function["FunctionName"])["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]

    logs: Any = boto3.client("logs")
    groups = {group["logGroupName"]: group for group in logs.describe_log_groups()["logGroups"]}
    assert groups.keys() == {
        "/aws/lambda/openl2m-stats/stats",
        "/aws/lambda/openl2m-stats/snapshot",
        "/aws/vendedlogs/openl2m-stats/api",
    }

    iam: Any = boto3.client("iam")
    roles = {role["Arn"]: role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert len(roles) == 3
    for each, log in ((function, "stats"), (functions["stats.schedule.handler"], "snapshot")):
        policy = iam.get_role_policy(RoleName=roles[each["Role"]], PolicyName="write-log")["PolicyDocument"]
        group = groups[f"/aws/lambda/openl2m-stats/{log}"]["arn"].removesuffix(":*")  # which moto leaves out itself
        assert f"'{group}'" in policy


@pytest.mark.usefixtures("account")
def test_make_doctor_reads_the_stack() -> None:
    """Moto makes no alias of a stack, and of its outputs none that names what moto does not make."""
    assert "Url" in load()["Outputs"]
    url = "https://stats.example.com/api/stats/"
    deploy(outputs={"Url": {"Value": url}, "SnapshotsMissedSeconds": {"Value": "900"}}, TimeZone="Asia/Kathmandu")
    awslambda: Any = boto3.client("lambda")
    [name] = [each["FunctionName"] for each in awslambda.list_functions()["Functions"] if "api" in each["Handler"]]
    awslambda.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    with open_setup("openl2m-stats", None, demo=False) as setup:
        assert setup.title == f"the stack openl2m-stats in us-east-1, function {name}, alias live"
        assert setup.variables["TIME_ZONE"] == "Asia/Kathmandu"
        assert setup.variables["DATABASE_SECRET_ID"] == REQUIRED["DatabaseSecretArn"]
        assert (setup.url, setup.missed_seconds) == (url, 900)

"""A stack's life, step by step, as an operator types it. Each step needs those before it."""

import contextlib
import json
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import requests

from dev.servers.databases import Database
from tests.deployment.aws import REGION, Aws, Identity
from tests.deployment.conftest import CHANGES, LAYER_BUNDLE
from tests.deployment.operator_folder import STACK, Folder, aws_command
from tests.support.stack import ROOT

T = TypeVar("T")

TABLES = {
    "switches": "switches_switch",
    "vlans": "switches_vlan",
    "vlan_groups": "switches_vlangroup",
    "snmp_profiles": "switches_snmpprofile",
    "credentials_profiles": "switches_netmikoprofile",
    "commands": "switches_command",
    "command_lists": "switches_commandlist",
    "api_tokens": "users_token",
    "log_entries": "switches_log",
}
RANDOM_KEY = "5" * 40
ROLL_BACK = re.compile(r"^ +(aws lambda update-alias .*)$", re.MULTILINE)


def until(what: Callable[[], T], seconds: float = 30) -> T:
    """Return what a call returns, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, found
        time.sleep(0.5)
    return found


def outputs(aws: Aws) -> dict[str, str]:
    [stack] = aws.root.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def get(aws: Aws, key: str | None = None, path: str = "api/stats/", **headers: str) -> requests.Response:
    """Call the API with a token's key."""
    root = outputs(aws)["Url"].removesuffix("api/stats/")
    sent = {**headers, **({"Authorization": f"Token {key}"} if key else {})}
    return requests.get(root + path, headers=sent, timeout=60)


def live(aws: Aws) -> str:
    """Return the version of the API's function that answers."""
    function = outputs(aws)["StatsFunctionName"]
    version: str = aws.root.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    return version


def stack_status(aws: Aws) -> str:
    [stack] = aws.root.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    status: str = stack["StackStatus"]
    return status


def buckets(aws: Aws) -> set[str]:
    names = (bucket["Name"] for bucket in aws.root.client("s3").list_buckets()["Buckets"])
    return {name for name in names if name.startswith(STACK)}


def token_secrets(aws: Aws) -> set[str]:
    found = aws.root.client("secretsmanager").list_secrets()["SecretList"]
    return {secret["ARN"] for secret in found if "TokenSecret" in secret["Name"]}


def everything_else(aws: Aws) -> list[Any]:
    """Return what must go with the stack."""
    client = aws.root.client
    return [
        *client("lambda").list_functions()["Functions"],
        *client("lambda").list_layers()["Layers"],
        *client("apigatewayv2").get_apis()["Items"],
        *client("scheduler").list_schedules()["Schedules"],
        *client("sqs").list_queues().get("QueueUrls", []),
        *client("cloudwatch").describe_alarms()["MetricAlarms"],
        *client("iam").list_roles()["Roles"],
        *client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/openl2m-stats")["logGroups"],
        *client("logs").describe_log_groups(logGroupNamePrefix="/aws/vendedlogs")["logGroups"],
    ]


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    """The keys that were created, by name."""
    return {}


def create_token(folder: Folder, operator: Identity, name: str) -> str:
    printed = folder.command(operator, "tokens", "create", name)
    found = re.fullmatch(rf"{name}\t([0-9a-f]{{40}})\n", printed)
    assert found, printed
    return found[1]


def test_without_a_right_the_deployment_fails_and_leaves_nothing(aws: Aws, now: Folder) -> None:
    policy = json.loads((ROOT / "infra/deploy-policy.json").read_text())
    [functions] = [each for each in policy["Statement"] if each["Sid"] == "Functions"]
    functions["Action"].remove("lambda:Publish*")
    beginner = aws.user("beginner", json.dumps(policy))
    assert "ROLLBACK_COMPLETE" in now.make(beginner, "deploy", code=2)
    events = aws.root.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    [reason] = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert reason.startswith("User: arn:aws:iam::123456789012:user/beginner is not authorized to perform: lambda:Publ")
    assert stack_status(aws) == "ROLLBACK_COMPLETE"
    assert not buckets(aws)
    assert not token_secrets(aws)


def test_what_failed_is_deleted_before_the_next_try(aws: Aws, now: Folder, deployer: Identity) -> None:
    now.make(deployer, "delete", text=f"{STACK}\n")
    assert not everything_else(aws)


def test_make_deploy(aws: Aws, now: Folder, deployer: Identity) -> None:
    printed = now.make(deployer, "deploy")
    assert stack_status(aws) == "CREATE_COMPLETE"
    url = outputs(aws)["Url"]
    assert re.fullmatch(rf"https://\w+\.execute-api\.{REGION}\.amazonaws\.com/api/stats/", url)
    assert f"{url} answers" in printed
    assert live(aws) == "1"


def test_without_a_token_that_is_known_nothing_is_told(aws: Aws) -> None:
    for key in (None, RANDOM_KEY, "nonsense"):
        answer = get(aws, key)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Token"
        assert answer.json().keys() == {"detail"}


def test_a_token_opens_the_numbers_of_the_database(
    aws: Aws, now: Folder, operator: Identity, database: Database, tokens: dict[str, str]
) -> None:
    tokens["grafana"] = create_token(now, operator, "grafana")
    until(lambda: get(aws, tokens["grafana"]).ok)
    numbers = get(aws, tokens["grafana"]).json()
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for key, table in TABLES.items():
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert numbers["database"][key]["value"] == cursor.fetchone()[0], key
    usage = {key: statistic["value"] for key, statistic in numbers["usage"].items()}
    assert usage["changes_last_hour"] == usage["changes_last_31_days"] == CHANGES
    assert usage["devices_last_hour"] == 1
    assert usage["changes_total"] == 39014


def test_what_else_callers_get(aws: Aws, tokens: dict[str, str]) -> None:
    first = get(aws, tokens["grafana"])
    again = get(aws, tokens["grafana"], **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "openl2m_switches 1246.0" in get(aws, tokens["grafana"], "metrics").text
    assert get(aws, path="").headers["Content-Type"].startswith("text/html")


def test_the_doctor_finds_nothing(now: Folder, operator: Identity) -> None:
    printed = now.command(operator, "doctor", "--json", DATABASE_CA_FILE=str(LAYER_BUNDLE))
    print(printed)


def test_the_schedule_writes_a_snapshot(aws: Aws, tokens: dict[str, str]) -> None:
    """A second schedule with the same target, which is due at once."""
    scheduler = aws.root.client("scheduler")
    [summary] = scheduler.list_schedules()["Schedules"]
    schedule = scheduler.get_schedule(Name=summary["Name"])
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    moment = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime())
    scheduler.create_schedule(
        Name="due", ScheduleExpression=moment, Target=schedule["Target"], FlexibleTimeWindow={"Mode": "OFF"}
    )
    s3, bucket = aws.root.client("s3"), outputs(aws)["SnapshotBucketName"]

    def written() -> set[str]:
        return {each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}

    keys = until(lambda: len(written()) >= 3 and written())
    scheduler.delete_schedule(Name="due")
    print(keys)
    snapshot = json.load(s3.get_object(Bucket=bucket, Key="snapshots/latest.json")["Body"])
    print(str(snapshot)[:300])
    history = get(aws, tokens["grafana"], "api/stats/history/").json()
    assert history["database"]["switches"]["values"][-1] == 1246


def test_a_parameter_changes_what_answers(
    aws: Aws, now: Folder, deployer: Identity, database_secret: str, tokens: dict[str, str]
) -> None:
    now.configure(
        DatabaseSecretArn=database_secret,
        TimeZone="America/Los_Angeles",
        Architecture="x86_64",
        CacheTtlSeconds="30",
    )
    printed = now.make(deployer, "deploy")
    print(printed)
    assert live(aws) == "2"
    assert get(aws, tokens["grafana"]).headers["Cache-Control"] == "private, max-age=30"
    for line in ROLL_BACK.findall(printed):
        aws_command(deployer, line)
    assert live(aws) == "1"
    assert get(aws, tokens["grafana"]).headers["Cache-Control"] == "private, max-age=60"


def test_without_the_right_to_read_the_secrets_there_is_no_answer(aws: Aws, tokens: dict[str, str]) -> None:
    iam, function = aws.root.client("iam"), outputs(aws)["StatsFunctionName"]
    [role] = [each["RoleName"] for each in iam.list_roles()["Roles"] if "-StatsRole-" in each["RoleName"]]
    policy = {"RoleName": role, "PolicyName": "read-secrets"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    iam.delete_role_policy(**policy)
    assert aws.end_environments(function)
    assert get(aws, tokens["grafana"]).status_code == 503
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    until(lambda: get(aws, tokens["grafana"]).ok)


def test_make_delete_keeps_the_tokens_and_the_snapshots(aws: Aws, now: Folder, deployer: Identity) -> None:
    kept = {outputs(aws)["TokenSecretName"]}, {outputs(aws)["SnapshotBucketName"]}
    print(now.make(deployer, "delete", text=f"{STACK}\n"))
    assert (token_secrets(aws), buckets(aws)) == kept
    assert not everything_else(aws)

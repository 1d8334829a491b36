"""A stack's life, step by step, as an operator types it. Each step needs those before it."""

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.deployment.aws import ACCOUNT, REGION, Aws, Identity, allow, deploy_policies
from tests.deployment.conftest import CHANGES, LAYER_BUNDLE
from tests.deployment.operator_folder import STACK, Folder, roll_back
from tests.deployment.stack import Stack, until

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
CONFIRMED = f"{STACK}\n"


@pytest.fixture(scope="module")
def key(now: Folder, operator: Identity, stack: Stack) -> str:
    """A token's key, from when it works."""
    key = now.token(operator, "grafana")
    until(lambda: stack.get(key).ok)
    return key


def values(section: dict[str, Any]) -> dict[str, int]:
    return {name: statistic["value"] for name, statistic in section.items()}


def test_without_a_right_the_deployment_fails_and_leaves_nothing(aws: Aws, now: Folder, stack: Stack) -> None:
    policy = json.loads(deploy_policies()[0])
    [functions] = [each for each in policy["Statement"] if each["Sid"] == "Functions"]
    functions["Action"].remove("lambda:Publish*")
    beginner = aws.user("beginner", json.dumps(policy))
    printed = now.make(beginner, "deploy", code=2)
    assert "Failed to create/update the stack: openl2m-stats" in printed
    events = aws.root.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    [reason] = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert reason.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/beginner is not authorized to perform: lambda:Publ")
    assert stack.describe()["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack.kept() == (set(), set())


def test_what_failed_is_deleted_before_the_next_try(now: Folder, deployer: Identity, stack: Stack) -> None:
    now.make(deployer, "delete", text=CONFIRMED)
    assert not stack.other_resources()


def test_make_deploy(now: Folder, deployer: Identity, stack: Stack) -> None:
    printed = now.make(deployer, "deploy")
    assert stack.describe()["StackStatus"] == "CREATE_COMPLETE"
    url = stack.output("Url")
    assert re.fullmatch(rf"https://\w+\.execute-api\.{REGION}\.amazonaws\.com/api/stats/", url)
    assert re.search(
        rf"{re.escape(url)} answers 401 to an unknown token, in [0-9,]+ ms: it reads the tokens\.", printed
    )
    assert "A snapshot was taken, snapshots/dt=" in printed
    assert stack.live() == "1"


@pytest.mark.parametrize("wrong", [None, "5" * 40, "nonsense"])
def test_nobody_learns_anything_without_a_token(stack: Stack, wrong: str | None) -> None:
    answer = stack.get(wrong)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    assert answer.json().keys() == {"detail"}


def test_a_token_opens_the_numbers_of_the_database(stack: Stack, key: str, database: Database) -> None:
    numbers = stack.get(key).json()
    inventory, usage = values(numbers["database"]), values(numbers["usage"])
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for name, table in TABLES.items():
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert [inventory[name]] == cursor.fetchone(), name
    assert usage["changes_last_hour"] == usage["changes_last_31_days"] == CHANGES
    assert usage["devices_last_hour"] == 1
    assert usage["changes_total"] == 39014


def test_the_other_paths_answer(stack: Stack, key: str) -> None:
    tag = stack.get(key).headers["ETag"]
    unchanged = stack.get(key, **{"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert "openl2m_switches 1246.0" in stack.get(key, "metrics").text
    assert stack.get(path="").headers["Content-Type"].startswith("text/html")


def test_the_schedule_writes_snapshots_and_the_history(stack: Stack, key: str) -> None:
    snapshot = stack.run_schedule()
    assert values(snapshot["database"])["switches"] == 1246
    history = stack.get(key, "api/stats/history/").json()
    assert history["database"]["switches"]["values"][-1] == 1246


def test_the_doctor_finds_nothing(now: Folder, operator: Identity) -> None:
    """The rights of docs/permissions.md are enough for every check."""
    printed = now.command(operator, "doctor", "--json", DATABASE_CA_FILE=str(LAYER_BUNDLE))
    report = json.loads(printed)
    inside = {each["checked"].split("-")[2]: each["findings"] for each in report["functions"]}
    assert list(inside) == ["StatsFunction", "SnapshotFunction"]
    for findings in (report["findings"], *inside.values()):
        assert len(findings) >= 10
        assert [each for each in findings if each["state"] != "ok"] == []


def test_verify_proves_it(now: Folder, operator: Identity, key: str) -> None:
    """The rights of docs/permissions.md are enough, here and for the other commands."""
    printed = now.command(operator, "verify", "--json", OPENL2M_STATS_KEY=key)
    findings = json.loads(printed)["findings"]
    assert len(findings) > 12
    assert [each for each in findings if each["state"] != "ok"] == []


def test_verify_without_a_token_leaves_out_what_needs_one(now: Folder, operator: Identity) -> None:
    states = {each["name"]: each["state"] for each in json.loads(now.command(operator, "verify", "--json"))["findings"]}
    assert (states["token secret"], states["health"], states["statistics"]) == ("ok", "ok", "skip")


def test_status_shows_the_stack(aws: Aws, now: Folder, operator: Identity) -> None:
    shown = json.loads(now.command(operator, "status", "--json"))
    assert {each["name"]: each["state"] for each in shown["findings"]} == dict.fromkeys(
        ("stack", "versions", "settings", "snapshot", "numbers", "failed runs", "alarms"), "ok"
    )
    assert shown["numbers"]["database"]["switches"]["value"] == 1246
    alarms = aws.root.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {each["name"] for each in shown["alarms"]} == {each["AlarmName"] for each in alarms}


def test_a_snapshot_by_command(now: Folder, operator: Identity, stack: Stack) -> None:
    key = now.command(operator, "snapshot").strip()
    assert key in stack.snapshots()


def test_a_failed_run_is_replayed(now: Folder, operator: Identity, stack: Stack) -> None:
    """What Lambda would put into the queue for a run that failed at every try."""
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    event = {"scheduled_for": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    message = stack.fail(event)
    [failure] = json.loads(now.command(operator, "failures", "list", "--json", code=1))
    assert (failure["id"], failure["event"]) == (message, event)
    assert f"snapshots/dt={moment:%Y-%m-%d/%Y-%m-%dT%H-%M-%SZ}.json\n" in now.command(
        operator, "failures", "replay", message
    )
    assert f"snapshots/dt={moment:%Y-%m-%d/%Y-%m-%dT%H-%M-%SZ}.json" in stack.snapshots()
    assert now.command(operator, "failures", "list") == "There are no failed runs.\n"


def test_failed_runs_are_purged(now: Folder, operator: Identity, stack: Stack) -> None:
    stack.fail("nonsense")
    assert "not a schedule" in now.run_command(operator, "failures", "replay", "--all", code=1).stderr
    now.command(operator, "failures", "purge", code=2)
    now.command(operator, "failures", "purge", "--yes")
    assert now.command(operator, "failures", "list") == "There are no failed runs.\n"


def test_parameters_make_a_new_version_and_the_printed_command_rolls_it_back(
    aws: Aws,
    now: Folder,
    deployer: Identity,
    operator: Identity,
    stack: Stack,
    key: str,
    parameters: dict[str, str],
) -> None:
    """Everything at once that the emulator has; what it lacks is in docs/deploy.md."""
    client = aws.root.client
    boundary = {"PolicyName": "boundary", "PolicyDocument": allow(("*", "*"))}
    ec2, vpc = client("ec2"), client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    network, mailbox = new_topic(client)
    now.configure(
        **parameters,
        AccessLog="false",
        AlarmTopicArn=client("sns").create_topic(Name="operations")["TopicArn"],
        CacheTtlSeconds="30",
        ClientIpAllowed="127.0.0.0/8",
        Dashboard="true",
        KmsKeyArn=client("kms").create_key()["KeyMetadata"]["Arn"],
        LogRetentionDays="7",
        NotifyTopicArn=network,
        PermissionsBoundaryArn=client("iam").create_policy(**boundary)["Policy"]["Arn"],
        ProvisionedConcurrency="1",
        ReservedConcurrency="5",
        S3EndpointRouteTableIds=ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
        SnapshotMinutes="60",
        VpcId=vpc,
        VpcSecurityGroupIds=ec2.create_security_group(VpcId=vpc, GroupName="f", Description="f")["GroupId"],
        VpcSubnetIds=ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"],
    )
    printed = now.make(deployer, "deploy")
    assert (stack.live(), stack.get(key).headers["Cache-Control"]) == ("2", "private, max-age=30")
    notices = json.loads(now.command(operator, "notices", "--dry-run", "--json"))
    assert (notices["topic"], notices["notices"]) == (network, [])
    [said] = notices["said"]
    [message] = client("sqs").receive_message(QueueUrl=mailbox, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Subject"] == said["subject"]
    client("sqs").delete_queue(QueueUrl=mailbox)
    roll_back(now, deployer, printed)
    assert (stack.live(), stack.get(key).headers["Cache-Control"]) == ("1", "private, max-age=60")
    listed = json.loads(now.command(operator, "versions", "list", "--json"))["deployments"]
    assert [(each["live"], each["deployed"]) for each in listed] == [(True, False), (False, True)]
    shown = json.loads(now.command(operator, "status", "--json"))["versions"]["api"]
    assert (shown["live"], shown["deployed"]) == (1, 2)


def new_topic(client: Any) -> tuple[str, str]:
    """Make a topic for the notices, and return its ARN, and the URL of a queue that is subscribed."""
    topic = client("sns").create_topic(Name="network")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": "*"}]})
    queue = client("sqs").create_queue(QueueName="network", Attributes={"Policy": policy})["QueueUrl"]
    name = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=name)
    return topic, queue


def test_without_the_right_to_read_the_secrets_there_is_no_answer(
    aws: Aws, now: Folder, operator: Identity, stack: Stack, key: str
) -> None:
    iam = aws.root.client("iam")
    [role] = [each["RoleName"] for each in iam.list_roles()["Roles"] if "-StatsRole-" in each["RoleName"]]
    policy = {"RoleName": role, "PolicyName": "read-secrets"}
    document = json.dumps(iam.get_role_policy(**policy)["PolicyDocument"])
    iam.delete_role_policy(**policy)
    assert aws.end_environments(stack.output("StatsFunctionName"))
    assert stack.get(key).status_code == 503
    printed = now.command(operator, "verify", "--read-only", "--json", code=1)
    states = {each["name"]: each["state"] for each in json.loads(printed)["findings"]}
    assert (states["token secret"], states["no token"]) == ("FAIL", "ok")
    iam.put_role_policy(**policy, PolicyDocument=document)
    until(lambda: stack.get(key).ok)


def test_make_delete_keeps_the_tokens_and_the_snapshots(now: Folder, deployer: Identity, stack: Stack) -> None:
    kept = {stack.output("TokenSecretName")}, {stack.output("SnapshotBucketName")}
    now.make(deployer, "delete", text=CONFIRMED)
    assert stack.kept() == kept
    assert not stack.other_resources()


def test_a_new_stack_continues_with_both(
    now: Folder, deployer: Identity, stack: Stack, key: str, parameters: dict[str, str]
) -> None:
    """As docs/adopt.md says."""
    kept = stack.kept()
    [secret], [bucket] = kept
    now.configure(**parameters, TokenSecretArn=secret, SnapshotBucketName=bucket)
    now.make(deployer, "deploy")
    assert stack.get(key).status_code == 200
    assert len(stack.snapshots()) > 1
    now.make(deployer, "delete", text=CONFIRMED)
    assert stack.kept() == kept
    assert not stack.other_resources()

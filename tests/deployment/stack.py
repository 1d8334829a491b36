"""The deployed stack as its callers see it, and what of it is in the account."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from tests.deployment.aws import Identity
from tests.deployment.operator_folder import STACK

T = TypeVar("T")


@dataclass(frozen=True)
class Stack:
    """The stack of the one environment, read by the account's root."""

    root: Identity

    def describe(self) -> dict[str, Any]:
        [found] = self.root.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return dict(found)

    def output(self, name: str) -> str:
        found = {each["OutputKey"]: each["OutputValue"] for each in self.describe()["Outputs"]}
        return str(found[name])

    def live(self) -> str:
        """Return the version of the API's function that answers."""
        function = self.output("StatsFunctionName")
        return str(self.root.client("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])

    def get(self, key: str | None = None, path: str = "api/stats/", **headers: str) -> requests.Response:
        """Call the API, with a token's key."""
        url = self.output("Url").removesuffix("api/stats/") + path
        if key is not None:
            headers["Authorization"] = f"Token {key}"
        return requests.get(url, headers=headers, timeout=60)

    def run_schedule(self) -> dict[str, Any]:
        """Let EventBridge Scheduler take a snapshot as the stack's schedule would; return the snapshot.

        A second schedule with the same target is due at once.
        """
        scheduler = self.root.client("scheduler")
        [summary] = scheduler.list_schedules()["Schedules"]
        target = scheduler.get_schedule(Name=summary["Name"])["Target"]
        earlier = self.snapshots()
        moment = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime())
        name = f"due-{secrets.token_hex(4)}"
        scheduler.create_schedule(
            Name=name, ScheduleExpression=moment, Target=target, FlexibleTimeWindow={"Mode": "OFF"}
        )
        [key] = until(lambda: self.snapshots() - earlier)
        scheduler.delete_schedule(Name=name)
        text = self.root.client("s3").get_object(Bucket=self.output("SnapshotBucketName"), Key=key)["Body"].read()
        snapshot: dict[str, Any] = json.loads(text)
        return snapshot

    def fail(self, body: Any) -> str:
        """Put into the queue what Lambda does with the event of a run that failed; return the message's id."""
        attributes = {"ErrorMessage": {"DataType": "String", "StringValue": "the database is out of reach"}}
        text = body if isinstance(body, str) else json.dumps(body)
        url = self.output("SnapshotFailuresUrl")
        sent = self.root.client("sqs").send_message(QueueUrl=url, MessageBody=text, MessageAttributes=attributes)
        return str(sent["MessageId"])

    def snapshots(self) -> set[str]:
        """Return the keys of the single snapshots."""
        bucket = self.output("SnapshotBucketName")
        found = self.root.client("s3").list_objects_v2(Bucket=bucket, Prefix="snapshots/dt=").get("Contents", [])
        return {each["Key"] for each in found}

    def kept(self) -> tuple[set[str], set[str]]:
        """Return the token secrets and the buckets in the account, which outlive their stacks."""
        found = self.root.client("secretsmanager").list_secrets()["SecretList"]
        buckets = (bucket["Name"] for bucket in self.root.client("s3").list_buckets()["Buckets"])
        tokens = {secret["ARN"] for secret in found if secret["Name"].startswith("TokenSecret-")}
        return tokens, {name for name in buckets if name.startswith(STACK)}

    def other_resources(self) -> list[Any]:
        """Return what must go with the stack."""
        client = self.root.client
        return [
            *client("apigatewayv2").get_apis()["Items"],
            *client("cloudwatch").describe_alarms()["MetricAlarms"],
            *client("iam").list_roles()["Roles"],
            *client("lambda").list_functions()["Functions"],
            *client("lambda").list_layers()["Layers"],
            *client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}")["logGroups"],
            *client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/vendedlogs/{STACK}")["logGroups"],
            *client("scheduler").list_schedules()["Schedules"],
            *client("sqs").list_queues().get("QueueUrls", []),
        ]


def until(call: Callable[[], T], seconds: float = 60) -> T:
    """Return what a call returns, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := call()):
        assert time.monotonic() < end, found
        time.sleep(0.5)
    return found

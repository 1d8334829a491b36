"""A stack of moto's: CloudFormation knows its resources, and what they do is done by the functions' own code."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from moto.awslambda.models import lambda_backends
from moto.cloudformation.models import cloudformation_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.iam.models import iam_backends
from moto.sqs.models import sqs_backends

STACK = "openl2m-stats"
ACCOUNT, REGION = "123456789012", "us-east-1"
BEGUN = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
FUNCTIONS = ("StatsFunction", "SnapshotFunction")
PARAMETERS = {
    "AlarmTopicArn": "",
    "ApiEnabled": "true",
    "ClientIpAllowed": "",
    "ClientIpDenied": "",
    "PageEnabled": "true",
    "SnapshotPrefix": "snapshots/",
    "TimeZone": "UTC",
    "TruststoreUri": "",
}


ALARMS = ("openl2m-stats-StaleAnswersAlarm-1A2B", "openl2m-stats-SnapshotsMissedAlarm-1A2B")


def forget() -> None:
    """Empty the account of what stacks have made in it."""
    for backends in (cloudformation_backends, cloudwatch_backends, lambda_backends, sqs_backends):
        backends[ACCOUNT][REGION].reset()
    iam_backends[ACCOUNT]["aws"].reset()


def template(url: str, bucket: str, variables: dict[str, str]) -> dict[str, Any]:
    """Return what of infra/template.yaml the operator's commands look at."""
    assume = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [assume]}}
    resources: dict[str, Any] = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "SnapshotFailures": {"Type": "AWS::SQS::Queue"},
    }
    for name in FUNCTIONS:
        code = {"ZipFile": "# the tests call the functions' own code"}
        resources[name] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": code,
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.13",
                "Environment": {"Variables": variables},
            },
        }
        resources[f"{name}Version"] = {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": {"Ref": name}},
        }
    values = {
        "Url": url,
        "SnapshotBucketName": bucket,
        "SnapshotFailuresUrl": {"Ref": "SnapshotFailures"},
        "SnapshotFunctionName": {"Ref": "SnapshotFunction"},
        "SnapshotsMissedSeconds": "900",
        "StatsFunctionName": {"Ref": "StatsFunction"},
    }
    return {
        "Parameters": {name: {"Type": "String", "Default": value} for name, value in PARAMETERS.items()},
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in values.items()},
    }


@dataclass
class Stack:
    """The stack that is deployed. `api` and `snapshots` are the names of its functions."""

    api: str
    snapshots: str
    queue_url: str
    client: Any = field(default_factory=lambda: boto3.client("lambda"))
    sqs: Any = field(default_factory=lambda: boto3.client("sqs"))

    def __post_init__(self) -> None:
        for name in ALARMS:
            self.alarm(name, "OK")

    def alarm(self, name: str, state: str) -> None:
        """Put one of the stack's alarms into a state."""
        cloudwatch: Any = boto3.client("cloudwatch")
        watched = {"Namespace": "OpenL2MStats", "MetricName": "CacheStale", "Statistic": "Sum", "Period": 300}
        compared = {"EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
        cloudwatch.put_metric_alarm(AlarmName=name, AlarmDescription="Something is stale.", **watched, **compared)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    @property
    def names(self) -> tuple[str, str]:
        return self.api, self.snapshots

    def live(self) -> tuple[str, str]:
        """Return the versions that the aliases point to."""
        aliases = (self.client.get_alias(FunctionName=name, Name="live") for name in self.names)
        api, snapshots = (alias["FunctionVersion"] for alias in aliases)
        return api, snapshots

    def point(self, function: str, version: str, **options: Any) -> None:
        """Move the alias of a function, as somebody does by hand."""
        self.client.update_alias(FunctionName=function, Name="live", FunctionVersion=version, **options)

    def publish(self, function: str, at: datetime) -> str:
        """Publish a version of a function at an instant."""
        self.client.update_function_configuration(FunctionName=function, Description=f"{at}")
        version = str(self.client.publish_version(FunctionName=function)["Version"])
        self.date(function, version, at)
        return version

    def date(self, function: str, version: str, at: datetime) -> None:
        """Let Lambda say that a version was published at an instant."""
        found = lambda_backends[ACCOUNT][REGION]._lambdas.get_function_by_name_or_arn_with_qualifier(function, version)
        found.last_modified = f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"

    def deploy(self, day: int, *functions: str) -> None:
        """Do what a deployment does on a day after the first one that changes functions: the API's comes first."""
        at = BEGUN + timedelta(days=day)
        for function in self.names:
            if function in functions:
                version = self.publish(function, at)
                self.point(function, version)
                self._names(function, version)
                at += timedelta(minutes=3)

    def _names(self, function: str, version: str) -> None:
        """Let the stack name a version of a function in the place of the one before."""
        for resource in self._resources.values():
            id_ = str(getattr(resource, "physical_resource_id", ""))
            if f":function:{function}:" in id_:
                resource.physical_resource_id = f"{id_.rpartition(':')[0]}:{version}"

    def is_in(self, status: str) -> None:
        """Let CloudFormation say that the stack is in a state."""
        self._backend.status = status

    def answers_at(self, url: str) -> None:
        """Let the stack's output name another address."""
        self._backend.output_map["Url"].value = url

    @property
    def _backend(self) -> Any:
        [found] = cloudformation_backends[ACCOUNT][REGION].stacks.values()
        return found

    @property
    def _resources(self) -> Any:
        return self._backend.resource_map._parsed_resources

    def fail(self, body: Any, **attributes: str) -> str:
        """Put what Lambda or a schedule gave up into the queue; return the message's id."""
        sent = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        text = body if isinstance(body, str) else json.dumps(body)
        answer = self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text, MessageAttributes=sent)
        return str(answer["MessageId"])

    def waiting(self) -> list[str]:
        """Return the ids of the messages that anybody could receive now."""
        found = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return sorted(message["MessageId"] for message in found.get("Messages", []))

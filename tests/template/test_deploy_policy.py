"""The IAM policy for whoever deploys, against what AWS's own schemas say that each resource's handlers call."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from tests.support.stack import ROOT, schema, stack
from tests.template.test_template import SETS

POLICY = json.loads((ROOT / "infra/deploy-policy.json").read_text())
ACCOUNT = "123456789012"
HANDLERS = {"create", "read", "update", "delete"}
# Per type, the ARNs of what a stack of this name has, as CloudFormation names it; for some, of what it uses as well.
ARNS = {
    "AWS::ApiGatewayV2": [
        "arn:aws:apigateway:us-east-1::/apis",
        "arn:aws:apigateway:us-east-1::/apis/a1b2c3/stages/$default",
        "arn:aws:apigateway:us-east-1::/domainnames",
        "arn:aws:apigateway:us-east-1::/domainnames/stats.example.com/apimappings",
        "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway",
    ],
    "AWS::CloudWatch::Alarm": [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:openl2m-stats-ApiErrorsAlarm-1A2B"],
    "AWS::CloudWatch::Dashboard": [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/openl2m-stats-us-east-1"],
    "AWS::EC2": [f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc-endpoint/vpce-0123456789abcdef0"],
    "AWS::IAM::ManagedPolicy": [
        f"arn:aws:iam::{ACCOUNT}:policy/openl2m-stats-NetworkInterfacePolicy-1A2B",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-StatsRole-1A2B",
    ],
    "AWS::IAM::Role": [f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-StatsRole-1A2B"],
    "AWS::Lambda": [
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-StatsFunction-1A2B",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:openl2m-stats-dependencies:1",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-StatsRole-1A2B",
        f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000",
        "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b/openl2m-stats/0123456789abcdef",
    ],
    "AWS::Logs::LogGroup": [
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/openl2m-stats/stats",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/vendedlogs/openl2m-stats/api",
    ],
    "AWS::Route53::RecordSet": ["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"],
    "AWS::S3": ["arn:aws:s3:::openl2m-stats-snapshotbucket-1a2b3c", "arn:aws:s3:::aws-sam-cli-managed-default-1a2b"],
    "AWS::SQS::Queue": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:openl2m-stats-SnapshotFailures-1A2B"],
    "AWS::Scheduler::Schedule": [
        f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/openl2m-stats-SnapshotFunctionSchedule-1A2B",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-ScheduleRole-1A2B",
    ],
    "AWS::SecretsManager::Secret": [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TokenSecret-1A2B-AbCdEf"],
}
# What the handlers call for features that the template leaves alone.
UNUSED = {
    # Definitions and trust stores in S3.
    "AWS::ApiGatewayV2": ["s3:*"],
    "AWS::EC2::SecurityGroup": ["ec2:DescribeInstances"],
    "AWS::EC2::VPCEndpoint": ["vpc-lattice:*", "vpce:*"],
    "AWS::IAM::ManagedPolicy": ["iam:*GroupPolicy", "iam:*UserPolicy"],
    # Deployment by CodeDeploy, file systems, object versions in S3, managed instances.
    "AWS::Lambda": [
        *("codedeploy:*", "elasticfilesystem:*", "s3files:*", "s3:GetObjectVersion"),
        *("lambda:PassCapacityProvider", "lambda:AssociateRuntimeAlias"),
    ],
    # Delivery elsewhere, indexes, protection, and policies of resources.
    "AWS::Logs::LogGroup": [
        *("firehose:*", "s3:*", "logs:*IndexPolicy", "logs:PutDataProtectionPolicy", "logs:DeleteDataProtectionPolicy"),
        *("logs:*DeletionProtection", "logs:*TokenAuthentication", "logs:DeleteResourcePolicy"),
    ],
    "AWS::S3::Bucket": [
        *("s3tables:*", "s3:*Object*", "iam:PassRole", "s3:*Metadata*TableConfiguration", "s3:PutBucketAbac"),
        *("s3:PutBucketAcl", "s3:PutBucketCORS", "s3:*BucketCors", "s3:*BucketWebsite", "s3:*BucketReplication"),
        *("s3:PutBucketLogging", "s3:PutBucketNotification", "s3:PutA*Configuration", "s3:PutI*Configuration"),
        *("s3:PutMetricsConfiguration", "s3:PutReplicationConfiguration", "s3:DeleteBucketEncryption"),
        *("s3:DeleteBucketLifecycle", "s3:DeleteBucket*Configuration"),
    ],
    # A value that the stack makes up, and replicas.
    "AWS::SecretsManager::Secret": ["secretsmanager:Get*", "secretsmanager:*Region*"],
}
# What no handler names. SAM CLI: the stack, its change sets, and the packages that it uploads.
STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/openl2m-stats/0b1c"
MANAGED = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/aws-sam-cli-managed-default/0b1c"
UPLOADED = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b/openl2m-stats/0123456789abcdef"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-StatsFunction-1A2B"
SNAPSHOT_FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-SnapshotFunction-1A2B"
OTHERS = [
    *(
        (f"cloudformation:{action}", arn)
        for arn in (STACK, MANAGED)
        for action in ("CreateChangeSet", "DescribeStacks")
    ),
    *((f"cloudformation:{action}", STACK) for action in ("DescribeChangeSet", "DescribeStackEvents", "DeleteStack")),
    *((f"cloudformation:{action}", STACK) for action in ("ExecuteChangeSet", "GetTemplate", "GetTemplateSummary")),
    *((f"cloudformation:{action}", STACK) for action in ("ListChangeSets", "ListStackResources")),
    ("cloudformation:CreateChangeSet", "arn:aws:cloudformation:us-east-1:aws:transform/Serverless-2016-10-31"),
    ("cloudformation:CreateChangeSet", "arn:aws:cloudformation:us-east-1:aws:transform/LanguageExtensions"),
    *((f"s3:{action}", UPLOADED) for action in ("GetObject", "PutObject", "DeleteObject")),
    # An access log of API Gateway: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    *((f"logs:{verb}LogDelivery", "*") for verb in ("Create", "Get", "Update", "Delete")),
    *((f"logs:{action}", "*") for action in ("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies")),
    # The first domain of an account.
    (
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
    ),
    # make deploy, prune-versions, doctor and logs.
    *(
        (f"lambda:{action}", FUNCTION)
        for action in ("GetAlias", "UpdateAlias", "ListVersionsByFunction", "ListAliases")
    ),
    *((f"lambda:{action}", FUNCTION) for action in ("DeleteFunction", "GetFunctionConfiguration")),
    ("lambda:InvokeFunction", f"{SNAPSHOT_FUNCTION}:live"),
    ("cloudformation:DescribeStackResource", STACK),
    ("logs:FilterLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/openl2m-stats/stats"),
]


def known_actions() -> dict[str, dict[str, Any]]:
    """Return every action of IAM in lower case, with what cfn-lint knows of it."""
    path = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
    services = json.loads(path.read_text())
    return {
        f"{service}:{name}": about for service, found in services.items() for name, about in found["Actions"].items()
    }


KNOWN = known_actions()


def of(type_: str, table: dict[str, list[str]]) -> list[str]:
    return [entry for name, entries in table.items() if type_.startswith(name) for entry in entries]


def types() -> list[str]:
    return sorted({resource["Type"] for given in SETS.values() for resource in stack(**given).values()})


def needed(type_: str) -> set[str]:
    """Return the actions that create, change and delete a resource of a type, but for what is not used of it."""
    handlers = schema(type_)["handlers"]
    actions = {action for name in HANDLERS & handlers.keys() for action in handlers[name]["permissions"]}
    return {action for action in actions if not any(fnmatchcase(action, unused) for unused in of(type_, UNUSED))}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(action: str, arn: str) -> bool:
    return any(
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement["Action"]))
        and any(fnmatchcase(arn, pattern) for pattern in as_list(statement["Resource"]))
        for statement in POLICY["Statement"]
    )


def arns(type_: str, action: str) -> list[str]:
    """Return what an action is asked for: everything, where IAM cannot narrow it."""
    about = KNOWN.get(action.lower())
    return ["*"] if about is not None and not about.get("Resources") else of(type_, ARNS)


@pytest.mark.parametrize("type_", types())
def test_everything_in_the_template_may_be_made(type_: str) -> None:
    assert of(type_, ARNS), f"{type_} is new: the policy must cover it"
    missing = {action for action in needed(type_) if not any(allowed(action, arn) for arn in arns(type_, action))}
    assert not missing


@pytest.mark.parametrize(("action", "arn"), OTHERS)
def test_what_sam_and_the_commands_call_is_allowed(action: str, arn: str) -> None:
    assert allowed(action, arn)


def test_nothing_else_is_allowed() -> None:
    """Every action of the policy is one that something needs, and so is every resource."""
    used = {action.lower() for type_ in types() for action in needed(type_)} | {action.lower() for action, _ in OTHERS}
    every_arn = [arn for entries in ARNS.values() for arn in entries] + [arn for _, arn in OTHERS] + ["*"]
    for statement in POLICY["Statement"]:
        assert statement["Effect"] == "Allow"
        for pattern in as_list(statement["Action"]):
            assert any(fnmatchcase(action, pattern.lower()) for action in KNOWN), f"{pattern} is no action"
            assert any(fnmatchcase(action, pattern.lower()) for action in used), f"{pattern} is not needed"
        for resource in as_list(statement["Resource"]):
            assert any(fnmatchcase(arn, resource) for arn in every_arn), f"{resource} is not needed"


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TokenSecret-1A2B-AbCdEf"),
        ("lambda:InvokeFunction", FUNCTION),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:another"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/another"),
        ("s3:GetObject", "arn:aws:s3:::openl2m-stats-snapshotbucket-1a2b3c/snapshots/latest.json"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/another/0b1c"),
    ],
)
def test_resources_of_others_are_out_of_reach(action: str, arn: str) -> None:
    assert not allowed(action, arn)


def test_roles_are_passed_to_the_services_that_take_them() -> None:
    trusted = {
        statement["Principal"]["Service"]
        for resource in stack().values()
        if resource["Type"] == "AWS::IAM::Role"
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    [passing] = [statement for statement in POLICY["Statement"] if statement["Action"] == "iam:PassRole"]
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted
    assert not [name for name in POLICY["Statement"] if name is not passing and allows_passing(name)]


def allows_passing(statement: dict[str, Any]) -> bool:
    return any(fnmatchcase("iam:passrole", pattern.lower()) for pattern in as_list(statement["Action"]))


def test_policy_fits_into_iam() -> None:
    """A managed policy has room for 6,144 characters, white space aside."""
    assert len(re.sub(r"\s", "", json.dumps(POLICY))) <= 6144
    sids = [statement["Sid"] for statement in POLICY["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)

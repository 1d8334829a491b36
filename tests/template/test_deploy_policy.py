"""The IAM policy for whoever deploys, against what AWS's own schemas say that each resource's handlers call."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from tests.support.iam import allowed, as_list
from tests.support.permissions import documented
from tests.support.stack import ROOT, schema, stack
from tests.template.test_template import SETS

FILES = ("deploy-policy", "deploy-policy-options")
TEXTS = [(ROOT / f"infra/{name}.json").read_text() for name in FILES]


def policy(stack_name: str = "openl2m-stats") -> list[dict[str, Any]]:
    """Return the statements for a stack, in whose name docs/permissions.md has the files changed."""
    texts = [text.replace("openl2m-stats", stack_name) for text in TEXTS]
    return [statement for text in texts for statement in json.loads(text)["Statement"]]


POLICY = policy()
ACCOUNT = "123456789012"
HANDLERS = {"create", "read", "update", "delete"}
# Per type, the ARNs of what a stack of this name has, as CloudFormation names it; for some, of what it uses as well.
ARNS = {
    "AWS::ApiGatewayV2": [
        "arn:aws:apigateway:us-east-1::/apis",
        "arn:aws:apigateway:us-east-1::/apis/a1b2c3/stages/$default",
        "arn:aws:apigateway:us-east-1::/domainnames",
        "arn:aws:apigateway:us-east-1::/domainnames/stats.example.com",
        "arn:aws:apigateway:us-east-1::/domainnames/stats.example.com/apimappings",
        "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway",
        "arn:aws:s3:::truststores/clients.pem",
    ],
    "AWS::CloudWatch::Alarm": [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:openl2m-stats-ApiErrorsAlarm-1A2B"],
    "AWS::CloudWatch::Dashboard": [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/openl2m-stats-us-east-1"],
    "AWS::EC2::SecurityGroup": [
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-0123456789abcdef0",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-0123456789abcdef0",
    ],
    "AWS::EC2::VPCEndpoint": [
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc-endpoint/vpce-0123456789abcdef0",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/subnet-0123456789abcdef0",
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:route-table/rtb-0123456789abcdef0",
    ],
    "AWS::IAM::ManagedPolicy": [
        f"arn:aws:iam::{ACCOUNT}:policy/openl2m-stats-NetworkInterfacePolicy-1A2B",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-StatsRole-1A2B",
    ],
    "AWS::IAM::Role": [f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-StatsRole-1A2B"],
    "AWS::Lambda": [
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-StatsFunction-1A2B",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-SnapshotFunction-1A2B",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-SnapshotRole-1A2B",
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
    "AWS::SNS::Topic": [f"arn:aws:sns:us-east-1:{ACCOUNT}:openl2m-stats-NotifyTopic-1A2B"],
    "AWS::SQS::Queue": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:openl2m-stats-SnapshotFailures-1A2B"],
    "AWS::Scheduler::Schedule": [
        f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/openl2m-stats-SnapshotFunctionSchedule-1A2B",
        f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-ScheduleRole-1A2B",
    ],
    "AWS::SecretsManager::Secret": [f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TokenSecret-1A2B-AbCdEf"],
}
# What the handlers call for features that the template leaves alone.
UNUSED = {
    # Definitions in S3.
    "AWS::ApiGatewayV2::Api": ["s3:*"],
    "AWS::ApiGatewayV2::Stage": ["s3:*"],
    "AWS::SNS::Topic": ["sns:PutDataProtectionPolicy", "iam:*"],
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
# `sam delete` looks for stacks that SAM makes beside some others, with a hash of their names.
BESIDE = [
    f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/openl2m-stats-53bf731b-{kind}/*"
    for kind in ("CompanionStack", "WebFunctionCode")
]
UPLOADED = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b/openl2m-stats/0123456789abcdef"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-StatsFunction-1A2B"
SNAPSHOT_FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:openl2m-stats-SnapshotFunction-1A2B"
OTHERS = [
    *(
        (f"cloudformation:{action}", arn)
        for arn in (STACK, MANAGED)
        for action in ("CreateChangeSet", "DescribeStacks", "ExecuteChangeSet")
    ),
    *((f"cloudformation:{action}", STACK) for action in ("DescribeChangeSet", "DescribeStackEvents", "DeleteStack")),
    # Of a stack in UPDATE_ROLLBACK_FAILED.
    ("cloudformation:ContinueUpdateRollback", STACK),
    *((f"cloudformation:{action}", STACK) for action in ("ExecuteChangeSet", "GetTemplate", "GetTemplateSummary")),
    *((f"cloudformation:{action}", STACK) for action in ("ListChangeSets", "ListStackResources")),
    *(("cloudformation:DescribeStacks", arn) for arn in BESIDE),
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
    ("sns:GetTopicAttributes", "*"),
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


TAG = "aws:ResourceTag/aws:cloudformation:stack-name"


def context(type_: str, stack_name: str = "openl2m-stats") -> dict[str, str]:
    """Return what IAM knows of a stack's resource: CloudFormation gives many types a tag with the stack's name."""
    tagged = schema(type_).get("tagging", {}).get("cloudFormationSystemTags")
    return {TAG: stack_name} if tagged else {}


def may(action: str, arn: str, type_: str) -> bool:
    """Return whether an action is allowed on a resource that is new, or that is the stack's."""
    creating = {
        "ec2:CreateAction": type_.replace("AWS::EC2::VPC", "CreateVpc").replace("AWS::EC2::", "Create"),
        "iam:PassedToService": f"{type_.split('::')[1].lower()}.amazonaws.com",
    }
    return any(allowed(POLICY, action, arn, each) for each in (creating, context(type_)))


def arns(type_: str, action: str) -> list[str]:
    """Return what an action is asked for: everything, where IAM cannot narrow it."""
    about = KNOWN.get(action.lower())
    return ["*"] if about is not None and not about.get("Resources") else of(type_, ARNS)


@pytest.mark.parametrize("type_", types())
def test_everything_in_the_template_may_be_made(type_: str) -> None:
    assert of(type_, ARNS), f"{type_} is new: the policy must cover it"
    missing = {action for action in needed(type_) if not any(may(action, arn, type_) for arn in arns(type_, action))}
    assert not missing


@pytest.mark.parametrize(("action", "arn"), OTHERS)
def test_what_sam_and_the_commands_call_is_allowed(action: str, arn: str) -> None:
    assert allowed(POLICY, action, arn)


@pytest.mark.parametrize(
    "command", ["snapshot", "verify --read-only", "versions list", "versions rollback", "versions prune"]
)
def test_commands_that_the_policy_is_said_to_suffice_for(command: str) -> None:
    arns = {"lambda:InvokeFunction": f"{SNAPSHOT_FUNCTION}:live", "cloudformation": STACK, "lambda": FUNCTION}
    for action in documented()[command]:
        assert allowed(POLICY, action, arns.get(action) or arns[action.partition(":")[0]]), action


def test_nothing_else_is_allowed() -> None:
    """Every action of the policy is one that something needs, and so is every resource."""
    used = {action.lower() for type_ in types() for action in needed(type_)} | {action.lower() for action, _ in OTHERS}
    every_arn = [arn for entries in ARNS.values() for arn in entries] + [arn for _, arn in OTHERS] + ["*"]
    for statement in POLICY:
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
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/openl2m-stats-boundary"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/openl2m-stats-administrators"),
        ("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b/another/0123"),
        ("ec2:AuthorizeSecurityGroupIngress", f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-0a1b2c3d"),
        ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z9999999999ABCDEFGHIJ"),
        ("apigateway:DELETE", "arn:aws:apigateway:us-east-1::/domainnames/other.example.com"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/another/0b1c"),
    ],
)
def test_resources_of_others_are_out_of_reach(action: str, arn: str) -> None:
    assert not allowed(POLICY, action, arn)


# New ones of these are made where others are: IAM cannot tell whose.
CREATING = {"ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint"}
# IAM knows no resource that these could be narrowed to, or they only look.
NOT_NARROWED = ("*:List*", "*:Get*", "*:Describe*", "logs:*LogDelivery", "logs:PutResourcePolicy", "sns:Unsubscribe")
STACKS = ("openl2m-stats", "openl2m-stats-staging", "staging")


def things_of(stack_name: str) -> Iterator[tuple[str, str, str]]:
    """Yield what a stack has: the type, an action that a handler calls on it, and its ARN."""
    for type_ in types():
        for action in needed(type_) - CREATING:
            if not any(fnmatchcase(action, pattern) for pattern in NOT_NARROWED):
                for arn in of(type_, ARNS):
                    if "openl2m-stats" in arn or type_.startswith(("AWS::ApiGatewayV2", "AWS::EC2", "AWS::Secrets")):
                        own = arn.replace("openl2m-stats", stack_name).replace("stats.example", f"{stack_name}.example")
                        yield type_, action, own
    for action, arn in OTHERS:
        if arn != "*" and "openl2m-stats" in arn:
            yield "AWS::CloudFormation::Stack", action, arn.replace("openl2m-stats", stack_name)


# What is not a stack's: new APIs and domains, the account's certificates' tags, its subnets, route tables and VPCs.
SHARED = re.compile(r"(/apis|/domainnames|/truststores.*|truststores/.*|:(subnet|route-table|vpc)/.*)$")


@pytest.mark.parametrize("deployer", STACKS)
@pytest.mark.parametrize("victim", STACKS)
def test_who_deploys_a_stack_cannot_touch_another(deployer: str, victim: str) -> None:
    """In the same account and region, also where one's name begins with the other's."""
    if deployer == victim:
        return
    statements = [
        json.loads(json.dumps(each).replace("stats.example.com", f"{deployer}.example.com"))
        for each in policy(deployer)
    ]
    things = [thing for thing in things_of(victim) if not SHARED.search(thing[2])]
    assert len(things) > 100
    touched = set()
    for type_, action, arn in things:
        known = {} if type_ == "AWS::CloudFormation::Stack" else context(type_, victim)
        # Parts of an API carry its tags.
        known = {TAG: victim} if type_.startswith("AWS::ApiGatewayV2") else known
        if allowed(statements, action, arn, known):
            touched.add((action, arn))
    assert not touched


def test_simulation_sees_what_is_allowed() -> None:
    """Otherwise, that everything is denied would show nothing."""
    reached = {
        type_
        for type_, action, arn in things_of("openl2m-stats")
        if allowed(POLICY, action, arn.replace("openl2m-stats.example", "stats.example"), context_of(type_))
    }
    assert reached >= set(types()) - {"AWS::Route53::RecordSet"}


def context_of(type_: str) -> dict[str, str]:
    return {} if type_ == "AWS::CloudFormation::Stack" else context(type_)


def test_former_policy_reached_production() -> None:
    """As it was before it was narrowed, by the same simulation."""
    former = [
        {"Effect": "Allow", "Action": "secretsmanager:UpdateSecret", "Resource": "arn:aws:*:secret:TokenSecret-*"}
    ]
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:TokenSecret-1A2B-AbCdEf"
    production = {TAG: "openl2m-stats"}
    assert allowed(former, "secretsmanager:UpdateSecret", arn, production)
    assert not allowed(policy("openl2m-stats-staging"), "secretsmanager:UpdateSecret", arn, production)
    assert allowed(policy(), "secretsmanager:UpdateSecret", arn, production)


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["stats.example.com"], True), (["stats.example.com", "www.example.com"], False), (["www.example.com"], False)],
)
def test_only_the_domains_own_record_may_be_changed(names: list[str], expected: bool) -> None:
    given = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names}
    zone = "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"
    assert allowed(POLICY, "route53:ChangeResourceRecordSets", zone, given) == expected


@pytest.mark.parametrize(
    ("operator", "given", "expected"),
    [
        ("StringEquals", {"key": "a"}, True),
        ("StringEquals", {"key": "b"}, False),
        ("StringEquals", {}, False),
        ("StringEqualsIfExists", {"key": "b"}, False),
        ("StringEqualsIfExists", {}, True),
        ("ForAllValues:StringEquals", {"key": ["a"]}, True),
        ("ForAllValues:StringEquals", {"key": ["a", "b"]}, False),
        ("ForAllValues:StringEquals", {}, True),
    ],
)
def test_conditions_are_evaluated_as_aws_documents(operator: str, given: Any, expected: bool) -> None:
    statement = {"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {operator: {"key": "a"}}}
    assert allowed([statement], "a:B", "arn", given) == expected


def test_conditions_on_the_stacks_tag_concern_what_has_it() -> None:
    """CloudFormation gives it to these types; StringEquals would lock the stack out of others."""
    for prefix in ("AWS::EC2::", "AWS::SecretsManager::Secret", "AWS::CloudWatch::Alarm", "AWS::ApiGatewayV2::Api"):
        for type_ in types():
            if type_.startswith(prefix) and type_ != "AWS::ApiGatewayV2::ApiMapping":
                assert context(type_), type_


def test_roles_are_passed_to_the_services_that_take_them() -> None:
    trusted = {
        statement["Principal"]["Service"]
        for resource in stack().values()
        if resource["Type"] == "AWS::IAM::Role"
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    [passing] = [statement for statement in POLICY if statement["Action"] == "iam:PassRole"]
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted
    assert not [name for name in POLICY if name is not passing and allows_passing(name)]


def allows_passing(statement: dict[str, Any]) -> bool:
    return any(fnmatchcase("iam:passrole", pattern.lower()) for pattern in as_list(statement["Action"]))


@pytest.mark.parametrize("text", TEXTS, ids=FILES)
def test_policy_fits_into_iam(text: str) -> None:
    """A managed policy has room for 6,144 characters, white space aside; a longer stack name takes some."""
    longest = text.replace("openl2m-stats", "openl2m-stats-production")
    assert len(re.sub(r"\s", "", longest)) <= 6144
    sids = [statement["Sid"] for statement in POLICY]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)

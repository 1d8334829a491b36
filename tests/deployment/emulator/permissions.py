"""CloudFormation acts with the rights of whoever runs the deployment.

MiniStack checks the calls that arrive, and makes a stack's resources without asking. Here each resource is created,
changed and deleted only if the caller may do what AWS's own handler does. tests/template/test_deploy_policy.py compares
the policy with all that those handlers may call; these are the calls that they always make, with the names that the
resources really have.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions
from ministack.core.iam_evaluator import _verified_key, enforce
from ministack.services.cloudformation import stacks

_ACCOUNT, _REGION = "111122223333", "us-east-1"
_PASSED_TO = {"AWS::Lambda::Function": "lambda.amazonaws.com", "AWS::Scheduler::Schedule": "scheduler.amazonaws.com"}


class NotAuthorizedError(Exception):
    """The caller lacks a right; the text is CloudFormation's."""


@dataclass(frozen=True)
class _Rights:
    """What a resource's handlers call, by name and separated by spaces, and on which ARN; {} is the resource's name."""

    service: str
    arn: str
    create: str
    update: str = ""
    delete: str = ""
    named_by: str = ""  # the property that holds the resource's name, or that of what it belongs to


_FUNCTION = f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:{{}}"
_API = f"arn:aws:apigateway:{_REGION}::/apis"
_RIGHTS = {
    "AWS::ApiGatewayV2::Api": _Rights("apigateway", _API, "POST", "PATCH", "DELETE"),
    "AWS::ApiGatewayV2::Stage": _Rights("apigateway", f"{_API}/{{}}/stages", "POST", "PATCH", "DELETE", "ApiId"),
    "AWS::CloudWatch::Alarm": _Rights(
        "cloudwatch",
        f"arn:aws:cloudwatch:{_REGION}:{_ACCOUNT}:alarm:{{}}",
        "PutMetricAlarm",
        "PutMetricAlarm",
        "DeleteAlarms",
    ),
    "AWS::CloudWatch::Dashboard": _Rights(
        "cloudwatch",
        f"arn:aws:cloudwatch::{_ACCOUNT}:dashboard/{{}}",
        "PutDashboard",
        "PutDashboard",
        "DeleteDashboards",
        "DashboardName",
    ),
    "AWS::EC2::VPCEndpoint": _Rights(
        "ec2",
        f"arn:aws:ec2:{_REGION}:{_ACCOUNT}:vpc-endpoint/{{}}",
        "CreateVpcEndpoint",
        "ModifyVpcEndpoint",
        "DeleteVpcEndpoints",
    ),
    "AWS::IAM::ManagedPolicy": _Rights(
        "iam",
        f"arn:aws:iam::{_ACCOUNT}:policy/{{}}",
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
    ),
    "AWS::IAM::Role": _Rights(
        "iam",
        f"arn:aws:iam::{_ACCOUNT}:role/{{}}",
        "CreateRole PutRolePolicy TagRole",
        "PutRolePolicy UpdateAssumeRolePolicy",
        "DeleteRolePolicy DeleteRole",
    ),
    "AWS::Lambda::Alias": _Rights("lambda", _FUNCTION, "CreateAlias", "UpdateAlias", "DeleteAlias", "FunctionName"),
    "AWS::Lambda::EventInvokeConfig": _Rights(
        "lambda",
        _FUNCTION,
        "PutFunctionEventInvokeConfig",
        "PutFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        "FunctionName",
    ),
    "AWS::Lambda::Function": _Rights(
        "lambda",
        _FUNCTION,
        "CreateFunction TagResource",
        "UpdateFunctionCode UpdateFunctionConfiguration",
        "DeleteFunction",
    ),
    "AWS::Lambda::LayerVersion": _Rights(
        "lambda",
        f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:layer:{{}}",
        "PublishLayerVersion",
        "PublishLayerVersion",
        "DeleteLayerVersion",
        "LayerName",
    ),
    "AWS::Lambda::Permission": _Rights(
        "lambda", _FUNCTION, "AddPermission", "AddPermission RemovePermission", "RemovePermission", "FunctionName"
    ),
    "AWS::Lambda::Version": _Rights(
        "lambda", _FUNCTION, "PublishVersion", "PublishVersion", "DeleteFunction", "FunctionName"
    ),
    "AWS::Logs::LogGroup": _Rights(
        "logs",
        f"arn:aws:logs:{_REGION}:{_ACCOUNT}:log-group:{{}}",
        "CreateLogGroup PutRetentionPolicy TagResource",
        "PutRetentionPolicy",
        "DeleteLogGroup",
        "LogGroupName",
    ),
    "AWS::S3::Bucket": _Rights(
        "s3",
        "arn:aws:s3:::{}",
        "CreateBucket PutEncryptionConfiguration PutBucketOwnershipControls PutBucketPublicAccessBlock"
        " PutBucketVersioning PutLifecycleConfiguration PutBucketTagging",
        "PutLifecycleConfiguration",
        "DeleteBucket",
        "BucketName",
    ),
    "AWS::S3::BucketPolicy": _Rights(
        "s3", "arn:aws:s3:::{}", "PutBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy", "Bucket"
    ),
    "AWS::SQS::Queue": _Rights(
        "sqs", f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:{{}}", "CreateQueue TagQueue", "SetQueueAttributes", "DeleteQueue"
    ),
    "AWS::Scheduler::Schedule": _Rights(
        "scheduler",
        f"arn:aws:scheduler:{_REGION}:{_ACCOUNT}:schedule/default/{{}}",
        "CreateSchedule",
        "UpdateSchedule",
        "DeleteSchedule",
    ),
    "AWS::SecretsManager::Secret": _Rights(
        "secretsmanager",
        f"arn:aws:secretsmanager:{_REGION}:{_ACCOUNT}:secret:{{}}",
        "CreateSecret TagResource",
        "UpdateSecret",
        "DeleteSecret",
    ),
}

# What is called only for a resource with a property.
_ONLY_WITH = {
    "PutBucketOwnershipControls": "OwnershipControls",
    "PutBucketPublicAccessBlock": "PublicAccessBlockConfiguration",
    "PutBucketTagging": "Tags",
    "PutBucketVersioning": "VersioningConfiguration",
    "PutEncryptionConfiguration": "BucketEncryption",
    "PutLifecycleConfiguration": "LifecycleConfiguration",
}


def install() -> None:
    """Change MiniStack in this process."""
    _name_the_alias_that_is_invoked()
    _name_the_action_of_a_batch()
    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def provisioned(type_: str, logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        _require(type_, "create", _made_up_name(type_, logical_id, stack), properties, stack)
        return provision(type_, logical_id, properties, stack)

    def updated(type_: str, physical_id: str, old: Any, new: Mapping[str, Any], stack: str, *rest: Any) -> Any:
        if old != new:
            _require(type_, "update", physical_id, new, stack)
        return update(type_, physical_id, old, new, stack, *rest)

    def deleted(
        type_: str, physical_id: str, properties: Mapping[str, Any], stack: str | None = None, *rest: Any
    ) -> None:
        _require(type_, "delete", physical_id, properties, stack or "")
        delete(type_, physical_id, properties, stack, *rest)

    stacks._provision_resource, stacks._update_resource, stacks._delete_resource = provisioned, updated, deleted


def _name_the_alias_that_is_invoked() -> None:
    """An invocation of an alias asks for the right to invoke the alias, not the function."""
    extract = iam_actions.extract_resource_arn

    def extracted(service: str, method: str, path: str, headers: Any, body: Any, query: Any, *rest: Any) -> Any:
        arn = extract(service, method, path, headers, body, query, *rest)
        alias = query.get("Qualifier") if service == "lambda" and path.endswith("/invocations") else None
        return f"{arn}:{alias[0]}" if alias else arn

    iam_actions.extract_resource_arn = extracted


def _name_the_action_of_a_batch() -> None:
    """IAM knows no actions of SQS for several messages at once: the one for a single message permits both."""
    extract = iam_actions.extract_iam_action

    def extracted(service: str, *rest: Any, **named: Any) -> Any:
        action = extract(service, *rest, **named)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extracted


def _made_up_name(type_: str, logical_id: str, stack: str) -> str:
    """Return a name such as CloudFormation makes up; the stack's is not part of a secret's."""
    suffix = "1A2B3C4D5E6F"
    if type_ == "AWS::SecretsManager::Secret":
        return f"{logical_id}-{suffix}-AbCdEf"
    return (
        f"{stack.lower()}-{logical_id.lower()}-{suffix.lower()}"
        if type_ == "AWS::S3::Bucket"
        else (f"{stack}-{logical_id}-{suffix}")
    )


def _require(type_: str, verb: str, name: str, properties: Mapping[str, Any], stack: str) -> None:
    """Raise NotAuthorizedError unless the caller of the deployment may do this."""
    key = _verified_key.get()  # empty for the account's root, who may do everything
    context = {f"aws:{which}Tag/aws:cloudformation:stack-name": stack for which in ("Request", "Resource")}
    for action, arn, more in _calls(type_, verb, name, properties):
        denied = enforce(key, action, action.split(":")[0], _REGION, arn, {**context, **more})
        if denied is not None:
            who = getattr(denied, "principal_arn", "")
            raise NotAuthorizedError(f"User: {who} is not authorized to perform: {action} on resource: {arn}")


def _calls(
    type_: str, verb: str, name: str, properties: Mapping[str, Any]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the action, the ARN and the condition keys of each call that a resource's handler makes."""
    if type_ not in _RIGHTS:
        raise NotAuthorizedError(f"{type_} is new: say in {__name__} what creates, changes and deletes it")
    rights = _RIGHTS[type_]
    named = str(properties.get(rights.named_by, name)) if rights.named_by else name
    for word in getattr(rights, verb).split():
        if word in _ONLY_WITH and _ONLY_WITH[word] not in properties:
            continue
        yield f"{rights.service}:{word}", rights.arn.format(_last_part(named)), {}
    role = properties.get("Role") or properties.get("Target", {}).get("RoleArn")
    if type_ in _PASSED_TO and verb != "delete":
        yield "iam:PassRole", role, {"iam:PassedToService": _PASSED_TO[type_]}


def _last_part(name: str) -> str:
    """Return a name, which may be given as an ARN or as a queue's URL."""
    if name.startswith("https://"):
        return name.rsplit("/", 1)[1]
    if not name.startswith("arn:"):
        return name
    *_, resource = name.split(":", 5)  # function:name:alias, secret:name, policy/name
    return re.split("[:/]", resource, maxsplit=1)[1]

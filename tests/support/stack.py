"""infra/template.yaml as CloudFormation would see it: parameters put in, SAM's resources made, conditions decided."""

import copy
import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from dev import template as reader

ROOT, TEMPLATE = reader.ROOT, reader.TEMPLATE
REQUIRED = {"DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-AbCdEf"}
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
# What a resource that exists tells of itself, as far as a template takes it apart.
ATTRIBUTES = {
    (f"{name}EndpointInterface", "DnsEntries"): [
        f"Z7HUB22UULQXV:vpce-0123456789abcdef0-abcdefgh{zone}.{name.lower()}.us-east-1.vpce.amazonaws.com"
        for zone in ("", "-us-east-1a")
    ]
    for name in ("SecretsManager", "Sns")
}


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    return copy.deepcopy(_read(path))


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    return reader.load(path)


def parameters(template: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    """Return every parameter's value, as text, which is what CloudFormation works with."""
    defaults = {name: entry["Default"] for name, entry in template["Parameters"].items() if "Default" in entry}
    return {name: str(value) for name, value in (defaults | REQUIRED | given).items()}


def put_in(value: Any, values: dict[str, str]) -> Any:
    """Put the parameters' values in the place of their names, as the transform AWS::LanguageExtensions does."""
    match value:
        case {"Ref": str(name)} if name in values:
            return values[name]
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda name: values.get(name[1], name[0]), text)}
        case dict():
            return {key: put_in(entry, values) for key, entry in value.items()}
        case list():
            return [put_in(entry, values) for entry in value]
    return value


def packaged(template: dict[str, Any], code: str, layer: str) -> dict[str, Any]:
    """Return the template as `sam package` leaves it: what was built lies in S3, under the hash of its content."""
    template = copy.deepcopy(template)
    for function in ("StatsFunction", "SnapshotFunction"):
        template["Resources"][function]["Properties"]["CodeUri"] = f"s3://artifacts/{code}"
    template["Resources"]["DependenciesLayer"]["Properties"]["ContentUri"] = f"s3://artifacts/{layer}"
    return template


class Decider:
    """Decides conditions and works out functions, but for what only exists once a resource does."""

    def __init__(self, template: dict[str, Any], values: dict[str, str], stack_name: str = "openl2m-stats") -> None:
        self._conditions = template["Conditions"]
        self._mappings = template["Mappings"]
        self._values: dict[str, str | None] = {**PSEUDO, "AWS::StackName": stack_name, **values}

    def true(self, name: str) -> bool:
        return bool(self.resolve(self._conditions[name]))

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [entry for entry in map(self.resolve, value) if entry is not None]
        if not isinstance(value, dict):
            return value
        [(name, argument), *more] = value.items() or [("", None)]
        if not more and name.startswith(("Fn::", "Ref", "Condition")) and value != {name: {}}:
            return self._function(name, argument)
        resolved = {key: self.resolve(entry) for key, entry in value.items()}
        return {key: entry for key, entry in resolved.items() if entry is not None}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.true(condition) else no)
        if name == "Fn::Sub":
            text, own = (argument, {}) if isinstance(argument, str) else argument
            own = {name: _in_text(each) for name, each in self.resolve(own).items()}
            texts = {name: value for name, value in {**self._values, **own}.items() if isinstance(value, str)}
            return re.sub(r"\$\{([\w:]+)\}", lambda found: texts.get(found[1], found[0]), text)
        if name == "Condition" and isinstance(argument, str):
            return self.true(argument)
        if name == "Ref":
            return self._values.get(argument, {"Ref": argument})
        if name == "Fn::GetAtt" and tuple(argument) in ATTRIBUTES:
            return ATTRIBUTES[tuple(argument)]
        resolved = self.resolve(argument)
        functions: dict[str, Callable[..., Any]] = {
            "Fn::Equals": lambda one, other: str(one) == str(other),
            "Fn::Not": lambda one: not one,
            "Fn::And": lambda *conditions: all(conditions),
            "Fn::Or": lambda *conditions: any(conditions),
            "Fn::Contains": lambda texts, text: text in texts,
            "Fn::Split": lambda separator, text: text.split(separator),
            "Fn::Select": lambda index, entries: entries[int(index)],
            "Fn::FindInMap": lambda mapping, key, attribute: self._mappings[mapping][key][attribute],
        }
        return functions[name](*resolved) if name in functions else {name: resolved}


def _in_text(value: Any) -> Any:
    """Return a reference as Fn::Sub writes it."""
    return f"${{{value['Ref']}}}" if isinstance(value, dict) and "Ref" in value else value


def stack(
    code: str = "code-1", layer: str = "layer-1", stack_name: str = "openl2m-stats", **given: Any
) -> dict[str, Any]:
    """Return the resources that a deployment with these parameters makes, by their logical ids."""
    return copy.deepcopy(_translate(code, layer, stack_name, TEMPLATE, tuple(given.items())))


def stack_of(path: Path, **given: Any) -> dict[str, Any]:
    """Return the resources that a deployment of another template makes, by their logical ids."""
    return copy.deepcopy(_translate("code-1", "layer-1", "openl2m-stats", path, tuple(given.items())))


@functools.cache
def _translate(
    code: str, layer: str, stack_name: str, path: Path, given: tuple[tuple[str, Any], ...]
) -> dict[str, Any]:
    from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform

    template = packaged(load(path), code, layer)
    values = parameters(template, dict(given))
    first, second = template["Transform"]
    assert second == "AWS::Serverless-2016-10-31"
    filled = {key: template[key] for key in ("Resources", "Outputs")}
    if first == "AWS::LanguageExtensions":
        filled = put_in(filled, values)
    with mock.patch.dict(os.environ, AWS_DEFAULT_REGION="us-east-1"):
        translated = transform({**template, **filled}, values, ManagedPolicyLoader(None))
    decider = Decider(template, values, stack_name)
    resources: dict[str, Any] = decider.resolve(
        {
            name: resource
            for name, resource in translated["Resources"].items()
            if "Condition" not in resource or decider.true(resource["Condition"])
        }
    )
    return resources


def of_type(resources: dict[str, Any], type_: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == type_}


def schema(type_: str) -> dict[str, Any]:
    """Return what AWS publishes of a type of resources: what identifies one, what its handlers need, and more."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    return found

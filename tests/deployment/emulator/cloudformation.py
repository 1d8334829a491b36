"""Resources and properties that MiniStack's CloudFormation treats otherwise than AWS does."""

import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import language_extensions, provisioners

_HANDLERS = provisioners._RESOURCE_HANDLERS
_TIMEOUT_MILLISECONDS = 30_000


def install() -> None:
    """Change MiniStack in this process."""
    _accept_metric_math()
    _read_open_api_bodies()
    _name_secrets_as_aws_does()
    _put_parameters_into_resources()


def _accept_metric_math() -> None:
    """MiniStack refuses an alarm on an expression over several metrics. Keep it, and never evaluate it."""
    record = provisioners._cw_metric_alarm_record

    def patched(name: str, properties: Mapping[str, Any]) -> Any:
        metrics = properties.get("Metrics")
        if not metrics:
            return record(name, properties)
        stand_in = {"Metrics": None, "MetricName": "metric math", "Namespace": "metric math"}
        return {**record(name, {**properties, **stand_in}), "Metrics": metrics}

    provisioners._cw_metric_alarm_record = patched


def _read_open_api_bodies() -> None:
    """MiniStack ignores the Body of an HTTP API, in which SAM writes its routes."""
    handlers = _HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        _set_routes(made[0], properties.get("Body"))
        return made

    def updated(physical_id: str, old: Any, new: Mapping[str, Any], stack: str, logical_id: str | None = None) -> Any:
        made = update(physical_id, old, new, stack, logical_id)
        _set_routes(made[0], new.get("Body"))
        return made

    handlers.update(create=created, update=updated)


def _set_routes(api: str, body: Mapping[str, Any] | None) -> None:
    if not body:
        return
    gateway = provisioners._apigw_v2
    gateway._routes[api], gateway._integrations[api] = {}, {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            found = operation.get("x-amazon-apigateway-integration") if isinstance(operation, dict) else None
            if found is None:
                continue
            known = set(gateway._integrations[api])
            integration = {
                "integrationType": found["type"].upper(),
                "integrationUri": found["uri"],
                "payloadFormatVersion": found["payloadFormatVersion"],
                "timeoutInMillis": int(found.get("timeoutInMillis", _TIMEOUT_MILLISECONDS)),
            }
            gateway._create_integration(api, integration)
            [made] = set(gateway._integrations[api]) - known
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            key = path if path == "$default" else f"{verb} {path}"
            gateway._create_route(api, {"routeKey": key, "target": f"integrations/{made}"})


def _name_secrets_as_aws_does() -> None:
    """A secret's Ref is its ARN, a made-up name has no stack in it, and without a value there is no version."""
    handlers = _HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]
    stored = provisioners._sm._secrets

    def name_of(arn: str) -> str | None:
        return next((name for name, secret in stored.items() if secret["ARN"] == arn), None)

    def created(logical_id: str, properties: Mapping[str, Any], stack: str) -> Any:
        made_up = f"{logical_id}-{''.join(secrets.choice(string.ascii_letters) for _ in range(12))}"
        name, made = create(logical_id, {"Name": made_up, **properties}, stack)
        if not properties.keys() & {"SecretString", "GenerateSecretString"}:
            stored[name]["Versions"] = {}
        return made["Arn"], made

    def updated(arn: str, old: Any, new: Mapping[str, Any], stack: str, logical_id: str | None = None) -> Any:
        name = name_of(arn)
        _, made = update(name, {"Name": name, **old}, {"Name": name, **new}, stack, logical_id)
        return arn, made

    def deleted(arn: str, properties: Mapping[str, Any]) -> None:
        if name := name_of(arn):
            delete(name, properties)

    handlers.update(create=created, update=updated, delete=deleted)


def _put_parameters_into_resources() -> None:
    """AWS::LanguageExtensions puts the parameters' values in place of their names before SAM's transform.

    So says infra/template.yaml, whose versions are published because of it. This makes the emulator follow the
    template; it does not prove that AWS does.
    """
    apply = language_extensions.apply

    def patched(template: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        declared = template.get("Parameters", {})
        values = {
            name: value
            for name, value in parameters.items()
            if name in declared and isinstance(value, str | int | float)
        }
        processed = apply(template, parameters)
        processed["Resources"] = _substituted(processed["Resources"], values)
        return processed

    language_extensions.apply = patched


def _substituted(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_substituted(each, values) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and value.get("Ref") in values:
        return values[value["Ref"]]
    if isinstance(text := value.get("Fn::Sub"), str):
        return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)}
    return {key: _substituted(each, values) for key, each in value.items()}

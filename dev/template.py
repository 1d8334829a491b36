"""infra/template.yaml with CloudFormation's short forms written out, and what `make deploy` checks values with."""

import json
from pathlib import Path
from typing import Any

import tzdata
import yaml

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "infra/template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads `!Ref X` as `{"Ref": X}`, `!Sub X` as `{"Fn::Sub": X}`, and so on."""


def _function(loader: _Loader, name: str, node: Any) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt":
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return a template, by default the project's."""
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 it makes no objects
    return template


def variables(template: dict[str, Any]) -> dict[str, str]:
    """Return the API function's variables that are a parameter each: `{"TIME_ZONE": "TimeZone", …}`."""
    found = template["Resources"]["StatsFunction"]["Properties"]["Environment"]["Variables"]
    parameters = template["Parameters"]
    references = {name: value["Ref"] for name, value in found.items() if isinstance(value, dict) and "Ref" in value}
    return {name: reference for name, reference in references.items() if reference in parameters}


def constraints() -> str:
    """Return dev/build/constraints.json: all that a value in deploy.toml can be checked with, for Python alone."""
    template = load()
    parameters = {
        name: {key: value for key, value in entry.items() if key != "Description"}
        for name, entry in template["Parameters"].items()
    }
    content = {
        "parameters": parameters,
        "rules": template["Rules"],
        "variables": variables(template),
        "time_zones": " ".join((Path(tzdata.__file__).parent / "zones").read_text().split()),
    }
    return json.dumps(content, indent=1) + "\n"

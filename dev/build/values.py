"""Checks of a deployment's options and parameters that need no call to AWS.

The template's own patterns, values and rules count, and the function's parser of its settings. They come from
constraints.json, which `make docs` generates from the template: reading YAML would need a package.
"""

import difflib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
sys.path.append(str(_ROOT / "functions"))  # nothing is installed yet

from stats.base.settings import OPTIONS as SETTINGS  # noqa: E402 the path comes first

_CONSTRAINTS = json.loads(Path(__file__).with_name("constraints.json").read_text())
PARAMETERS: Mapping[str, Mapping[str, Any]] = _CONSTRAINTS["parameters"]
_VARIABLES = {parameter: variable for variable, parameter in _CONSTRAINTS["variables"].items()}

_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}")
_REGION_OF_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9]+:([a-z0-9-]+):")
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
# The placeholders for ids in deploy.example.toml.
_PLACEHOLDERS = (
    "123456789012",
    "AbCdEf",
    "abcdefghijkl",
    "0123456789abcdef0",
    "0fedcba9876543210",
    "ABCDEFGHIJKL01234",
    "0123456789ABCDEFGHIJ",
    "01234567-89ab-cdef-0123-456789abcdef",
    "example.com",
)


def problems(options: Mapping[str, Any], overrides: Mapping[str, Any], table: str) -> Iterator[str]:
    """Yield the problems with the options in a table such as `[production.deploy.parameters]`."""
    yield from (f"{problem} in {table}." for problem in _of_options(options))
    texts = {name: _text(value) for name, value in overrides.items() if name in PARAMETERS}
    home = f"{table[:-1]}.parameter_overrides]"
    refused = False
    for name, text in texts.items():
        problem = _of_parameter(name, text)
        if problem:
            refused = True
            yield f"{name} in {home} {problem}"
    for name, parameter in PARAMETERS.items():
        if name not in texts and "Default" not in parameter:
            refused = True
            yield f"{name} is missing in {home}."
    yield from (f"{name} in {home} {problem}" for name, problem in _elsewhere(options.get("region"), texts))
    if not refused:  # a rule would report the same problem again
        defaults = {name: str(parameter.get("Default", "")) for name, parameter in PARAMETERS.items()}
        yield from (f"{problem} See {home}." for problem in _broken_rules({**defaults, **texts}))


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _of_options(options: Mapping[str, Any]) -> Iterator[str]:
    if not _STACK_NAME.fullmatch(str(options.get("stack_name", ""))):
        yield "stack_name takes letters, digits and hyphens, and begins with a letter,"
    region = options.get("region")
    if region is not None and not _REGION.fullmatch(str(region)):
        yield "region takes the name of a region, such as us-east-1,"
    if not (options.get("resolve_s3") or options.get("s3_bucket")):
        yield "resolve_s3 = true is missing"
    given = options.get("capabilities", [])
    names = given.split() if isinstance(given, str) else list(map(str, given))
    if not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(names) or "CAPABILITY_AUTO_EXPAND" not in names:
        yield f"capabilities = {json.dumps(_CAPABILITIES)} is missing"


def _of_parameter(name: str, text: str) -> str | None:
    """Return the problem with a value, which may be anything, without repeating it."""
    placeholder = next((each for each in _PLACEHOLDERS if each in text), None)
    if placeholder:
        return f"is still the example's: put your own in place of {placeholder}."
    parameter = PARAMETERS[name]
    allowed = [str(value) for value in parameter.get("AllowedValues", [])]
    if allowed and text not in allowed:
        takes = f"It takes {', '.join(value or 'nothing' for value in allowed)}."
        return f"is refused. {parameter.get('ConstraintDescription', takes)}"
    if not re.fullmatch(parameter.get("AllowedPattern", ".*"), text):
        return f"is refused. {parameter['ConstraintDescription']}"
    if len(text) > parameter.get("MaxLength", len(text)):
        return f"is too long: it takes {parameter['MaxLength']} characters."
    if "MinValue" in parameter and not _within(text, parameter["MinValue"], parameter["MaxValue"]):
        return f"is refused. It takes {parameter['MinValue']} to {parameter['MaxValue']}."
    return _of_setting(_VARIABLES.get(name), text)


def _within(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and least <= int(text) <= most


def _of_setting(variable: str | None, text: str) -> str | None:
    """Return why the function would refuse to start with a value, which the template's pattern may permit."""
    setting = SETTINGS.get(variable or "")
    if setting is None or not text:
        return None
    if variable == "TIME_ZONE":  # its parser needs the zones, which are in the layer
        zones = _CONSTRAINTS["time_zones"].split()
        if text in zones:
            return None
        close = difflib.get_close_matches(text, zones, 1)
        return "is not a time zone of the IANA database." + (f" Do you mean {close[0]}?" if close else "")
    if variable == "DATABASE_CA_FILE":  # it is in the package or in a layer
        return None
    try:
        setting.parse(text)
    except (ValueError, KeyError, OSError):
        return f"is refused by the function. It takes {setting.takes}."
    return None


def _elsewhere(region: Any, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that name something in another region, which neither Lambda nor CloudWatch can use."""
    for name, text in texts.items():
        found = _REGION_OF_ARN.match(text)
        if found and region is not None and found[1] != region:
            yield name, f"is in {found[1]}, and the stack is in {region}."


def _broken_rules(texts: Mapping[str, str]) -> Iterator[str]:
    for rule in _CONSTRAINTS["rules"].values():
        if _holds(rule.get("RuleCondition", True), texts):
            for assertion in rule["Assertions"]:
                if not _holds(assertion["Assert"], texts):
                    yield assertion["AssertDescription"]


def _holds(node: Any, texts: Mapping[str, str]) -> Any:
    """Return the result of one of a rule's functions, or a literal value."""
    if not isinstance(node, dict):
        return node
    [(function, argument)] = node.items()
    if function == "Ref":
        return texts[argument]
    resolved = [_holds(each, texts) for each in argument]
    match function:
        case "Fn::Not":
            return not resolved[0]
        case "Fn::And":
            return all(resolved)
        case "Fn::Or":
            return any(resolved)
        case "Fn::Equals":
            return resolved[0] == resolved[1]
        case "Fn::Contains":
            return resolved[1] in resolved[0]
    raise ValueError(f"{function} is not known here")  # a test tries every rule

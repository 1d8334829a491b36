"""What the last release's template makes, as far as a resource would be replaced or lost if that changed.

usage: python -m tests.template.released TEMPLATE FILE    write it to a file
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.support.stack import TEMPLATE, load, schema, stack_of
from tests.template.test_template import SETS
from tests.template.translated import without_hashes

NAMES = ("defaults", "everything")
# What loses data, an address or a name that people know when it is replaced.
STATEFUL = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Lambda::Alias",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}


def stateful(name: str, path: Path = TEMPLATE) -> dict[str, Any]:
    """Return each stateful resource of a set of parameters: its type, its policies, and what only its creation sets."""
    known = load(path)["Parameters"]
    given = {key: value for key, value in SETS[name].items() if key in known}
    found = {}
    for logical_id, resource in without_hashes(stack_of(path, **given)).items():
        if resource["Type"] in STATEFUL:
            properties = resource.get("Properties", {})
            paths = [each.split("/")[2:] for each in schema(resource["Type"]).get("createOnlyProperties", [])]
            found[logical_id] = {
                "Type": resource["Type"],
                **{key: resource.get(key, "Delete") for key in ("DeletionPolicy", "UpdateReplacePolicy")},
                "CreatedWith": {
                    ".".join(each): _at(properties, each) for each in paths if _at(properties, each) is not None
                },
            }
    return found


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


if __name__ == "__main__":
    found = {name: stateful(name, Path(sys.argv[1])) for name in NAMES}
    Path(sys.argv[2]).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")

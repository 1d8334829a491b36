"""The translated template as files, so that a review shows what a change of the template changes in AWS.

usage: PYTHONPATH=functions python -m tests.template.translated    write translated/*.json anew
"""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.stack import stack
from tests.template.test_template import SETS

DIRECTORY = Path(__file__).with_name("translated")
NAMES = ("defaults", "everything", "mail", "adopted")
# SAM ends the names of the layer and of the versions with a hash of their content.
_HASH = re.compile(r"\b(DependenciesLayer|(?:Stats|Snapshot)FunctionVersion)[0-9a-f]{10}\b")


def text(name: str) -> str:
    """Return a set of parameters' resources; for all but the first, only those that differ from it."""
    resources = _resources(name)
    if name != NAMES[0]:
        default = _resources(NAMES[0])
        resources = {key: value for key, value in resources.items() if default.get(key) != value}
        resources |= {key: None for key in default if key not in _resources(name)}
    return json.dumps(resources, indent=1, sort_keys=True) + "\n"


def without_hashes(resources: Any) -> dict[str, Any]:
    """Return resources, or what refers to them, with names that do not change with their content."""
    found: dict[str, Any] = json.loads(_HASH.sub(r"\1", json.dumps(resources)))
    return found


def _resources(name: str) -> dict[str, Any]:
    return without_hashes(stack(**SETS[name]))


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for each in NAMES:
        (DIRECTORY / f"{each}.json").write_text(text(each))

"""A stack of the last release, deployed anew with today's template: nothing that keeps something is replaced."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import TEMPLATE
from tests.template.released import NAMES, STATEFUL, stateful

RELEASED = json.loads(Path(__file__).with_name("released.json").read_text())
KEPT_AT_THE_END = {"Retain", "RetainExceptOnCreate"}


def losses(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Return what an upgrade replaces, removes, or no longer keeps when the stack is deleted, by its logical id."""
    found = {}
    for name, resource in old.items():
        if name not in new:
            found[name] = "is removed"
        elif any(resource[key] != new[name][key] for key in ("Type", "CreatedWith")):
            found[name] = "is replaced"
        elif any(
            resource[key] in KEPT_AT_THE_END and new[name][key] not in KEPT_AT_THE_END
            for key in ("DeletionPolicy", "UpdateReplacePolicy")
        ):
            found[name] = "is no longer kept"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_upgrade_keeps_what_is_there(name: str) -> None:
    assert losses(RELEASED[name], stateful(name)) == {}


def test_what_is_kept_is_of_every_kind() -> None:
    kinds = {resource["Type"] for resources in RELEASED.values() for resource in resources.values()}
    assert kinds == STATEFUL
    assert {"SnapshotBucket", "TokenSecret", "StatsFunction", "Api"} <= set(RELEASED["defaults"])


PLANTED = {
    "a renamed bucket": (
        r"\bSnapshotBucket:\n    Type: AWS::S3",
        "Bucket:\n    Type: AWS::S3",
        {"SnapshotBucket": "is removed"},
    ),
    "a bucket with another name": (
        r"(?m)^(  SnapshotBucket:\n(?:    .*\n)*?    Properties:\n)",
        r"\1      BucketName: snapshots\n",
        {"SnapshotBucket": "is replaced"},
    ),
    "a bucket that goes with the stack": (
        r"(?m)^(  SnapshotBucket:\n(?:    .*\n)*?    DeletionPolicy: )RetainExceptOnCreate",
        r"\1Delete",
        {"SnapshotBucket": "is no longer kept"},
    ),
    "a secret with another name": (
        r"(?m)^(  TokenSecret:\n(?:    .*\n)*?    Properties:\n)",
        r"\1      Name: tokens\n",
        {"TokenSecret": "is replaced"},
    ),
    "a log group with another name": (
        r"/aws/lambda/\$\{AWS::StackName\}/stats",
        "/openl2m/stats",
        {"StatsLogGroup": "is replaced"},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_losses_are_found(name: str, tmp_path: Path) -> None:
    pattern, replacement, expected = PLANTED[name]
    text, count = re.subn(pattern, replacement, TEMPLATE.read_text())
    assert count
    if name == "a renamed bucket":
        text = re.sub(r"\bSnapshotBucket(?![A-Za-z:])", "Bucket", text)
    path = tmp_path / "template.yaml"
    path.write_text(text)
    assert losses(RELEASED["defaults"], stateful("defaults", path)) == expected

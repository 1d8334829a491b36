"""The documents on costs and Terraform, against their own arithmetic and the template."""

import itertools
import re
from typing import Any

import pytest

from tests.support.stack import ROOT, load, stack
from tests.template.test_template import environment

COSTS = (ROOT / "docs/costs.md").read_text()
TERRAFORM = (ROOT / "docs/terraform.md").read_text()


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table that begins with these cells."""
    lines = COSTS[COSTS.index(heading) :].splitlines()
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip(" *") for cell in row.strip("|").split("|")] for row in rows][2:]


@pytest.mark.parametrize("column", [3, 5])
def test_costs_add_up(column: int) -> None:
    *rows, total = [row[column] for row in table("| | price | one call a minute")]
    assert sum(round(float(cell) * 100) for cell in rows) == round(float(total) * 100)


def test_costs_of_a_flood_add_up() -> None:
    *rows, total = [row[2] for row in table("| | 8.64 million requests")]
    assert sum(round(float(cell) * 100) for cell in rows) == round(float(total) * 100)


def test_costs_name_every_alarm() -> None:
    resources = stack()
    alarms = [entry["Properties"] for entry in resources.values() if entry["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = sum(
        len([each for each in alarm.get("Metrics", [{"MetricStat": {}}]) if "MetricStat" in each]) for alarm in alarms
    )
    [row] = [row for row in table("| | price | one call a minute") if row[0] == "alarms"]
    assert float(row[3]) == pytest.approx(metrics * 0.10)


@pytest.mark.parametrize(
    "name",
    ["Dashboard=true", "SnapStart=PublishedVersions", "Tracing=PassThrough", "AccessLog=false", "SystemLogLevel=WARN"],
)
def test_costs_name_values_that_parameters_take(name: str) -> None:
    assert f"`{name}`" in COSTS
    parameter, value = name.split("=")
    assert value in load()["Parameters"][parameter]["AllowedValues"]


def actions(resources: dict[str, Any], role: str) -> set[str]:
    statements = [
        statement
        for policy in resources[role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    return {
        action
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


@pytest.mark.parametrize(
    ("resource", "role"),
    [('"api"', "StatsRole"), ('"schedule"', "SnapshotRole"), ('"scheduler"', "ScheduleRole")],
)
def test_terraforms_roles_may_do_what_the_templates_may(resource: str, role: str) -> None:
    [policy] = re.findall(rf'resource "aws_iam_role_policy" {resource} {{\n(.*?)\n}}\n', TERRAFORM, re.DOTALL)
    assert set(re.findall(r'"([a-z0-9-]+:[A-Z]\w+)"', policy)) == actions(stack(), role)


def test_terraforms_functions_are_the_templates() -> None:
    resources = stack()
    names = set(re.findall(r"^    ([A-Z_]+) +=", TERRAFORM, re.MULTILINE))
    assert "DATABASE_SECRET_ID" in names
    assert names <= environment().keys()
    for name in ("StatsFunction", "SnapshotFunction"):
        function = resources[name]["Properties"]
        assert f'directory = "{name}", handler = "{function["Handler"]}"' in TERRAFORM
        assert re.search(rf'runtime += "{function["Runtime"]}"', TERRAFORM)
        assert re.search(rf"memory_size += {function['MemorySize']}\n", TERRAFORM)
        level = function["LoggingConfig"]["ApplicationLogLevel"]
        assert f'application_log_level = "{level}"' in TERRAFORM

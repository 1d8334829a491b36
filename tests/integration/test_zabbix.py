"""dashboards/zabbix.yaml: its parts fit together, and every item finds its number in what `make run` answers."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dev.dashboards import zabbix
from openl2m_stats.local import demo
from stats.numbers.catalogue import STATISTICS
from tests.integration.test_run import running
from tests.support.documents import ROOT

EXPORT: Any = yaml.safe_load((ROOT / "dashboards/zabbix.yaml").read_text())["zabbix_export"]
[TEMPLATE] = EXPORT["templates"]
MACROS = {each["macro"]: each for each in TEMPLATE["macros"]}
[MASTER] = [item for item in TEMPLATE["items"] if item["type"] == "HTTP_AGENT"]
ITEMS = [item for item in TEMPLATE["items"] if item is not MASTER]
TRIGGERS = [trigger for item in ITEMS for trigger in item.get("triggers", [])]


def identified(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "uuid" in part:
            yield part["uuid"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from identified(each)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(CACHE_TTL_SECONDS=86400) as (_, printed):
        found = re.search(r"(http://127\.0\.0\.1:\d+)/api/stats/", printed)
        assert found
        yield found[1]


@pytest.fixture(scope="module")
def metrics(url: str) -> str:
    """What the master item fetches, with this test's own address and key."""
    values = {"{$OPENL2M.URL}": url, "{$OPENL2M.KEY}": demo.TOKEN}

    def fill(text: str) -> str:
        return re.sub(r"\{\$[A-Z0-9_.]+\}", lambda macro: values[macro[0]], text)

    headers = {each["name"]: fill(each["value"]) for each in MASTER["headers"]}
    answer = requests.get(fill(MASTER["url"]), headers=headers, timeout=30)
    assert answer.status_code == 200
    return answer.text


def test_the_parts_fit_together() -> None:
    assert EXPORT["version"] == "6.0"
    keys = [item["key"] for item in TEMPLATE["items"]]
    assert len(keys) == len(set(keys)) == len(STATISTICS) + 3
    assert {f"openl2m.{statistic.key}" for statistic in STATISTICS} < set(keys)
    assert {(item["type"], item["master_item"]["key"]) for item in ITEMS} == {("DEPENDENT", MASTER["key"])}
    assert TEMPLATE["groups"] == [{"name": group["name"]} for group in EXPORT["groups"]]
    identifiers = list(identified(EXPORT))
    assert len(identifiers) == len(set(identifiers)) == len(keys) + len(TRIGGERS) + 2
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in identifiers} == {(4, uuid.RFC_4122)}


def test_triggers_name_items_and_macros_that_are_there() -> None:
    keys = {item["key"] for item in ITEMS}
    for trigger in TRIGGERS:
        named = re.findall(r"/([^/]+)/([a-z0-9_.]+)[,)]", trigger["expression"])
        assert named
        assert {template for template, _ in named} == {TEMPLATE["template"]}
        assert {key for _, key in named} <= keys
    used = set(re.findall(r"\{\$[A-Z0-9_.]+\}", zabbix.text().split("macros:")[0]))
    assert used == set(MACROS)
    assert MACROS["{$OPENL2M.KEY}"]["type"] == "SECRET_TEXT"
    assert "value" not in MACROS["{$OPENL2M.KEY}"]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["key"])
def test_each_item_finds_its_number(item: Any, metrics: str, url: str) -> None:
    [step] = item["preprocessing"]
    assert step["type"] == "PROMETHEUS_PATTERN"
    pattern, what, output = step["parameters"]
    assert (what, output) == ("value", "")
    selected = re.fullmatch(r"(\w+)(?:\{(\w+)=\"(\w+)\"\})?", pattern)
    assert selected
    name, label, value = selected.groups()
    samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    [found] = [each.value for each in samples if each.name == name and (not label or each.labels[label] == value)]
    answer = requests.get(f"{url}/api/stats/", headers={"Authorization": f"Token {demo.TOKEN}"}, timeout=30)
    shown = {f"openl2m.{key}": entry["value"] for section in answer.json().values() for key, entry in section.items()}
    assert found == shown.get(item["key"], found)


def test_numbers_from_a_million_on_are_no_whole_numbers_to_zabbix(metrics: str) -> None:
    assert re.search(r"^openl2m_stats_timestamp_seconds \d\.\d+e\+09$", metrics, re.MULTILINE)
    assert {item["value_type"] for item in ITEMS} == {"FLOAT"}

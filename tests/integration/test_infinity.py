"""The queries of Grafana's dashboard without Prometheus, sent to `make run` as its Infinity data source sends them."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from openl2m_stats.local import demo
from stats.numbers.catalogue import STATISTICS
from tests.integration.test_run import running
from tests.support.documents import ROOT

DASHBOARD: Any = json.loads((ROOT / "dashboards/grafana-infinity.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
KEYS = {statistic.key for statistic in STATISTICS}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """The data source's base URL."""
    with running(CACHE_TTL_SECONDS=86400) as (_, printed):
        found = re.search(r"(http://127\.0\.0\.1:\d+)/api/stats/", printed)
        assert found
        yield found[1]


def send(base_url: str, target: Any) -> requests.Response:
    """Send a query for the dashboard's own range, with the header that the data source adds."""
    now = datetime.now(UTC)
    begins = re.fullmatch(r"now-(\d+)d", DASHBOARD["time"]["from"])
    assert begins
    values = {
        "${__from:date:YYYY-MM-DD}": str((now - timedelta(days=int(begins[1]))).date()),
        "${__to:date:YYYY-MM-DD}": str(now.date()),
    }
    options = target["url_options"]
    return requests.request(
        options["method"],
        base_url + target["url"],
        params={each["key"]: values[each["value"]] for each in options.get("params", [])},
        headers={
            "Authorization": f"Token {demo.TOKEN}",
            **{each["key"]: each["value"] for each in options.get("headers", [])},
        },
        timeout=30,
    )


def rows(target: Any, answer: requests.Response) -> list[dict[str, Any]]:
    """Return what the query's columns select, as its types have it."""
    if target["type"] == "csv":
        found = list(csv.DictReader(io.StringIO(answer.text)))
        return [{c["text"]: typed(row[c["selector"]], c["type"]) for c in target["columns"]} for row in found]
    [document] = [answer.json()]
    row = {}
    for column in target["columns"]:
        value = document
        for name in column["selector"].split("."):
            value = value[name]
        row[column["text"]] = value
    return [row]


def typed(text: str, type_: str) -> Any:
    if type_ == "timestamp":
        return date.fromisoformat(text)
    assert type_ == "number"
    return int(text) if text else None


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_query_selects_numbers(panel: Any, base_url: str) -> None:
    [target] = panel["targets"]
    answer = send(base_url, target)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith({"csv": "text/csv", "json": "application/json"}[target["type"]])
    found = rows(target, answer)
    if target["type"] == "json":
        assert all(isinstance(value, int) for value in found[0].values())
    else:
        assert len(found) == 91
        days = [row.pop("Day") for row in found]
        assert days == sorted(days)
        for name in found[0]:
            assert sum(row[name] is not None for row in found) > 50


def test_the_numbers_now_are_those_of_the_api(base_url: str) -> None:
    now = next(panel for panel in PANELS if panel["title"] == "Inventory")
    [row] = rows(now["targets"][0], send(base_url, now["targets"][0]))
    assert row["Switches"] == 1246


def test_it_shows_every_daily_number() -> None:
    shown = {column["selector"] for panel in PANELS for target in panel["targets"] for column in target["columns"]}
    hourly = {key for key in KEYS if key.endswith("_last_hour")}
    assert shown >= KEYS - hourly - {"views", "detail_views", "bulk_edits", "hardware_views"}

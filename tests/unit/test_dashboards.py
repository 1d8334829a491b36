"""Grafana's dashboard as a file; that its queries find something is tested with a Prometheus (tests/e2e)."""

import json
import re
from itertools import combinations
from typing import Any

from stats.endpoints.metrics import families
from tests.support.documents import ROOT

DASHBOARD: Any = json.loads((ROOT / "dashboards/grafana.json").read_text())
PANELS: list[Any] = DASHBOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]


def test_its_rows() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Overview", "Usage by window", "Inventory", "Freshness"]


def test_its_data_source_is_chosen_when_it_is_looked_at() -> None:
    [first, *others] = DASHBOARD["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(variable["datasource"] == chosen for variable in others)
    assert all(each["datasource"] == chosen for panel in SHOWN for each in [panel, *panel["targets"]])
    assert "__inputs" not in DASHBOARD
    assert "id" not in DASHBOARD  # a new one is given to what is imported


def test_every_query_is_about_the_chosen_instance_and_shown() -> None:
    for panel in SHOWN:
        for target in panel["targets"]:
            selectors = re.findall(r"\{.*?\}", target["expr"])
            assert selectors
            assert all('job="$job", instance="$instance"' in selector for selector in selectors)
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert panel["description"]


def test_panels_have_a_place_of_their_own() -> None:
    numbers = [panel["id"] for panel in PANELS]
    assert len(set(numbers)) == len(numbers)
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_it_shows_every_metric_of_today() -> None:
    """A later one is in the table of all numbers by itself."""
    queries = " ".join(target["expr"] for panel in SHOWN for target in panel["targets"])
    shown = set(re.findall(r"openl2m_\w+", queries))
    names = {family.name + ("_total" if family.is_counter else "") for family in families()}
    assert shown - {"openl2m_", "openl2m_stats_"} <= names | {"openl2m_stats_info", "openl2m_stats_timestamp_seconds"}
    assert len(shown & names) >= 17
    assert '{__name__=~"openl2m_.+"' in queries

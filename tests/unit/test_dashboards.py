"""Grafana's dashboards as files; that their queries find something is tested with a Prometheus (tests/e2e)."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from stats.endpoints.metrics import families
from tests.support.documents import ROOT

FILES = sorted((ROOT / "dashboards").glob("grafana*.json"))
DASHBOARDS: list[Any] = [json.loads(path.read_text()) for path in FILES]
PROMETHEUS: Any = json.loads((ROOT / "dashboards/grafana.json").read_text())
ALERTS: Any = yaml.safe_load((ROOT / "dashboards/alerts.yaml").read_text())


def shown(dashboard: Any) -> list[Any]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


SHOWN = shown(PROMETHEUS)
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=[path.stem for path in FILES])


def test_rows_over_prometheus() -> None:
    rows = [panel["title"] for panel in PROMETHEUS["panels"] if panel["type"] == "row"]
    assert rows == [
        "Overview",
        "Today and a week ago",
        "Usage by window",
        "Logins, errors and views",
        "Inventory",
        "Freshness",
    ]


@each_dashboard
def test_the_data_source_is_chosen_when_it_is_looked_at(dashboard: Any) -> None:
    [first, *others] = dashboard["templating"]["list"]
    assert (first["name"], first["type"]) == ("datasource", "datasource")
    chosen = {"type": first["query"], "uid": "${datasource}"}
    assert all(variable["datasource"] == chosen for variable in others)
    assert all(each["datasource"] == chosen for panel in shown(dashboard) for each in [panel, *panel["targets"]])
    assert "__inputs" not in dashboard
    assert "id" not in dashboard  # a new one is given to what is imported


def test_they_can_be_imported_side_by_side() -> None:
    for name in ("uid", "title"):
        assert len({dashboard[name] for dashboard in DASHBOARDS}) == len(DASHBOARDS)


@each_dashboard
def test_panels_are_described_and_have_a_place_of_their_own(dashboard: Any) -> None:
    assert all(len(panel["description"]) > 4 for panel in shown(dashboard))
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
    for panel in shown(dashboard):
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) >= 1


def test_every_query_is_about_the_chosen_stacks() -> None:
    for panel in SHOWN:
        for target in panel["targets"]:
            selectors = re.findall(r"\{.*?\}", target["expr"])
            assert selectors
            assert all('job=~"$job", stack=~"$stack", instance=~"$instance"' in selector for selector in selectors)


def test_all_can_be_chosen_and_also_finds_targets_without_the_label() -> None:
    job, *others = PROMETHEUS["templating"]["list"][1:]
    assert [variable["name"] for variable in others] == ["stack", "instance"]
    for variable in (job, *others):
        assert variable["includeAll"]
        assert variable["current"]["value"] == ["$__all"]
    # The job must not: `up` is there for every one.
    assert ["allValue" in variable for variable in (job, *others)] == [False, True, True]
    assert {variable["allValue"] for variable in others} == {".*"}


def test_what_is_now_is_an_instant_query_that_says_when_nothing_is() -> None:
    """The last value in a range is that of a stack that may be gone for days."""
    stats = [panel for panel in SHOWN if panel["type"] == "stat"]
    assert len(stats) > 10
    for panel in stats:
        assert panel["fieldConfig"]["defaults"]["noValue"] == "not scraped"
    for panel in SHOWN:
        for target in panel["targets"]:
            assert bool(target.get("instant")) == (panel["type"] != "timeseries")
            assert bool(target.get("instant")) == (target.get("range") is False)


def test_gaps_are_not_bridged() -> None:
    graphs = [panel for panel in SHOWN if panel["type"] == "timeseries"]
    assert all(panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False for panel in graphs)


def test_it_shows_every_metric_of_today() -> None:
    """A later one is in the table of all numbers by itself."""
    queries = " ".join(target["expr"] for panel in SHOWN for target in panel["targets"])
    shown = set(re.findall(r"openl2m_\w+", queries))
    names = {family.name + ("_total" if family.is_counter else "") for family in families()}
    own = {"openl2m_stats_info", "openl2m_stats_timestamp_seconds", "openl2m_stats_snapshot_timestamp_seconds"}
    assert shown - {"openl2m_", "openl2m_stats_"} <= names | own
    assert len(shown & names) >= 17
    assert '{__name__=~"openl2m_.+"' in queries


def test_alerts_name_the_stack_and_have_a_runbook() -> None:
    """The runbook is a heading of docs/operate.md."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs/operate.md").read_text(), re.MULTILINE)
    alerts = [rule for group in ALERTS["groups"] for rule in group["rules"] if "alert" in rule]
    assert len(alerts) == 7
    for alert in alerts:
        assert "or $labels.stack $labels.instance" in alert["annotations"]["summary"]
        assert alert["annotations"]["runbook_url"] == f"docs/operate.md#{alert['alert'].lower()}"
        assert alert["alert"] in headings


def test_the_alerts_know_the_inventory_as_the_catalogue_does() -> None:
    """Entries of the log are deleted on purpose, and tokens come and go."""
    [recorded] = [rule for group in ALERTS["groups"] for rule in group["rules"] if "record" in rule]
    [names] = re.findall(r"openl2m_\((.*?)\)", recorded["expr"])
    database = {f.name.removeprefix("openl2m_") for f in families() if f.statistics[0].section == "database"}
    assert set(names.split("|")) == database - {"switches", "log_entries", "api_tokens"}

"""Grafana's panels as JSON, which both dashboards share.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Panel = dict[str, Any]
Step = tuple[float | None, str]  # from this value on, this color; None is the lowest

WIDTH = 24
NUMBER = {"unit": "locale", "decimals": 0}


class Row(NamedTuple):
    """Panels under a title, laid out from left to right."""

    title: str
    panels: tuple[Panel, ...]


def stat(title: str, description: str, targets: Sequence[Any], defaults: Mapping[str, Any], width: int = 4) -> Panel:
    """Return a panel that shows the last value of each series, with its name if there are several."""
    return {
        "size": (width, 4),
        "type": "stat",
        "title": title,
        "description": description,
        "targets": targets,
        "fieldConfig": _field_config({"color": {"mode": "thresholds"}, "mappings": [], **defaults}),
        "options": {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
            "wideLayout": True,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    }


def graph(
    title: str,
    description: str,
    targets: Sequence[Any],
    defaults: Mapping[str, Any] = NUMBER,
    *,
    overrides: Sequence[Any] = (),
    width: int = 12,
) -> Panel:
    """Return a panel that draws series over time. A step lasts until the next value; nothing is drawn across a gap."""
    custom = {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 10,
        "showPoints": "never",
        "spanNulls": False,
        **defaults.get("custom", {}),
    }
    settings = {"color": {"mode": "palette-classic"}, "mappings": [], **defaults, "custom": custom}
    return {
        "size": (width, 8),
        "type": "timeseries",
        "title": title,
        "description": description,
        "targets": targets,
        "fieldConfig": _field_config(settings, overrides),
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    }


def table(
    title: str,
    description: str,
    targets: Sequence[Any],
    transformations: Sequence[Any],
    *,
    overrides: Sequence[Any] = (),
    height: int = 12,
) -> Panel:
    """Return a panel with a table."""
    return {
        "size": (WIDTH, height),
        "type": "table",
        "title": title,
        "description": description,
        "targets": targets,
        "fieldConfig": _field_config({**NUMBER, "custom": {"align": "auto", "filterable": True}}, overrides),
        "options": {"showHeader": True, "cellHeight": "sm"},
        "transformations": transformations,
    }


def thresholds(*steps: Step) -> dict[str, Any]:
    """Return colors by value."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in steps]}


def override(matcher: str, options: Any, **properties: Any) -> dict[str, Any]:
    """Return settings of the fields that a matcher finds. In a property's name, two underscores are a dot."""
    found = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": options}, "properties": found}


def query_variable(name: str, label: str, query: Any, definition: str, **settings: Any) -> dict[str, Any]:
    """Return a variable whose values a query finds, one or several of them or all. All is the default."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "definition": definition,
        "query": query,
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "skipUrlSync": False,
        "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        **settings,
    }


def dashboard(plugin: str, variables: Sequence[Any], rows: Sequence[Row], **settings: Any) -> str:
    """Return a dashboard as the text of its file. `plugin` is the type of its data source, chosen at the top."""
    source = {"type": plugin, "uid": "${datasource}"}
    chooser = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": plugin,
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
        "options": [],
        "current": {},
    }
    whole = {
        "tags": ["openl2m"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "timepicker": {},
        "links": [],
        "annotations": {"list": []},
        **settings,
        "templating": {"list": [chooser, *({**each, "datasource": source} for each in variables)]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_placed(rows, source), start=1)],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _placed(rows: Sequence[Row], source: Mapping[str, str]) -> Iterator[Panel]:
    top = 0
    for row in rows:
        place = {"h": 1, "w": WIDTH, "x": 0, "y": top}
        yield {"type": "row", "title": row.title, "gridPos": place, "collapsed": False, "panels": []}
        top += 1
        left = highest = 0
        for panel in row.panels:
            width, height = panel.pop("size")
            if left + width > WIDTH:
                left, top, highest = 0, top + highest, 0
            targets = [
                {"datasource": source, "refId": chr(ord("A") + number), **target}
                for number, target in enumerate(panel["targets"])
            ]
            place = {"h": height, "w": width, "x": left, "y": top}
            yield {**panel, "gridPos": place, "datasource": source, "targets": targets}
            left, highest = left + width, max(highest, height)
        top += highest


def _field_config(defaults: Mapping[str, Any], overrides: Sequence[Any] = ()) -> dict[str, Any]:
    return {"defaults": defaults, "overrides": list(overrides)}

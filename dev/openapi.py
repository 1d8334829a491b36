"""The schemas in docs/openapi.yaml that follow from the catalogue."""

from typing import Any

import yaml

from stats.numbers.catalogue import COUNTERS, STATISTICS, Statistic
from stats.numbers.windows import Window

WINDOWS = {
    Window.LAST_HOUR: "last hour",
    Window.TODAY: "today",
    Window.LAST_7_DAYS: "last 7 days",
    Window.LAST_31_DAYS: "last 31 days",
    None: "–",
}


def schema() -> str:
    """Return the schemas of the document and of the history, as YAML."""
    sections: dict[str, Any] = {}
    history: dict[str, Any] = {
        "from": {"type": "string", "format": "date"},
        "to": {"type": "string", "format": "date"},
        "time_zone": {"description": "OpenL2M's time zone, to which the days belong.", "type": "string"},
        "partial": {
            "description": "Today, if it is in the range: that day is not over.",
            "type": ["string", "null"],
            "format": "date",
        },
        "days": {"type": "array", "items": {"type": "string", "format": "date"}},
        "backfilled": {
            "description": "The days whose numbers were calculated later, from OpenL2M's log.",
            "type": "array",
            "items": {"type": "string", "format": "date"},
        },
    }
    for statistic in STATISTICS:
        sections.setdefault(statistic.section, {})[statistic.key] = _property(statistic)
    for section, keys in sections.items():
        # A number that cannot be read is left out.
        sections[section] = {"type": "object", "properties": keys}
        series = {"$ref": "#/components/schemas/Series"}
        history[section] = {"type": "object", "required": list(keys), "additionalProperties": series}
    del sections[COUNTERS]
    schemas = {"Document": _object(sections), "History": _object(history)}
    text = yaml.safe_dump(schemas, sort_keys=False, allow_unicode=True, width=116)
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _property(statistic: Statistic) -> dict[str, Any]:
    window = "" if statistic.window is None else f" Window: {WINDOWS[statistic.window]}."
    return {
        "$ref": "#/components/schemas/Statistic",
        "description": statistic.counts + window,
        "properties": {"label": {"const": statistic.label}},
    }

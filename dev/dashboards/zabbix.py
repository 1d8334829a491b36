"""dashboards/zabbix.yaml: a template for Zabbix 6.0 and later, over `/metrics`.

One item fetches the metrics, and every other one picks its number from that.
https://www.zabbix.com/documentation/6.0/en/manual/xml_export_import/templates
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from stats.endpoints.metrics import Family, families
from stats.numbers.catalogue import Statistic

TEMPLATE = "OpenL2M statistics"
MASTER = "openl2m.metrics"
READ_AT = "openl2m.read_at"
SNAPSHOT_AT = "openl2m.snapshot_at"

_HEADER = """\
# A template for Zabbix 6.0 and later, over /metrics. `make docs` writes it.
# docs/monitoring.md says how to import and use it.
"""
_GROUP = "Templates/Applications"
_MACROS = (
    ("{$OPENL2M.URL}", "https://stats.example.com", "The address of the API, without a path."),
    ("{$OPENL2M.INTERVAL}", "5m", "How often Zabbix fetches the numbers."),
    ("{$OPENL2M.MAX.AGE}", "15m", "How old the numbers may be."),
    ("{$OPENL2M.SNAPSHOT.MAX.AGE}", "1h", "How old the newest snapshot may be: three times the time between two."),
    ("{$OPENL2M.FAILED.LOGINS}", "20", "How many logins may fail within an hour."),
    ("{$OPENL2M.ACCESS.DENIED}", "20", "How often access may be denied within an hour."),
)


def text() -> str:
    """Return the file."""
    template = {
        **_identified("template", TEMPLATE),
        "template": TEMPLATE,
        "name": TEMPLATE,
        "description": "The statistics of an OpenL2M, from the metrics of openl2m-stats.",
        "groups": [{"name": _GROUP}],
        "items": list(_items()),
        "macros": [
            {"macro": "{$OPENL2M.KEY}", "type": "SECRET_TEXT", "description": "The key of a token for Zabbix alone."},
            *({"macro": name, "value": value, "description": meaning} for name, value, meaning in _MACROS),
        ],
    }
    groups = [{**_identified("group", _GROUP), "name": _GROUP}]
    export = {"zabbix_export": {"version": "6.0", "groups": groups, "templates": [template]}}
    return _HEADER + yaml.safe_dump(export, sort_keys=False, width=120, allow_unicode=True)


def _items() -> Iterator[dict[str, Any]]:
    yield {
        **_identified("item", MASTER),
        "name": "OpenL2M: metrics",
        "type": "HTTP_AGENT",
        "key": MASTER,
        "delay": "{$OPENL2M.INTERVAL}",
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "timeout": "15s",
        "url": "{$OPENL2M.URL}/metrics",
        "follow_redirects": "NO",
        "headers": [{"name": "Authorization", "value": "Token {$OPENL2M.KEY}"}],
    }
    for family in families():
        for statistic in family.statistics:
            yield _dependent(
                _key(statistic),
                statistic.label,
                _pattern(family, statistic),
                statistic.counts,
                triggers=_TRIGGERS.get(statistic.key, ()),
            )
    yield _dependent(
        READ_AT,
        "Read at",
        "openl2m_stats_timestamp_seconds",
        "When the numbers were read from the database.",
        units="unixtime",
        triggers=(
            ("The statistics of OpenL2M are old", f"now()-{_last(READ_AT)}>{{$OPENL2M.MAX.AGE}}", "WARNING"),
            ("There are no statistics of OpenL2M", f"nodata(/{TEMPLATE}/{READ_AT},{{$OPENL2M.MAX.AGE}})=1", "AVERAGE"),
        ),
    )
    yield _dependent(
        SNAPSHOT_AT,
        "Newest snapshot at",
        "openl2m_stats_snapshot_timestamp_seconds",
        "When the newest snapshot was taken. Not supported where no snapshots are taken.",
        units="unixtime",
        triggers=(
            (
                "The snapshots of OpenL2M's statistics have stopped",
                f"now()-{_last(SNAPSHOT_AT)}>{{$OPENL2M.SNAPSHOT.MAX.AGE}}",
                "WARNING",
            ),
        ),
    )


def _dependent(
    key: str,
    label: str,
    pattern: str,
    description: str,
    *,
    units: str = "",
    triggers: Sequence[tuple[str, str, str]] = (),
) -> dict[str, Any]:
    return {
        **_identified("item", key),
        "name": f"OpenL2M: {label}",
        "type": "DEPENDENT",
        "key": key,
        "delay": "0",
        # From a million on, the metrics write numbers like 1.246e+06, which Zabbix takes for no whole number.
        "value_type": "FLOAT",
        **({"units": units} if units else {}),
        "description": description,
        "preprocessing": [{"type": "PROMETHEUS_PATTERN", "parameters": [pattern, "value", ""]}],
        "master_item": {"key": MASTER},
        **({"triggers": [_trigger(*each) for each in triggers]} if triggers else {}),
    }


def _trigger(name: str, expression: str, priority: str) -> dict[str, str]:
    return {**_identified("trigger", name), "expression": expression, "name": name, "priority": priority}


def _key(statistic: Statistic) -> str:
    return f"openl2m.{statistic.key}"


def _pattern(family: Family, statistic: Statistic) -> str:
    window = f'{{window="{statistic.window.value}"}}' if statistic.window else ""
    return f"{family.name}{'_total' * family.is_counter}{window}"


def _last(key: str) -> str:
    return f"last(/{TEMPLATE}/{key})"


def _rise(key: str, limit: str) -> str:
    path = f"/{TEMPLATE}/openl2m.{key}"
    return f"last({path})-min({path},1h)>{limit}"


_SWITCHES = _last("openl2m.switches")
_MOST_SWITCHES = f"max(/{TEMPLATE}/openl2m.switches,6h)"
_TRIGGERS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "failed_logins": [
        ("Many logins to OpenL2M fail", _rise("failed_logins", "{$OPENL2M.FAILED.LOGINS}"), "WARNING"),
    ],
    "access_denied": [
        ("OpenL2M often denies access", _rise("access_denied", "{$OPENL2M.ACCESS.DENIED}"), "WARNING"),
    ],
    "switches": [
        (
            "OpenL2M has lost many of its switches",
            f"{_SWITCHES}<0.9*{_MOST_SWITCHES} and {_SWITCHES}<={_MOST_SWITCHES}-5",
            "WARNING",
        ),
    ],
}


def _identified(kind: str, name: str) -> dict[str, str]:
    """Return an identifier that stays the same, so that importing the template again updates it."""
    digest = hashlib.sha256(f"openl2m-stats {kind} {name}".encode()).digest()
    return {"uuid": uuid.UUID(bytes=digest[:16], version=4).hex}

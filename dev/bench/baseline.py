"""The statistics as OpenL2M reads them: a statement for each, and one more for each switch group.

Written from the meaning of its numbers and the predicates of its statements. Without the three statements, one of
them an INSERT, that authenticate a request. Its TIME_ZONE is UTC here.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from stats.database.engines import engine_of
from stats.numbers.windows import bounds

Run = Callable[[str], Sequence[Sequence[Any]]]

_TABLES = {
    "vlans": "switches_vlan",
    "vlan_groups": "switches_vlangroup",
    "snmp_profiles": "switches_snmpprofile",
    "credentials_profiles": "switches_netmikoprofile",
    "commands": "switches_command",
    "command_lists": "switches_commandlist",
    "api_tokens": "users_token",
    "log_entries": "switches_log",
}
_GROUP_COLUMNS = """id, name, display_name, description, read_only, allow_poe_toggle, edit_if_descr, comments,
bulk_edit, allow_all_vlans, read_hardware_details"""


def numbers(run: Run, dialect: str, now: datetime) -> dict[str, int]:
    """Return the 30 numbers by their keys at the instant `now`; `run` runs one statement and returns its rows."""

    def count(source: str) -> int:
        return int(run(f"SELECT COUNT(*) FROM {source}")[0][0])

    def counter(name: str) -> int:
        rows = run(f"SELECT id, name, description, value FROM counters_counter WHERE name = '{name}' LIMIT 21")
        return int(rows[0][3])

    found = {"switches": count("switches_switch")}
    groups = run(f"SELECT {_GROUP_COLUMNS} FROM switches_switchgroup ORDER BY name")
    members = [count(f"switches_switchgroupmembership WHERE switchgroup_id = {group[0]}") for group in groups]
    found["switchgroups"] = sum(number > 0 for number in members)
    for key, table in _TABLES.items():
        found[key] = count(table)
    for window, inside in _windows(dialect, now).items():
        seen = "type IN (0, 1) AND " if window in {"last_hour", "today"} else ""
        found[f"devices_{window}"] = count(_distinct("switch_id", f"{seen}switch_id IS NOT NULL AND {inside}"))
        found[f"changes_{window}"] = count(f"switches_log WHERE type = 1 AND {inside}")
        found[f"users_{window}"] = count(_distinct("user_id", f"type = 5 AND {inside}"))
        if window != "last_hour":
            found[f"api_calls_{window}"] = count(f"switches_log WHERE type = 5 AND action = 95 AND {inside}")
            found[f"commands_{window}"] = count(f"switches_log WHERE type = 4 AND {inside}")
    found["changes_total"] = counter("changes")
    found["commands_total"] = counter("commands")
    return found


def _distinct(column: str, where: str) -> str:
    return f"(SELECT DISTINCT {column} FROM switches_log WHERE {where}) found"


def _windows(dialect: str, now: datetime) -> dict[str, str]:
    """Return the conditions for rows in each window."""
    literal = engine_of("postgres" if dialect == "postgresql" else dialect).literal
    starts = bounds(now, UTC)
    # The date of a row in UTC, which no index on the timestamp helps with.
    date = "(timestamp AT TIME ZONE 'UTC')::date" if dialect == "postgresql" else "DATE(timestamp)"
    return {
        "last_hour": f"timestamp >= {literal(starts.last_hour)}",
        "today": f"{date} = '{now.astimezone(UTC).date()}'",
        "last_7_days": f"timestamp >= {literal(starts.last_7_days)}",
        "last_31_days": f"timestamp >= {literal(starts.last_31_days)}",
    }

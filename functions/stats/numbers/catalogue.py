"""The statistics, as data.

What each number means is OpenL2M 4.2.6's own rule, quirks included. To add a statistic, add a line
to STATISTICS: the SQL, the JSON, the metrics, the grants, the doctor's check and, by `make docs`, the documents follow.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stats.numbers.windows import Window

VIEW, CHANGE, COMMAND, LOGIN = 0, 1, 4, 5  # switches_log.type; LOGIN is also for logouts and API calls
API_CALL = 95  # switches_log.action

COUNTERS = "counters"  # the section of counters that neither OpenL2M nor `/api/stats/` shows


# Every cold start creates these classes; a frozen dataclass takes seven times as long to create as a named tuple.
class Rows(NamedTuple):
    """All rows of a table."""

    table: str


class Distinct(NamedTuple):
    """The distinct values of a column, without NULL."""

    table: str
    column: str


class Counter(NamedTuple):
    """A running total that OpenL2M keeps in counters_counter; 0 when its row is absent."""

    name: str


class LogRows(NamedTuple):
    """Rows of switches_log of one type, and optionally one action, in a window."""

    type: int
    window: Window
    action: int | None = None


class LogDevices(NamedTuple):
    """The distinct switches in rows of switches_log, of the given types or of any, in a window."""

    window: Window
    types: tuple[int, ...] | None = None


class LogUsers(NamedTuple):
    """The distinct users in rows of switches_log of one type, in a window.

    All rows without a user (failed logins) count as one more user, together.
    """

    type: int
    window: Window


Measure = Rows | Distinct | Counter | LogRows | LogDevices | LogUsers


class Statistic(NamedTuple):
    """One number, `{key: {"label": label, "value": …}}` within its section.

    `family` is its OpenMetrics family, without the prefix `openl2m_`. `counts` says in the documents what it
    counts, without the window.
    """

    section: str
    key: str
    label: str
    family: str
    measure: Measure
    counts: str

    @property
    def window(self) -> Window | None:
        """Its time window, if any."""
        return None if isinstance(self.measure, Rows | Distinct | Counter) else self.measure.window


# {section: {key: {"label": str, "value": int}}}, in the order of STATISTICS.
Document = dict[str, dict[str, dict[str, str | int]]]

_HOUR, _TODAY, _7, _31 = Window
_SEEN = (VIEW, CHANGE)

_SEEN_DEVICES = "Devices that someone viewed or changed."
_ANY_DEVICES = "Devices with a log entry of any type."
_CHANGES = "Changes made to devices."
_USERS = (
    "Users who logged in or out or called the API; all such entries without a user, such as failed logins, add one."
)
_API_CALLS = "Calls of OpenL2M's REST API."
_COMMANDS = "Commands run on devices."
_SINCE = "since OpenL2M was installed."

# fmt: off
STATISTICS = (
    Statistic("database", "switches", "Switches", "switches", Rows("switches_switch"), "Switches."),
    Statistic("database", "switchgroups", "Switch Groups", "switch_groups", Distinct("switches_switchgroupmembership", "switchgroup_id"), "Switch groups with at least one switch."),
    Statistic("database", "vlans", "Vlans", "vlans", Rows("switches_vlan"), "VLANs."),
    Statistic("database", "vlan_groups", "Vlan Groups", "vlan_groups", Rows("switches_vlangroup"), "VLAN groups."),
    Statistic("database", "snmp_profiles", "SNMP Profiles", "snmp_profiles", Rows("switches_snmpprofile"), "SNMP profiles."),
    Statistic("database", "credentials_profiles", "Credentials Profiles", "credentials_profiles", Rows("switches_netmikoprofile"), "Credentials profiles, with which OpenL2M logs in to devices."),
    Statistic("database", "commands", "Commands", "commands", Rows("switches_command"), "Commands that users can run on devices."),
    Statistic("database", "command_lists", "Command Lists", "command_lists", Rows("switches_commandlist"), "Lists of commands."),
    Statistic("database", "api_tokens", "API Tokens", "api_tokens", Rows("users_token"), "API tokens, expired ones included."),
    Statistic("database", "log_entries", "Log Entries", "log_entries", Rows("switches_log"), "Entries of the activity log."),
    Statistic("usage", "devices_last_hour", "Devices in last hour", "active_devices", LogDevices(_HOUR, _SEEN), _SEEN_DEVICES),
    Statistic("usage", "devices_today", "Devices today", "active_devices", LogDevices(_TODAY, _SEEN), _SEEN_DEVICES),
    Statistic("usage", "devices_last_7_days", "Devices last 7 days", "active_devices", LogDevices(_7), _ANY_DEVICES),
    Statistic("usage", "devices_last_31_days", "Devices Last 31 Days", "active_devices", LogDevices(_31), _ANY_DEVICES),
    Statistic("usage", "changes_last_hour", "Changes in last hour", "recent_changes", LogRows(CHANGE, _HOUR), _CHANGES),
    Statistic("usage", "changes_today", "Changes today", "recent_changes", LogRows(CHANGE, _TODAY), _CHANGES),
    Statistic("usage", "changes_last_7_days", "Changes last 7 days", "recent_changes", LogRows(CHANGE, _7), _CHANGES),
    Statistic("usage", "changes_last_31_days", "Changes last 31 days", "recent_changes", LogRows(CHANGE, _31), _CHANGES),
    Statistic("usage", "changes_total", "Total Changes", "changes", Counter("changes"), "Changes made since OpenL2M was installed."),
    Statistic("usage", "users_last_hour", "Users in last hour", "active_users", LogUsers(LOGIN, _HOUR), _USERS),
    Statistic("usage", "users_today", "Users today", "active_users", LogUsers(LOGIN, _TODAY), _USERS),
    Statistic("usage", "users_last_7_days", "Users last 7 days", "active_users", LogUsers(LOGIN, _7), _USERS),
    Statistic("usage", "users_last_31_days", "Users last 31 days", "active_users", LogUsers(LOGIN, _31), _USERS),
    Statistic("usage", "api_calls_today", "API calls today", "recent_api_calls", LogRows(LOGIN, _TODAY, API_CALL), _API_CALLS),
    Statistic("usage", "api_calls_last_7_days", "API calls last 7 days", "recent_api_calls", LogRows(LOGIN, _7, API_CALL), _API_CALLS),
    Statistic("usage", "api_calls_last_31_days", "API calls last 31 days", "recent_api_calls", LogRows(LOGIN, _31, API_CALL), _API_CALLS),
    Statistic("usage", "commands_today", "Commands today", "recent_commands", LogRows(COMMAND, _TODAY), _COMMANDS),
    Statistic("usage", "commands_last_7_days", "Commands last 7 days", "recent_commands", LogRows(COMMAND, _7), _COMMANDS),
    Statistic("usage", "commands_last_31_days", "Commands last 31 days", "recent_commands", LogRows(COMMAND, _31), _COMMANDS),
    Statistic("usage", "commands_total", "Total Commands", "executed_commands", Counter("commands"), "Commands run since OpenL2M was installed."),
    Statistic(COUNTERS, "logins", "Logins", "logins", Counter("logins"), f"Logins {_SINCE}"),
    Statistic(COUNTERS, "failed_logins", "Failed logins", "failed_logins", Counter("logins_failed"), f"Failed logins {_SINCE}"),
    Statistic(COUNTERS, "access_denied", "Access denied", "access_denied", Counter("access_denied"), f"Times that a user was denied access {_SINCE}"),
    Statistic(COUNTERS, "errors", "Errors", "errors", Counter("errors"), f"Errors {_SINCE}"),
    Statistic(COUNTERS, "warnings", "Warnings", "warnings", Counter("warnings"), f"Warnings {_SINCE}"),
    Statistic(COUNTERS, "views", "Views", "views", Counter("views"), f"Views of devices {_SINCE}"),
    Statistic(COUNTERS, "detail_views", "Detail views", "detail_views", Counter("detailviews"), f"Views of devices with details {_SINCE}"),
    Statistic(COUNTERS, "bulk_edits", "Bulk edits", "bulk_edits", Counter("bulkedits"), f"Edits of several interfaces at once {_SINCE}"),
    Statistic(COUNTERS, "hardware_views", "Hardware views", "hardware_views", Counter("hwinfo"), f"Views of devices' hardware information {_SINCE}"),
)
# fmt: on
SERVED = tuple(statistic for statistic in STATISTICS if statistic.section != COUNTERS)  # by `/api/stats/`


def columns(statistics: Iterable[Statistic] = STATISTICS) -> dict[str, tuple[str, ...]]:
    """Return `{table: columns}` that the database user must be able to read."""
    # COUNT(*) needs the right to read at least one column.
    return {table: names or ("id",) for table, names in needed(statistics).items()}


def needed(statistics: Iterable[Statistic]) -> dict[str, tuple[str, ...]]:
    """Return `{table: columns}` that the statistics use; no columns where they only count rows."""
    tables: dict[str, dict[str, None]] = {}
    for statistic in statistics:
        table, *names = _columns(statistic.measure)
        tables.setdefault(table, {}).update(dict.fromkeys(names))
    return {table: tuple(names) for table, names in tables.items()}


def _columns(measure: Measure) -> tuple[str, ...]:
    """Return the table, and its columns that are used."""
    match measure:
        case Rows(table):
            return (table,)
        case Distinct(table, column):
            return (table, column)
        case Counter():
            return ("counters_counter", "name", "value")
        case LogRows(action=None):
            return ("switches_log", "timestamp", "type")
        case LogRows():
            return ("switches_log", "timestamp", "type", "action")
        case LogDevices(types=None):
            return ("switches_log", "timestamp", "switch_id")
        case LogDevices():
            return ("switches_log", "timestamp", "type", "switch_id")
        case LogUsers():
            return ("switches_log", "timestamp", "type", "user_id")

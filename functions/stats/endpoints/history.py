"""`/api/stats/history/`: the numbers of a range of days in TIME_ZONE, as JSON or CSV."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

from stats.app import App
from stats.base.deadline import Deadline
from stats.http.accept import preference
from stats.http.parameters import bad, one
from stats.http.request import Request
from stats.http.response import Answer, ProblemError, entity_tag
from stats.numbers.catalogue import STATISTICS
from stats.snapshots.months import Row, is_backfilled

_MOST_DAYS = 366
_DEFAULT_DAYS = 31
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_JSON, _CSV = "application/json", "text/csv"


def answer(app: App, request: Request, deadline: Deadline) -> Answer:
    """Return the numbers of the days in the query. Raise ProblemError or UnavailableError."""
    if app.history is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no history: no bucket for snapshots is configured.")
    zone = app.settings.time_zone
    today = deadline.now.astimezone(zone).date()
    first, last = _range(request, today)
    form = one(request, "format")
    if form not in {None, "csv", "json"}:
        raise bad("The parameter format is not csv or json.")
    days = app.history.days(first, last, deadline)
    is_csv = form == "csv" if form else _prefers_csv(request.headers.get("accept", []))
    body = _csv(days) if is_csv else _json(days, zone.key, today.isoformat())
    headers = {
        "ETag": entity_tag(body),
        "Cache-Control": f"private, max-age={app.settings.cache_ttl_seconds}",
        "Vary": "Accept, Authorization",
    }
    return Answer(body, f"{_CSV}; charset=utf-8" if is_csv else _JSON, headers)


def _range(request: Request, today: date) -> tuple[date, date]:
    """Return the first and last day in the query. Raise ProblemError."""
    last = _day(request, "to") or today
    first = _day(request, "from") or date.fromordinal(max(last.toordinal() - _DEFAULT_DAYS + 1, 1))
    if first > last:
        until = "to" if "to" in request.query else "today, which is the default of to"
        raise bad(f"The parameter from is after {until}.")
    if last - first >= timedelta(days=_MOST_DAYS):
        raise bad(f"The parameters from and to are too far apart: {_MOST_DAYS} days is the most.")
    return first, last


def _day(request: Request, name: str) -> date | None:
    value = one(request, name)
    if value is None:
        return None
    try:
        # fromisoformat() accepts other forms, too, and digits of other scripts.
        return date.fromisoformat(value if _DATE.fullmatch(value) else "")
    except ValueError:
        raise bad(f"The parameter {name} is not a date: it takes YYYY-MM-DD, such as 2026-11-23.") from None


def _prefers_csv(accept: Sequence[str]) -> bool:
    csv_weight, json_weight = (
        preference(accept, (name, f"{name.partition('/')[0]}/*", "*/*")) for name in (_CSV, _JSON)
    )
    return csv_weight > json_weight


def _json(days: Mapping[str, Row | None], time_zone: str, today: str) -> str:
    document: dict[str, Any] = {
        "from": min(days),
        "to": max(days),
        "time_zone": time_zone,
        "partial": today if today in days else None,
        "days": list(days),
        "backfilled": [day for day, row in days.items() if row and is_backfilled(row)],
    }
    for statistic in STATISTICS:
        values = [_value(row, statistic.key) for row in days.values()]
        document.setdefault(statistic.section, {})[statistic.key] = {"label": statistic.label, "values": values}
    return json.dumps(document, separators=(",", ":"))


def _csv(days: Mapping[str, Row | None]) -> str:
    text = io.StringIO()
    lines = csv.writer(text)  # the default follows RFC 4180 and writes None as an empty field
    lines.writerow(["day", "source", *(statistic.key for statistic in STATISTICS)])
    for day, row in days.items():
        source = "" if row is None else "backfill" if is_backfilled(row) else "snapshot"
        lines.writerow([day, source, *(_value(row, statistic.key) for statistic in STATISTICS)])
    return text.getvalue()


def _value(row: Row | None, key: str) -> int | None:
    value = row["values"].get(key) if row else None
    # Another version, or somebody by hand, may have written anything.
    return value if type(value) is int else None

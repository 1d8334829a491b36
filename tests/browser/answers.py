"""What the tests of the page answer in the place of the API, and what they do in common."""

import json
import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from axe_playwright_python.sync_playwright import Axe

from openl2m_stats.local import demo
from stats.numbers.catalogue import COUNTERS, SERVED, STATISTICS
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
NUMBERS = SERVED  # the page shows these with or without a history


def numbers(url: str) -> dict[str, int]:
    """Return what the API answers, by label."""
    request = Request(f"{url}api/stats/", headers={"Authorization": f"Token {demo.TOKEN}"})
    with urlopen(request) as answer:
        document = json.load(answer)
    return {entry["label"]: entry["value"] for section in document.values() for entry in section.values()}


def history(
    *,
    gaps: Collection[int] = (),
    backfilled: int | None = None,
    value: Callable[[int], int | None] = lambda ago: 1029 - ago,
    zone: str | None = "UTC",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    counters: bool = False,
) -> Callable[[Any], None]:
    """Return what answers for the history, by how many days ago a day is.

    Days in `gaps` have no values; from `backfilled` days ago back, days are backfilled. Without a zone, the answer is
    that of a version that names none.
    """

    def answer(route: Any) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        today = now().astimezone(ZoneInfo(zone or "UTC")).date()
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query.get("to", str(today)))
        agos = list(range((today - first).days, (today - last).days - 1, -1))
        assert len(agos) <= 366, query
        days = {ago: str(today - timedelta(days=ago)) for ago in agos}
        told = [ago for ago in agos if backfilled is not None and ago >= backfilled and ago not in gaps]
        body: dict[str, Any] = {"from": str(first), "to": str(last), "days": list(days.values())}
        if zone:
            body |= {"time_zone": zone, "partial": str(today) if 0 in agos else None}
        body |= {"backfilled": [days[ago] for ago in told], "database": {}, "usage": {}}
        for statistic in STATISTICS if counters else SERVED:
            logged = statistic.window is not None
            values = [None if ago in gaps or (ago in told and not logged) else value(ago) for ago in agos]
            if statistic.section == COUNTERS:
                values = [None if value is None else value - 529 for value in values]
            body.setdefault(statistic.section, {})[statistic.key] = {"label": statistic.label, "values": values}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    return answer


def problem(status: int, **headers: str) -> Callable[[Any], None]:
    """Return what answers with an error, as the API does."""
    named = {"cache-control": "no-store", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda route: route.fulfill(
        status=status, content_type="application/json", headers=named, body='{"detail":"No."}'
    )


def with_history(answer: Callable[[Any], None]) -> Callable[[Any], Any]:
    return lambda page: page.route("**/api/stats/history/**", answer)


def past(difference: Callable[[int], int] = lambda _days: 0, late: timedelta = timedelta()) -> Callable[[Any], None]:
    """Return what answers for a time before: today's numbers less a difference, by days ago, read `late` before it."""

    def answer(route: Any) -> None:
        [wanted] = parse_qs(urlsplit(route.request.url).query)["time"]
        read = datetime.fromisoformat(wanted) - late
        now = route.fetch(url=re.sub("at/.*", "", route.request.url))
        document = now.json()
        days = round((datetime.now(UTC) - datetime.fromisoformat(wanted)) / timedelta(days=1))
        for section in document.values():
            for entry in section.values():
                entry["value"] -= difference(days)
        route.fulfill(status=200, json=document, headers={"last-modified": format_datetime(read, usegmt=True)})

    return answer


def with_past(answer: Callable[[Any], None], history: Callable[[Any], Any] | None = None) -> Callable[[Any], Any]:
    return lambda page: [(history or FULL)(page), page.route("**/api/stats/at/**", answer)]


FULL = with_history(history())
MIXED = with_history(history(gaps=(19, 9, 7), backfilled=22))


def with_statistics(page: Any, answer: Callable[[Any], None]) -> None:
    page.route("**/api/stats/", answer)


def stored(page: Any) -> list[str]:
    found: list[str] = page.evaluate("Object.values(sessionStorage)")
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
    return found


def tiles(page: Any) -> Any:
    return page.locator("#sections button")


def tile(page: Any, label: str) -> Any:
    return tiles(page).filter(has=page.locator(".label", has_text=re.compile(rf"^{re.escape(label)}$")))


def choose(page: Any, label: str) -> None:
    tile(page, label).click()


def axe(page: Any) -> list[Any]:
    """Return what axe finds, for a message that says where."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]

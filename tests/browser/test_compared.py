"""Comparisons: with the same time yesterday and a week ago, with the period before, and of windows with each other."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.answers import (
    FULL,
    Open,
    axe,
    choose,
    history,
    past,
    problem,
    tile,
    tiles,
    with_history,
    with_past,
    with_statistics,
)


def more_by_week(days: int) -> int:
    return 3 if days == 1 else -12


def numbers(**today: int) -> Any:
    """Return what answers with numbers of today of its own."""

    def answer(route: Any) -> None:
        found = route.fetch()
        document = found.json()
        for key, value in today.items():
            document["usage"][f"{key}_today"]["value"] = value
        route.fulfill(response=found, json=document)

    return answer


def signed_in(visit: Open, **options: Any) -> Any:
    found = visit(**options)
    found.sign_in()
    expect(found.page.get_by_role("slider")).to_be_visible()
    return found.page


def test_every_number_is_compared_with_the_same_time_before(visit: Open) -> None:
    page = signed_in(visit, prepare=with_past(past(more_by_week)))
    expect(tile(page, "Switches")).to_have_text("Switches 1,246 day\u00a0+3 · week\u00a0-12")
    texts = tiles(page).all_inner_texts()
    assert all("day\u00a0+3 · week\u00a0-12" in text for text in texts)
    at = r"\d+:\d\d [AP]M"
    compared = page.locator("#compared")
    expect(compared).to_have_text(re.compile(rf"^3 more than yesterday, 12 fewer than a week ago at {at}$"))
    choose(page, "Users today")
    expect(compared).to_have_text(re.compile(rf"^3 more than yesterday, 12 fewer than a week ago at {at}$"))
    assert axe(page) == []


def test_the_times_before_that_are_served(visit: Open) -> None:
    page = signed_in(visit, prepare=lambda page: page.unroute("**/api/stats/at/**"))
    expect(tile(page, "Switches").locator(".since")).to_have_text(re.compile(r"^day\s[+-]?\d+ · week\s[+-]?\d+$"))
    expect(page.locator("#compared")).to_have_text(re.compile(r" yesterday, .* a week ago at \d+:\d\d [AP]M$"))


def test_what_did_not_change(visit: Open) -> None:
    page = signed_in(visit, prepare=with_past(past()))
    expect(tile(page, "Switches")).to_have_text("Switches 1,246 day\u00a00 · week\u00a00")
    expect(page.locator("#compared")).to_have_text(re.compile("^As many as yesterday, as many as a week ago at "))


def test_a_part_of_a_day_is_compared_with_the_same_part_only(visit: Open) -> None:
    page = signed_in(visit, prepare=with_past(past(more_by_week, timedelta(minutes=40))))
    expect(tile(page, "Switches")).to_contain_text("day\u00a0+3")
    expect(tile(page, "Total Changes")).to_contain_text("day\u00a0+3")
    for label in ("Users today", "Users in last hour", "Changes today"):
        expect(tile(page, label).locator(".since")).to_have_text("")
    expect(page.locator("#summary")).to_have_text(re.compile(r"^Today so far: .* users?\.$"))


def test_what_was_read_at_another_time_is_not_compared(visit: Open) -> None:
    page = signed_in(visit, prepare=with_past(past(more_by_week, timedelta(minutes=80))))
    page.wait_for_timeout(500)
    expect(tile(page, "Switches")).to_have_text("Switches 1,246")
    expect(page.locator("#compared")).to_have_text("")


def test_without_snapshots_of_before_it_asks_again_after_an_hour(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(page.get_by_role("slider")).to_be_visible()
    page.wait_for_timeout(500)
    calls = found.calls("/api/stats/at/")
    assert len(calls) == 2
    expect(page.locator("#compared")).to_have_text("")
    for _ in range(10):
        page.clock.run_for(120_000)
    assert len(found.calls("/api/stats/at/")) == 2
    page.route("**/api/stats/at/**", past(more_by_week))
    page.clock.fast_forward(3_600_000)
    expect(tile(page, "Switches")).to_contain_text("week\u00a0-12")


def test_the_same_time_is_that_of_clocks(visit: Open) -> None:
    # On 1 November 2026, clocks in New York went back by an hour.
    def then(route: Any) -> None:
        answer, read = route.fetch(), format_datetime(datetime(2026, 11, 2, 15, 3, tzinfo=UTC), usegmt=True)
        route.fulfill(response=answer, headers={**answer.headers, "last-modified": read})

    found = visit(prepare=with_history(history(zone="America/New_York")))
    with_statistics(found.page, then)
    found.sign_in()
    expect(found.page.get_by_role("slider")).to_be_visible()
    found.page.wait_for_timeout(500)
    asked = [parse_qs(urlsplit(call.url).query)["time"] for call in found.calls("/api/stats/at/")]
    assert asked == [["2026-11-01T15:03:00Z"], ["2026-10-26T14:03:00Z"]]


@pytest.mark.parametrize(
    ("today", "counts", "than"),
    [
        ((29, 40, 9), "29 changes, 40 devices viewed or changed, 9 users", "3 changes more than"),
        ((25, 1, 1), "25 changes, 1 device viewed or changed, 1 user", "1 change fewer than"),
        ((1, 0, 0), "1 change, 0 devices viewed or changed, 0 users", "25 changes fewer than"),
        ((26, 0, 0), "26 changes, 0 devices viewed or changed, 0 users", "as many changes as"),
    ],
)
def test_the_day_in_a_sentence(today: tuple[int, int, int], counts: str, than: str, visit: Open) -> None:
    def before(route: Any) -> None:
        answer = route.fetch(url=re.sub("at/.*", "", route.request.url))
        document = answer.json()
        document["usage"]["changes_today"]["value"] = 26
        [wanted] = parse_qs(urlsplit(route.request.url).query)["time"]
        read = format_datetime(datetime.fromisoformat(wanted), usegmt=True)
        route.fulfill(status=200, json=document, headers={"last-modified": read})

    found = visit(prepare=with_past(before))
    with_statistics(found.page, numbers(**dict(zip(("changes", "devices", "users"), today, strict=True))))
    found.sign_in()
    sentence = f"Today so far: {counts}. That is {than} a week ago by this time."
    expect(found.page.locator("#summary")).to_have_text(sentence)


def test_a_comparison_ends_when_the_time_before_is_not_the_same_any_more(visit: Open) -> None:
    found = visit(prepare=with_past(past(more_by_week, timedelta(minutes=10))))
    page = found.page
    found.sign_in()
    expect(tile(page, "Users today").locator(".since")).to_have_text("day +3 · week -12")
    page.route("**/api/stats/at/**", lambda _route: None)

    def later(route: Any) -> None:
        answer = route.fetch()
        read = format_datetime(datetime.now(UTC) + timedelta(minutes=11), usegmt=True)
        route.fulfill(response=answer, headers={**answer.headers, "last-modified": read})

    with_statistics(page, later)
    page.get_by_role("button", name="Refresh").click()
    expect(tile(page, "Users today").locator(".since")).to_have_text("")
    expect(tile(page, "Switches").locator(".since")).to_have_text("day +3 · week -12")


def test_numbers_of_yesterday_say_nothing_of_today(visit: Open) -> None:
    def old(route: Any) -> None:
        answer = route.fetch()
        read = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
        headers = {
            "age": "86400",
            "last-modified": read,
            "cache-status": "openl2m-stats; hit; ttl=-86340; detail=stale",
        }
        route.fulfill(response=answer, headers={**answer.headers, **headers})

    found = visit(prepare=with_past(past(more_by_week)))
    with_statistics(found.page, old)
    found.sign_in()
    expect(found.page.locator("#state")).to_have_text("Stale")
    expect(found.page.get_by_role("slider")).to_be_visible()
    expect(found.page.locator("#summary")).to_have_text("")
    expect(tile(found.page, "Switches").locator(".since")).to_have_text("")


@pytest.mark.parametrize(("choice", "days", "weeks"), [("30 days", 30, 5), ("90 days", 90, 13), ("1 year", 365, 53)])
def test_the_period_before(choice: str, days: int, weeks: int, visit: Open) -> None:
    page = signed_in(visit, prepare=with_history(history(value=lambda ago: 5000 - ago)))
    page.get_by_text(choice).click()
    chart = page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-valuemax", str(days - 1))
    page.get_by_role("button", name="Compare").click()
    # By whole weeks, so that weekdays stand above weekdays.
    told = f": 5,000, so far; {weeks} weeks before: {5000 - 7 * weeks:,}"
    expect(chart).to_have_attribute("aria-valuetext", re.compile(f"{told}$"))
    expect(page.locator("#legend")).to_contain_text(f"{weeks} weeks before")
    expect(page.locator("#chart .before")).to_have_count(1)
    page.locator("#chart").hover()
    expect(page.locator(".tip text")).to_have_count(3)
    page.get_by_text("Values as a table").click()
    assert page.locator("th").all_inner_texts() == ["Day (UTC)", "Value", f"{weeks} weeks before", "Source"]
    assert page.locator("tbody tr").first.inner_text().split("\t")[1:3] == ["5,000", f"{5000 - 7 * weeks:,}"]
    assert page.url.endswith(",before")
    assert axe(page) == []
    page.reload()
    expect(chart).to_have_attribute("aria-valuetext", re.compile(f"{told}$"))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#chart .before")).to_have_count(0)
    page.go_back()
    expect(page.locator("#chart .before")).to_have_count(1)


def test_the_period_before_has_its_own_backfilled_days_and_gaps(visit: Open) -> None:
    page = signed_in(visit, prepare=with_history(history(backfilled=50, gaps=(45,))))
    choose(page, "Users today")
    page.get_by_role("button", name="Compare").click()
    told = page.locator("#chart .told.before")
    assert told.get_attribute("d").count("L") == 15  # 64 to 50 days ago, and on to the next
    assert page.locator("#chart .line.before").get_attribute("d").count("M") == 2
    expect(page.locator("#chart .sofar.before")).to_have_count(0)
    expect(page.locator("#chart .told:not(.before)")).to_have_count(0)


def test_a_period_before_of_which_nothing_is_known(visit: Open) -> None:
    page = signed_in(visit, prepare=with_history(history(gaps=range(30, 400))))
    page.get_by_role("button", name="Compare").click()
    legend = page.locator("#legend")
    expect(legend).to_contain_text("There is no history of the weeks before.")
    page.get_by_role("button", name="Compare").click()
    expect(legend).not_to_contain_text("weeks before")


def test_a_period_before_that_cannot_be_read(visit: Open) -> None:
    found = visit(prepare=with_history(history()))
    found.provoked = {503}
    page = found.page
    found.sign_in()
    expect(page.get_by_role("slider")).to_be_visible()
    page.route("**/api/stats/history/**", problem(503))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#legend")).to_contain_text("The weeks before cannot be read at the moment.")
    page.unroute("**/api/stats/history/**")
    page.route("**/api/stats/history/**", history())
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#legend")).to_contain_text("5 weeks before")
    expect(page.locator("#legend")).not_to_contain_text("cannot be read")


def test_all_windows_in_one_chart(visit: Open) -> None:
    page = signed_in(visit, prepare=FULL)
    button = page.get_by_role("button", name="All windows")
    expect(button).to_be_hidden()  # switches have no window
    choose(page, "Total Changes")
    expect(button).to_be_hidden()
    choose(page, "Changes today")
    button.click()
    expect(page.locator("#chart .line.other")).to_have_count(3)
    colours = page.locator("#chart .line").evaluate_all("all => all.map((each) => getComputedStyle(each).stroke)")
    assert len(set(colours)) == 4
    for label in ("Changes in last hour", "Changes last 7 days", "Changes last 31 days"):
        expect(page.locator("#legend")).to_contain_text(label)
    assert axe(page) == []
    choose(page, "Switches")
    expect(page.locator("#chart .line")).to_have_count(1)


@pytest.mark.parametrize(("locale", "weekend"), [("en-US", {5, 6}), ("ar-EG", {4, 5})])
def test_weekends_are_shaded(locale: str, weekend: set[int], visit: Open) -> None:
    page = signed_in(visit, prepare=FULL, locale=locale)
    days = [datetime.now(UTC).date() - timedelta(days=ago) for ago in range(30)]
    expected = sum(day.weekday() in weekend for day in days)
    expect(page.locator("#chart .weekend")).to_have_count(expected)
    expect(page.locator("#legend")).to_contain_text("Weekend")
    page.get_by_text("1 year").click()
    expect(page.locator("#chart .weekend")).to_have_count(0)
    expect(page.locator("#legend")).not_to_contain_text("Weekend")


def test_days_without_a_weekend_name_none(visit: Open) -> None:
    page = signed_in(visit, prepare=FULL)
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday() + 7)
    page.evaluate(f"location.hash = '{monday}..{monday + timedelta(days=3)}'")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "3")
    expect(page.locator("#legend")).not_to_contain_text("Weekend")


@pytest.mark.parametrize("counters", [False, True])
@pytest.mark.parametrize("height", [720, 1080, 2160])
def test_a_screen_on_a_wall(height: int, counters: bool, visit: Open) -> None:
    screen = {"width": height * 16 // 9, "height": height}
    page = signed_in(visit, prepare=with_history(history(counters=counters)), viewport=screen)
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator("body")).to_have_class(re.compile("wall"))
    for name in ("Refresh", "Forget token", "Download CSV"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.locator("#summary")).to_be_visible()
    expect(page.locator("#state")).to_be_visible()
    expect(page.locator("#legend")).to_be_in_viewport(ratio=1)
    expect(tile(page, "Total Commands")).to_be_in_viewport(ratio=1)
    expect(tiles(page).last).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    assert page.url.endswith(",wall")
    assert axe(page) == []
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    page.go_back()
    expect(page.locator("body")).to_have_class(re.compile("wall"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()

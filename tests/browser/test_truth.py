"""The page says only what is so: how old the numbers are, what changed, and what cannot be read."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.answers import (
    FULL,
    NUMBERS,
    Open,
    axe,
    choose,
    history,
    problem,
    tile,
    tiles,
    with_history,
    with_statistics,
)

HOUR = 3_600_000


def silent(_route: Any) -> None:
    """Answer never."""


def aged(age: int, lifetime: int) -> Callable[[Any], None]:
    """Return what answers with numbers of an age, which are fresh for a lifetime, in seconds."""

    def answer(route: Any) -> None:
        found = route.fetch()
        headers = {**found.headers, "age": str(age), "cache-control": f"private, max-age={lifetime}"}
        route.fulfill(response=found, headers={**headers, "cache-status": "openl2m-stats; fwd=miss"})

    return answer


def sleep(page: Any, milliseconds: int) -> None:
    """Let time pass as for a computer that sleeps: its timers stand still."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    page.clock.set_system_time(page.evaluate("Date.now()") / 1000 + milliseconds / 1000)


def look(page: Any, hidden: str) -> None:
    page.evaluate(f"Object.defineProperty(document, 'hidden', {{get: () => {hidden}, configurable: true}})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_light_goes_out_when_the_numbers_are_old_while_a_request_hangs(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.provoked = {0}
    with_statistics(page, aged(0, 60))
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    page.unroute("**/api/stats/")
    with_statistics(page, silent)
    page.clock.run_for(50_000)
    expect(page.locator("#state")).to_have_text("Up to date")
    page.clock.run_for(13_000)
    expect(page.locator("#state")).to_have_text("Updating…")
    expect(page.locator("body")).to_have_class("old busy")
    page.clock.run_for(30_000)
    expect(page.locator("#state")).to_have_text("Updating…")
    expect(page.locator("#ago")).to_have_text("2 min. ago")
    page.clock.run_for(10_000)
    expect(page.locator("#state")).to_have_text("No answer")
    expect(page.get_by_role("status")).to_contain_text("The API cannot be reached.")


@pytest.mark.parametrize("hides", [True, False], ids=["a hidden tab", "a closed laptop"])
@pytest.mark.parametrize("hangs", [True, False], ids=["and a request hangs", "and the API answers"])
def test_a_tab_that_slept(hides: bool, hangs: bool, visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    with_statistics(page, silent)
    if hides:
        look(page, "true")
    sleep(page, 6 * HOUR)
    page.evaluate("window.lights = []")
    page.evaluate(
        "new MutationObserver(() => lights.push($('state').textContent)).observe($('state'), {childList: true})"
    )
    if not hangs:
        page.unroute("**/api/stats/")
    if hides:
        look(page, "false")
    else:
        page.clock.run_for(1_000)
    if hangs:
        expect(page.locator("#state")).to_have_text("Updating…")
        expect(page.locator("#read")).to_contain_text("6 hr. ago")
        assert page.evaluate("lights") == ["Updating…"]
    else:
        expect(page.locator("#state")).to_have_text("Up to date")
        assert page.evaluate("lights") == ["Updating…", "Up to date"]


def test_a_request_that_was_under_way_when_the_computer_fell_asleep_is_made_again(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.provoked = {0}
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    with_statistics(page, silent)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("body")).to_have_class("busy")
    sleep(page, 6 * HOUR)
    page.unroute("**/api/stats/")
    calls = len(found.calls())
    for _ in range(3):
        page.clock.run_for(1_000)
        page.wait_for_timeout(100)
    expect(page.locator("#state")).to_have_text("Up to date")
    assert len(found.calls()) == calls + 1
    expect(page.get_by_role("status")).to_have_text("")


def test_a_clock_that_is_set_back(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    with_statistics(page, silent)
    sleep(page, -2 * HOUR)
    page.clock.run_for(1_000)
    expect(page.locator("#state")).to_have_text("Updating…")


def test_a_lifetime_of_nothing_does_not_make_the_light_flicker(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    with_statistics(page, aged(0, 0))
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    page.clock.run_for(5_000)
    expect(page.locator("#state")).to_have_text("Up to date")


def day(ago: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=ago)


def written(ago: int) -> str:
    return f"{day(ago):%a, %b} {day(ago).day}, {day(ago).year}"


def weekly(ago: int) -> int:
    """Return numbers that follow the week: 100 on each weekday of today, 200 the day before it, and so on."""
    return 100 + 100 * (ago % 7) + (28 - ago) // 7


def test_whole_days_of_the_same_weekday_are_compared(visit: Open) -> None:
    found = visit(prepare=with_history(history(value=lambda ago: 3 if ago == 0 else weekly(ago))))
    found.sign_in()
    choose(found.page, "Devices today")
    # 29 and 1 days ago; today is not over, and 3 devices are no loss.
    expect(found.page.locator("#change")).to_have_text(f"+4 from {written(29)} to {written(1)}")
    expect(found.page.locator("#legend")).to_contain_text("so far")
    found.page.get_by_text("Values as a table").click()
    assert found.page.locator("tbody tr").first.inner_text().split("\t")[1:] == ["3", "snapshot, so far"]


@pytest.mark.parametrize(
    ("answer", "label", "expected"),
    [
        # Backfilled days can be too low: the first one that is compared is a snapshot's.
        (history(backfilled=10), "Users today", f"+7 from {written(8)} to {written(1)}"),
        (history(backfilled=6), "Users today", ""),
        (history(backfilled=6), "Users last 7 days", f"+4 from {written(5)} to {written(1)}"),
        (history(backfilled=0), "Users today", ""),
        (history(gaps=range(4)), "Switches", f"+21 from {written(25)} to {written(4)}"),
        (history(gaps=range(1, 30)), "Switches", ""),
        (history(zone=None), "Users today", f"+28 from {written(29)} to {written(1)}"),
    ],
    ids=["backfilled", "no such weekday", "no weekday", "only backfilled", "stopped", "only today", "former version"],
)
def test_what_is_compared(answer: Any, label: str, expected: str, visit: Open) -> None:
    found = visit(prepare=with_history(answer))
    found.sign_in()
    choose(found.page, label)
    expect(found.page.get_by_role("slider")).to_be_visible()
    expect(found.page.locator("#change")).to_have_text(expected)


@pytest.mark.parametrize(
    ("gaps", "says"),
    [(range(6), True), (range(2), True), (range(1), False), ((), False)],
    ids=["6 days ago", "2 days ago", "yesterday", "today"],
)
def test_stopped_snapshots_are_said(gaps: Any, says: bool, visit: Open) -> None:
    found = visit(prepare=with_history(history(gaps=gaps)))
    found.sign_in()
    expect(found.page.get_by_role("slider")).to_be_visible()
    sentence = f"Snapshots have stopped: the last one is of {written(len(gaps))}." if says else ""
    expect(found.page.locator("#history-note")).to_have_text(sentence)
    assert axe(found.page) == []


def test_a_history_that_is_old_does_not_say_that_snapshots_stopped(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(page.get_by_role("slider")).to_be_visible()
    with_statistics(page, silent)
    page.route("**/api/stats/history/**", silent)
    sleep(page, 4 * 24 * HOUR)
    page.clock.run_for(2_000)
    expect(page.locator("#read")).to_contain_text("4 days ago")
    page.evaluate("draw()")
    expect(page.locator("#history-note")).to_have_text("")
    expect(page.locator("#summary")).to_have_text("")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Tokyo", "Pacific/Pago_Pago"])
def test_days_are_those_of_the_time_zone(zone: str, visit: Open) -> None:
    found = visit(prepare=with_history(history(zone=zone)))
    page = found.page
    found.sign_in()
    page.get_by_text("Values as a table").click()
    expect(page.locator("th").first).to_have_text(f"Day ({zone})")
    here = datetime.now(ZoneInfo(zone)).date()
    expect(page.locator("tbody tr").first).to_contain_text(str(here))
    expect(page.locator("tbody tr").first).to_contain_text("so far")
    expect(page.locator("tbody tr").nth(1)).to_contain_text(str(here - timedelta(days=1)))
    expect(page.locator("tbody tr").nth(1)).not_to_contain_text("so far")
    page.get_by_text("1 year").click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", re.compile("^36[345]$"))
    expect(page.locator("#history-note")).to_have_text("")


def test_numbers_that_cannot_be_read(visit: Open) -> None:
    def partial(route: Any) -> None:
        answer = route.fetch()
        document = answer.json()
        document["database"] = {}
        del document["usage"]["users_today"]
        route.fulfill(response=answer, json=document)

    found = visit(prepare=FULL)
    page = found.page
    with_statistics(page, partial)
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    expect(tile(page, "Switches")).to_have_text("Switches – not readable")
    expect(tile(page, "Users today")).to_have_text("Users today – not readable")
    expect(page.locator("#focus-value")).to_have_text("–")
    expect(page.locator("#compared")).to_have_text("This number cannot be read at the moment.")
    expect(page.get_by_role("status")).to_have_text("11 numbers cannot be read at the moment.")
    expect(page.get_by_role("slider", name="Switches")).to_be_visible()
    choose(page, "Users last 7 days")
    expect(page.locator("#compared")).to_have_text("")
    assert axe(page) == []
    page.unroute("**/api/stats/")
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_role("status")).to_have_text("")
    expect(tile(page, "Switches")).to_have_text("Switches 1,246")


def test_the_history_is_shown_while_the_numbers_cannot_be_read(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.provoked = {503}
    with_statistics(page, problem(503, retry_after="60"))
    found.sign_in()
    expect(page.get_by_role("slider", name="Switches")).to_be_visible()
    expect(tile(page, "Switches")).to_have_text("Switches –")
    expect(page.locator("#state")).to_have_text("No answer")
    expect(page.locator("#read")).to_be_hidden()


def test_counters_that_snapshots_hold(visit: Open) -> None:
    found = visit(prepare=with_history(history(counters=True)))
    found.sign_in()
    expect(found.page.get_by_role("heading", name="Counters")).to_be_visible()
    choose(found.page, "Failed logins")
    expect(found.page.locator("#focus-value")).to_have_text("500")
    expect(found.page.locator("#compared")).to_have_text(f"As of the snapshot of {written(0)}.")


@pytest.mark.parametrize(
    ("high", "locale"),
    [(2, "en-US"), (1_240_000, "en-US"), (1_240_000, "ja-JP"), (10**12 + 5, "en-US"), (7 * 10**15, "ar-EG")],
)
def test_the_axis_has_no_label_twice(high: int, locale: str, visit: Open) -> None:
    found = visit(prepare=with_history(history(value=lambda ago: high - ago * 400 % 9000)), locale=locale)
    found.sign_in()
    expect(found.page.get_by_role("slider")).to_be_visible()
    labels = found.page.locator("#chart .tick.y").all_text_contents()
    assert 3 <= len(labels) == len(set(labels))
    left = found.page.locator("#chart").bounding_box()["x"]
    edges = found.page.locator("#chart .tick.y").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().x)"
    )
    assert min(edges) >= left - 1


def test_no_day_is_named_twice(visit: Open) -> None:
    found = visit(prepare=FULL, viewport={"width": 1199, "height": 900})
    found.sign_in()
    for choice in ("1 year", "90 days", "30 days"):
        found.page.get_by_text(choice).click()
        expect(found.page.get_by_role("slider")).to_be_visible()
        days = found.page.locator("#chart .tick.x").all_text_contents()
        assert 2 <= len(days) == len(set(days))


# Arabic digits and words are written from right to left, among English words from left to right.
@pytest.mark.parametrize("locale", ["en-US", "de-DE", "ja-JP", "ar-EG", "he-IL", "fa-IR"])
def test_every_locale_keeps_the_order_of_the_words(locale: str, visit: Open) -> None:
    found = visit(prepare=FULL, locale=locale, timezone_id="Asia/Kathmandu")
    page = found.page
    found.sign_in()
    expect(page.get_by_role("slider")).to_be_visible()
    order = page.evaluate(
        """() => {
          const at = (node, text) => {
            const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT), range = document.createRange();
            while (walk.nextNode()) {
              const from = walk.currentNode.data.indexOf(text);
              if (from < 0) continue;
              range.setStart(walk.currentNode, from);
              range.setEnd(walk.currentNode, from + text.length);
              return range.getBoundingClientRect();
            }
          };
          const read = document.getElementById("read"), change = document.getElementById("change");
          return [
            [at(read, "read at"), read.querySelector("time").getBoundingClientRect(),
             document.getElementById("ago").getBoundingClientRect()],
            [at(change, change.textContent.split(" from ")[0]), at(change, "from"), at(change, " to ")],
          ].map((each) => each.map((box) => [box.left, box.right]));
        }"""
    )
    for boxes in order:
        edges = [edge for box in boxes for edge in box]
        assert edges == sorted(edges)
    page.locator("#chart").hover()
    expect(page.locator(".tip")).to_be_visible()
    tip = page.locator(".tip rect").bounding_box()
    for text in page.locator(".tip text").all():
        box = text.bounding_box()
        assert tip["x"] <= box["x"] <= box["x"] + box["width"] <= tip["x"] + tip["width"]

"""What a person sees of the page, and does with it."""

import contextlib
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from openl2m_stats.local import demo
from stats.numbers import catalogue
from tests.browser.answers import (
    FULL,
    MIXED,
    NUMBERS,
    Open,
    axe,
    choose,
    history,
    numbers,
    problem,
    stored,
    tiles,
    with_history,
    with_statistics,
)
from tests.browser.conftest import Server

LABELS = [statistic.label for statistic in NUMBERS]
WRONG = "f" * 40


def test_the_right_token_shows_every_number(visit: Open, served: Server) -> None:
    found = visit(prepare=FULL)
    page = found.page
    expect(page.locator("#numbers")).to_be_hidden()
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    expected = numbers(served.url)
    shown = [tuple(text.split("\n")) for text in tiles(page).evaluate_all("all => all.map(each => each.innerText)")]
    assert {label: int(value.replace(",", "")) for label, value in shown} == expected
    assert [label for label, _ in shown] == LABELS
    headings = page.locator("#sections").get_by_role("heading").all_inner_texts()
    assert headings == ["Database", "Usage"]
    expect(page.locator("#sections svg .line")).to_have_count(len(NUMBERS))
    expect(page.get_by_label("API token")).to_be_hidden()
    expect(page.locator("#state")).to_have_text("Up to date")
    read = page.locator("#read time")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", read.get_attribute("title"))
    assert re.fullmatch(r"\d+:\d\d:\d\d [AP]M", read.inner_text().replace("\u202f", " "))
    assert stored(page) == [demo.TOKEN]
    assert demo.TOKEN not in page.url
    assert demo.TOKEN not in page.content()
    assert {call.headers["authorization"] for call in found.calls()} == {f"Token {demo.TOKEN}"}

    page.reload()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    another = page.context.new_page()
    another.goto(found.url)
    expect(another.get_by_label("API token")).to_be_visible()


def test_the_chosen_number_has_an_axis_and_a_value_for_every_day(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    choose(page, "Users today")
    focus = page.get_by_role("region", name="Users today")
    expect(focus.locator("#focus-value")).to_have_text(str(numbers(found.url)["Users today"]))
    expect(focus.locator("#change")).to_contain_text("+28 from ")
    ticks = focus.locator("#chart .tick").all_text_contents()
    assert {"1,000", "1,010", "1,030"} <= set(ticks)
    chart = focus.get_by_role("slider")
    box = chart.bounding_box()
    chart.hover(position={"x": box["width"] - 11, "y": 100})
    expect(focus.locator(".tip .number")).to_have_text("1,029")
    today = page.evaluate("new Date().toISOString().slice(0, 10)")
    expect(focus.locator(".tip text").last).to_contain_text(f"{int(today[8:])}, {today[:4]}")
    page.mouse.move(0, 0)
    expect(focus.locator(".tip")).to_have_count(0)
    assert page.url.endswith("#usage.users_today,30")
    page.reload()
    expect(page.get_by_role("region", name="Users today")).to_be_visible()
    for address, label, last in (
        ("database.vlans,90", "Vlans", "89"),
        ("usage.changes_today", "Changes today", "89"),
        ("no.such,366", "Switches", "364"),
    ):
        page.evaluate(f"location.hash = '{address}'")
        expect(page.get_by_role("slider", name=label)).to_have_attribute("aria-valuemax", last)


def test_the_history_that_is_served(visit: Open) -> None:
    found = visit()
    page = found.page
    found.sign_in()
    # The demo's history begins 90 days ago.
    for choice, days in (("90 days", 90), ("1 year", 91), ("All", 91), ("30 days", 30)):
        page.get_by_text(choice, exact=True).click()
        chart = page.get_by_role("slider", name="Switches")
        expect(chart).to_have_attribute("aria-valuemax", str(days - 1))
        expect(chart).to_have_attribute("aria-valuetext", re.compile(": 1,246, so far$"))
    page.get_by_text("Values as a table").click()
    today = page.locator("tbody tr").first.inner_text().split("\t")
    assert today == [time.strftime("%Y-%m-%d", time.gmtime()), "1,246", "snapshot, so far"]


def test_a_wrong_token(visit: Open) -> None:
    found = visit()
    found.provoked = {401}
    page = found.page
    found.sign_in(WRONG)
    expect(page.get_by_role("alert")).to_have_text("This token is not accepted.")
    field = page.get_by_label("API token")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "off")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert stored(page) == []
    page.clock.fast_forward(3_600_000)
    assert len(found.calls()) == 1


def test_a_token_that_is_revoked_meanwhile(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    found.provoked = {401}
    # The server sees a token that it does not know (any more).
    with_statistics(page, lambda route: route.continue_(headers={"authorization": f"Token {WRONG}"}))
    page.clock.fast_forward(60_000)
    expect(page.get_by_role("alert")).to_have_text("The token is no longer accepted. Enter another.")
    expect(page.get_by_label("API token")).to_be_focused()
    expect(page.get_by_label("API token")).to_have_value("")
    expect(tiles(page)).to_have_count(0)
    assert "1,246" not in page.content()
    assert stored(page) == []
    calls = len(found.calls())
    page.clock.fast_forward(3_600_000)
    assert len(found.calls()) == calls
    page.unroute("**/api/stats/")
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))


def test_forgetting_the_token(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    with_statistics(page, lambda _route: None)  # no answer yet
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("body")).to_have_class("busy")
    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_label("API token")).to_be_focused()
    expect(page.locator("body")).to_have_class("")
    assert stored(page) == []
    assert "1,246" not in page.content()
    page.clock.fast_forward(3_600_000)
    assert len(found.calls()) == 2


def test_an_api_that_is_gone_and_comes_back(visit: Open, serve: Callable[..., Server]) -> None:
    server = serve()
    found = visit(server.url)
    page = found.page
    found.provoked = {0, 404}
    found.sign_in()
    expect(tiles(page).first).to_contain_text("1,246")
    server.stop()
    page.clock.fast_forward(60_000)
    notice = page.get_by_role("status")
    expect(notice).to_contain_text("The API cannot be reached. These are the last numbers that were read. Next try at ")
    expect(page.locator("#state")).to_have_text("No answer")
    expect(tiles(page).first).to_contain_text("1,246")
    calls = len(found.calls())
    for _ in range(60):
        page.clock.run_for(10_000)
    assert 3 <= len(found.calls()) - calls <= 8  # it backs off
    serve(int(urlsplit(server.url).port or 0))
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#state")).to_have_text("Up to date")
    expect(notice).to_have_text("")


def test_stale_numbers_and_none(visit: Open, serve: Callable[..., Server], tmp_path: Path) -> None:
    path = tmp_path / "openl2m.sqlite3"
    demo.create_database(path)
    server = serve(DATABASE_URL=f"sqlite:///{path}", CACHE_TTL_SECONDS="1", MAX_STALE_SECONDS="6")
    found = visit(server.url)
    page = found.page
    found.provoked = {404, 503}
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    with contextlib.closing(sqlite3.connect(path)) as database:
        for table in catalogue.columns():
            database.execute(f"ALTER TABLE {table} RENAME TO hidden_{table}")
    time.sleep(2)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#state")).to_have_text("Stale")
    expect(page.get_by_role("status")).to_contain_text("last numbers that were read")
    time.sleep(6)
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#state")).to_have_text("No answer")
    expect(page.get_by_role("status")).to_contain_text("The statistics cannot be read at the moment.")
    expect(tiles(page).first).to_contain_text("1,246")


@pytest.mark.parametrize("body", ["<!doctype html><p>Sign in", "{}", "null", '{"database": 7}', ""])
def test_an_answer_that_cannot_be_read(body: str, visit: Open) -> None:
    def answer(route: Any) -> None:
        route.fulfill(status=200, content_type="text/html", body=body)

    found = visit(prepare=lambda page: [page.route("**/api/stats/", answer), FULL(page)])
    found.sign_in()
    expect(found.page.get_by_role("status")).to_contain_text("The API’s answer cannot be read.")
    found.page.unroute("**/api/stats/")
    found.page.get_by_role("button", name="Refresh").click()
    expect(tiles(found.page)).to_have_count(len(NUMBERS))


def test_words_are_english_and_digits_the_readers(visit: Open) -> None:
    found = visit(prepare=FULL, locale="de-DE", timezone_id="Europe/Berlin")
    found.sign_in()
    expect(tiles(found.page).first).to_contain_text("1.246")
    expect(found.page.locator("#ago")).to_have_text(re.compile(r"^\d+ sec\.? ago$"))
    day = r"\w{3},? \d+ \w+ \d{4}"
    expect(found.page.locator("#change")).to_have_text(re.compile(rf"^\+28 from {day} to {day}$"))


def test_it_waits_as_long_as_it_is_told_to(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.provoked = {503}
    with_statistics(page, problem(503, retry_after="120"))
    found.sign_in()
    expect(page.get_by_role("status")).to_contain_text("cannot be read at the moment. Next try at ")
    assert len(found.calls()) == 1
    page.clock.run_for(115_000)
    assert len(found.calls()) == 1
    page.unroute("**/api/stats/")
    page.clock.run_for(6_000)
    expect(tiles(page)).to_have_count(len(NUMBERS))
    expect(page.get_by_role("slider")).to_be_visible()  # the history is there as soon as the numbers are


def test_it_asks_again_when_the_numbers_are_old_and_not_while_nobody_looks(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page

    def aged(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "age": "20", "cache-control": "private, max-age=60"})

    with_statistics(page, aged)
    found.sign_in()
    expect(page.locator("#read")).to_contain_text(re.compile(r"2\d sec\. ago"))
    page.clock.run_for(38_000)
    assert len(found.calls()) == 1
    with page.expect_response("**/api/stats/"):
        page.clock.run_for(3_000)
    expect(page.locator("#read")).to_contain_text(re.compile(r"2\d sec\. ago"))

    def look(hidden: str) -> None:
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{get: () => {hidden}, configurable: true}})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    look("true")
    page.clock.run_for(600_000)
    assert len(found.calls()) == 2
    with page.expect_response("**/api/stats/"):
        look("false")
        page.clock.run_for(100)
    assert len(found.calls()) == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (problem(404), "There are no trends: no snapshots are kept here."),
        (problem(503, retry_after="5"), "The history cannot be read at the moment."),
        (history(gaps=range(400)), "There is no history of these days yet."),
    ],
    ids=["no bucket", "not readable", "empty"],
)
def test_no_history(answer: Any, sentence: str, visit: Open) -> None:
    found = visit(prepare=with_history(answer))
    found.provoked = {404, 503}
    page = found.page
    found.sign_in()
    expect(page.locator("#no-history")).to_contain_text(sentence)
    expect(tiles(page)).to_have_count(len(NUMBERS))
    expect(tiles(page).first).to_contain_text("1,246")
    expect(page.locator("#sections svg path")).to_have_count(0)
    expect(page.get_by_role("slider")).to_be_hidden()
    assert axe(page) == []


def test_a_year(visit: Open) -> None:
    found = visit(prepare=with_history(history(gaps=(264, 263, 261), backfilled=315)))
    page = found.page
    found.sign_in()
    page.get_by_text("1 year").click()
    chart = page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-valuemax", "364")
    # The log does not count switches: their line begins after the backfilled days, and pauses at each gap.
    line = page.locator("#chart .line").get_attribute("d")
    assert line.count("M") == 2
    assert page.locator("#chart .dot").get_attribute("d").count("M") == 1
    expect(page.locator("#chart .told")).to_have_count(0)
    choose(page, "Changes today")
    told = page.locator("#chart .told").get_attribute("d")
    assert told.count("L") == 50
    assert page.locator("#chart .told").evaluate("each => getComputedStyle(each).strokeDasharray") != "none"
    expect(page.locator("#legend")).to_contain_text("backfilled")
    page.get_by_text("Values as a table").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(365)
    assert rows.nth(364).inner_text().split("\t")[1:] == ["665", "backfilled"]
    assert rows.nth(263).inner_text().split("\t")[1:] == ["–", "–"]
    assert rows.nth(1).inner_text().split("\t")[1:] == ["1,028", "snapshot"]
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe(page) == []


def test_390_pixels(visit: Open) -> None:
    found = visit(prepare=MIXED, viewport={"width": 390, "height": 844}, has_touch=True)
    page = found.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found.sign_in()
    expect(page.locator("#sections svg path").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [each.bounding_box() for each in tiles(page).all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 44 for box in boxes)
    tiles(page).last.tap()
    expect(page.locator("#focus-label")).to_have_text("Total Commands")
    expect(page.locator("#focus-value")).to_be_in_viewport()
    page.locator("#chart").tap()
    expect(page.locator(".tip")).to_be_in_viewport()
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_say(scheme: str, visit: Open) -> None:
    found = visit(prepare=MIXED, color_scheme=scheme)
    page = found.page
    found.provoked = {401, 503}
    channels = [
        int(each) for each in re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    ]
    assert all(each > 200 if scheme == "light" else each < 50 for each in channels)
    assert axe(page) == []
    found.sign_in(WRONG)
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert axe(page) == []
    found.sign_in()
    choose(page, "Changes today")
    page.get_by_text("Values as a table").click()
    page.locator("#chart").hover()
    expect(page.locator(".tip")).to_be_visible()
    assert axe(page) == []
    with_statistics(page, problem(503))
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#state")).to_have_text("No answer")
    assert axe(page) == []


def test_keyboard_only(visit: Open) -> None:
    found = visit(prepare=MIXED)
    page = found.page

    def tab(name: str) -> Any:
        """Go on to what has this name; everything on the way shows that it has the focus."""
        for _ in range(50):
            page.keyboard.press("Tab")
            focused = page.locator("body :focus")
            if not focused.count():
                continue  # behind the last is the browser's own, and then the first
            ring = "each => getComputedStyle(each.name === 'days' ? each.nextElementSibling : each).outlineStyle"
            assert focused.evaluate(ring) == "solid"
            if name in (focused.get_attribute("id"), focused.inner_text().split("\n")[0]):
                return focused
        raise AssertionError(f"no way to {name}")

    expect(page.get_by_label("API token")).to_be_focused()
    page.keyboard.type(demo.TOKEN)
    page.keyboard.press("Enter")
    expect(tiles(page)).to_have_count(len(NUMBERS))
    tab("Switches")
    for _ in range(50):
        page.keyboard.press("ArrowRight")
        if page.locator(":focus").inner_text().startswith("Users last 7 days"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#focus-label")).to_have_text("Users last 7 days")
    expect(page.locator(":focus")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Home")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    tab("chart")
    chart = page.get_by_role("slider", name="Users last 7 days")
    expect(chart).to_be_focused()
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"^\w{3}, \w{3} \d+, \d{4}: 1,029, so far$"))
    expect(page.locator(".tip .number")).to_have_text("1,029")
    for key, text in {
        "ArrowLeft": "1,028",
        "PageDown": "1,021",
        "ArrowRight": "no value",
        "Home": "1,000, backfilled",
        "ArrowDown": "1,000, backfilled",
        "ArrowUp": "1,001, backfilled",
        "End": "1,029, so far",
    }.items():
        page.keyboard.press(key)
        expect(chart).to_have_attribute("aria-valuetext", re.compile(f": {text}$"))
        expect(page.locator(".tip .number")).to_have_text(re.sub(r", [a-z ]+$", "", text))
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_have_count(0)
    tab("Values as a table")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(31)
    for _ in range(10):
        page.keyboard.press("Shift+Tab")
        if page.locator("[name=days]:focus").count():
            break
    expect(page.get_by_role("radio", name="30 days")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(chart).to_have_attribute("aria-valuemax", "89")


def test_reduced_motion(visit: Open) -> None:
    moving = """[...document.querySelectorAll("*")].map(each => getComputedStyle(each)).some(each =>
        each.animationName !== "none" || each.transitionDuration !== "0s" || each.scrollBehavior === "smooth")"""
    for preference in ("reduce", "no-preference"):
        found = visit(prepare=FULL, reduced_motion=preference)
        found.sign_in()
        expect(tiles(found.page)).to_have_count(len(NUMBERS))
        found.page.evaluate("document.body.classList.add('busy')")
        assert found.page.evaluate(moving) == (preference != "reduce")


@pytest.mark.parametrize("path", ["prod", "prod/"])
def test_behind_a_stage(path: str, visit: Open, served: Server) -> None:
    def api_gateway(page: Any) -> None:
        page.route(
            re.compile("/prod"),
            lambda route: route.fulfill(response=route.fetch(url=re.sub("/prod/?", "/", route.request.url))),
        )
        page.route("**/prod/api/stats/history/**", history())
        page.route("**/prod/api/stats/at/**", problem(404))

    found = visit(f"{served.url}{path}", prepare=api_gateway)
    found.sign_in()
    expect(tiles(found.page)).to_have_count(len(NUMBERS))
    expect(found.page.get_by_role("slider")).to_be_visible()
    assert {urlsplit(each.url).path.split("/")[1] for each in found.requested if each.url.startswith("http")} == {
        "prod"
    }


def test_what_the_api_says_is_text(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    label = "<img src=x onerror=alert(1)><b>&amp;"
    document = {
        "database": {"switches": {"label": label, "value": 7}},
        "usage": {"new_one": {"label": "New", "value": 1}},
    }
    with_statistics(page, lambda route: route.fulfill(status=200, json=document))
    found.sign_in()
    expect(page.locator("#focus-label")).to_have_text(label)
    expect(tiles(page).first.locator(".label")).to_have_text(label)
    expect(tiles(page).last.locator(".label")).to_have_text("New")

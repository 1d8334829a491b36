"""Signing in: what a token may be pasted with, what is refused and why, and what is seen while the API is slow."""

import pytest
from playwright.sync_api import expect

from openl2m_stats.local import demo
from tests.browser.answers import FULL, NUMBERS, Open, axe, problem, tiles, with_statistics

TOKEN = demo.TOKEN
OTHER = "f" * 40


@pytest.mark.parametrize(
    "text",
    [
        f"  {TOKEN}\n",
        f"Token {TOKEN}",
        f"Bearer {TOKEN}",
        f"Authorization: Token {TOKEN}",
        f"authorization:token\t{TOKEN}",
        f'"{TOKEN}"',
        f"“{TOKEN}”",
        f"-H 'Authorization: Token {TOKEN}'",
        f"curl https://stats.example.com/api/stats/ --header 'Authorization: Token {TOKEN}'",
        f"grafana\t{TOKEN}",
        f"{TOKEN[:20]} {TOKEN[20:]}",
        f"{TOKEN[:20]}\n{TOKEN[20:]}",
        f"\u200b{TOKEN[:7]}\u00ad{TOKEN[7:]}\ufeff",
        f"{TOKEN} {TOKEN}",
    ],
)
def test_a_token_may_be_pasted_with_what_is_around_it(text: str, visit: Open) -> None:
    found = visit(prepare=FULL)
    found.sign_in(text)
    expect(tiles(found.page)).to_have_count(len(NUMBERS))
    assert {call.headers["authorization"] for call in found.calls()} == {f"Token {TOKEN}"}
    assert TOKEN not in found.page.content()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Enter a token."),
        ("Token ", "Enter a token."),
        ("x", "This is not a token: a token has 40 digits, 0 to 9 and a to f."),
        ("g" * 40, "This is not a token: a token has 40 digits, 0 to 9 and a to f."),
        ("\u2603" * 40, "This is not a token: a token has 40 digits, 0 to 9 and a to f."),
        ("F" * 40, "A token has small letters only: this one has capitals."),
        ("0" * 41, "A token has 40 digits: this text has 41."),
        (TOKEN[:39], "A token has 40 digits: this text has 39."),
        (f"{TOKEN} {OTHER}", "There is more than one token in this text. Enter one."),
    ],
)
def test_what_is_no_token_is_refused_with_the_reason_and_not_sent(text: str, why: str, visit: Open) -> None:
    found = visit()
    found.sign_in(text)
    expect(found.page.get_by_role("alert")).to_have_text(why)
    expect(found.page.get_by_label("API token")).to_be_focused()
    assert not found.calls()


def test_a_token_can_be_seen_while_it_is_entered(visit: Open) -> None:
    page = visit(prepare=FULL).page
    field = page.get_by_label("API token")
    field.fill(TOKEN)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(field).to_have_attribute("type", "text")
    assert axe(page) == []
    page.get_by_role("button", name="Hide").click()
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("button", name="Show statistics").click()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    page.get_by_role("button", name="Forget token").click()
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_value("")


def test_a_slow_api_is_seen_to_be_waited_for(visit: Open) -> None:
    found = visit(prepare=lambda page: page.route("**/api/stats/**", lambda _route: None))
    page = found.page
    found.sign_in()
    expect(page.locator("#signing")).to_have_text("Signing in…")
    expect(page.locator("body")).to_have_class("old busy")
    assert page.locator("#progress").evaluate("each => getComputedStyle(each, '::before').animationName") == "progress"
    page.clock.run_for(6_000)
    expect(page.locator("#signing")).to_have_text("Still waiting for the API…")


def test_a_reload_shows_the_places_of_the_numbers_before_they_are_there(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    with_statistics(page, lambda _route: None)
    page.route("**/api/stats/history/**", lambda _route: None)
    page.reload()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    expect(tiles(page).first).to_have_text("Switches")
    expect(page.locator("#state")).to_have_text("Loading…")
    expect(page.locator("#chart")).to_be_visible()
    assert axe(page) == []


@pytest.mark.parametrize(
    ("status", "text", "tries"),
    [
        (403, "Something in front of the API refuses the request (403).", False),
        (404, "There is no API at this address (404).", False),
        (500, "The API answers with an error (500). Next try at ", True),
        (502, "The API answers with an error (502). Next try at ", True),
        (429, "The API gets too many requests (429). Next try at ", True),
    ],
)
def test_every_error_has_a_way_on(status: int, text: str, tries: bool, visit: Open) -> None:
    found = visit()
    page = found.page
    found.provoked = {status}
    page.route("**/api/stats/**", problem(status, apigw_requestid="Fx3Tj-abc="))
    found.sign_in()
    expect(page.get_by_role("status")).to_contain_text(text)
    expect(page.locator("#detail")).to_contain_text(
        "It says: “No.” For whoever runs this service: request Fx3Tj-abc=, "
    )
    assert axe(page) == []
    calls = len(found.calls())
    for _ in range(12):
        page.clock.run_for(10_000)
    assert (len(found.calls()) > calls) is tries
    page.get_by_role("button", name="Use another token").click()
    expect(page.get_by_label("API token")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("")
    found.sign_in()
    page.unroute("**/api/stats/**")
    FULL(page)
    page.get_by_role("button", name="Try again").click()
    expect(tiles(page).first).to_contain_text("1,246")
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def test_back_online_it_asks_at_once(visit: Open) -> None:
    found = visit(prepare=FULL)
    page = found.page
    found.provoked = {0}
    found.sign_in()
    expect(page.locator("#state")).to_have_text("Up to date")
    page.context.set_offline(True)
    for _ in range(20):
        page.clock.run_for(20_000)
    expect(page.get_by_role("status")).to_contain_text("This device is offline.")
    calls = len(found.calls())
    page.context.set_offline(False)
    expect(page.locator("#state")).to_have_text("Up to date")
    assert len(found.calls()) == calls + 1

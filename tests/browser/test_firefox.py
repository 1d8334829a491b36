"""The page in Firefox, over the demo as `make run` serves it: numbers, chart, keys, accessibility and no complaints."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from openl2m_stats.local import demo
from tests.browser.answers import numbers
from tests.browser.conftest import Server
from tests.browser.firefox import Firefox, firefox

PREFERENCES = {
    "light": {"layout.css.prefers-color-scheme.content-override": 1},
    "dark": {"layout.css.prefers-color-scheme.content-override": 0},
    "forced colors": {"browser.display.document_color_use": 2},
}
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
LEFT, TAB, ENTER = "\ue012", "\ue004", "\ue007"


@pytest.fixture(scope="module", params=PREFERENCES)
def browser(request: Any, tmp_path_factory: Any) -> Iterator[Firefox]:
    directory: Path = tmp_path_factory.mktemp("firefox")
    with firefox(directory, PREFERENCES[request.param]) as found:
        yield found


def sign_in(browser: Firefox, url: str, **size: int) -> None:
    browser.open(url, **size)
    browser.run("sessionStorage.clear()")
    browser.open(url, **size)
    browser.complaints.clear()
    browser.until("document.activeElement?.id === 'token'")
    browser.press(f"Token {demo.TOKEN}{ENTER}")
    browser.until("document.querySelector('#chart svg') && document.querySelector('#compared').textContent")


def violations(browser: Firefox) -> Any:
    browser.run(f"(() => {{ {AXE} }})()", sandbox="axe")
    found = "axe.run().then((each) => each.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))"
    return browser.run(found, sandbox="axe")


def test_numbers_and_chart(browser: Firefox, served: Server) -> None:
    sign_in(browser, served.url)
    shown = browser.run(
        """Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) =>
             [tile.querySelector(".label").textContent, tile.querySelector(".value").textContent]))"""
    )
    expected = {label: f"{value:,}" for label, value in numbers(served.url).items()}
    assert shown.items() >= expected.items()
    assert browser.run("document.querySelectorAll('#chart .line').length") == 1
    assert browser.run("document.querySelectorAll('#sections .tile .line').length") == len(shown)
    assert browser.complaints == []


def test_keys_and_what_a_screen_reader_finds(browser: Firefox, served: Server) -> None:
    sign_in(browser, served.url)
    for role, name in (
        ("heading", "Switches"),
        ("radio", "90 days"),
        ("slider", "Switches"),
        ("button", "Download CSV"),
        ("heading", "Usage"),
    ):
        assert browser.found_by_role(role, name) == 1, name
    for _ in range(30):
        browser.press(TAB)
        if browser.run("document.activeElement.id") == "chart":
            break
    before = browser.run("document.activeElement.getAttribute('aria-valuetext')")
    assert before.endswith(": 1,246, so far")
    browser.press(LEFT)
    assert browser.run("document.activeElement.getAttribute('aria-valuetext')") not in {before, None}
    assert browser.run("document.querySelectorAll('.tip').length") == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844), (320, 700)])
def test_axe_has_nothing_to_say(width: int, height: int, browser: Firefox, served: Server) -> None:
    browser.open(served.url, width, height)
    assert violations(browser) == []
    sign_in(browser, served.url, width=width, height=height)
    browser.run("choose('usage.changes_today')")
    for button in ("before", "windows"):
        browser.run(f"document.getElementById('{button}').click()")
    browser.until("document.querySelectorAll('#chart .line').length === 5")
    assert violations(browser) == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    strokes = browser.run(
        """[...document.querySelectorAll("#chart .line")].map((line) =>
             [getComputedStyle(line).stroke, getComputedStyle(line).strokeWidth].join())"""
    )
    assert len(set(strokes)) == 5
    assert browser.complaints == []

"""What is shown and kept: ranges, addresses, the way back, files, and how it looks on paper and on screens."""

import base64
import csv
import io
import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from openl2m_stats.local import demo
from stats.numbers.catalogue import STATISTICS
from tests.browser.answers import (
    FULL,
    NUMBERS,
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

PHONE = {"width": 390, "height": 844}


def day(ago: int) -> str:
    return str(datetime.now(UTC).date() - timedelta(days=ago))


def young(days: int) -> Any:
    return with_history(history(value=lambda ago: 1029 - ago if ago < days else None))


def download(page: Any, name: str, folder: Path) -> Path:
    with page.expect_download() as downloading:
        page.get_by_role("button", name=name).click()
    path: Path = folder / downloading.value.suggested_filename
    downloading.value.save_as(path)
    return path


def signed_in(visit: Open, **options: Any) -> Any:
    found = visit(**{"prepare": FULL, **options})
    found.sign_in()
    expect(found.page.get_by_role("slider")).to_be_visible()
    return found


@pytest.mark.parametrize(("locale", "separator"), [("en-US", ","), ("de-DE", ";"), ("ja-JP", ","), ("pt-BR", ";")])
def test_the_days_that_are_shown_as_csv(locale: str, separator: str, visit: Open, tmp_path: Path) -> None:
    found = signed_in(visit, prepare=with_history(history(gaps=(9, 7), backfilled=22, counters=True)), locale=locale)
    path = download(found.page, "Download CSV", tmp_path)
    assert path.name == f"openl2m-{day(29)}-{day(0)}.csv"
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\r\n") == content.count(b"\n") == 31
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator))
    assert rows[0] == ["Day", "Source", *(each.label for each in STATISTICS)]
    by_day = {row[0]: row for row in rows[1:]}
    assert list(by_day) == [day(ago) for ago in range(29, -1, -1)]
    assert by_day[day(0)][1:3] == ["snapshot", "1029"]
    assert by_day[day(9)][1:] == [""] * (len(STATISTICS) + 1)
    assert by_day[day(29)][1:3] == ["backfill", ""]
    assert by_day[day(29)][-2:] == ["", ""]  # a total that the log does not tell, and a counter
    assert by_day[day(29)][rows[0].index("Users today")] == "1000"


def test_the_chart_as_a_picture(visit: Open, serve: Any, tmp_path: Path) -> None:
    found = signed_in(visit, url=serve(STACK_LABEL="Campus Zürich / 2").url)
    expect(found.page).to_have_title("Campus Zürich / 2 · OpenL2M statistics")
    path = download(found.page, "Download picture", tmp_path)
    assert path.name == f"openl2m-Campus-Zürich-2-{day(29)}-{day(0)}.png"
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    box = found.page.locator("#chart").bounding_box()
    assert abs(width - 2 * box["width"]) <= 2
    assert height > 2 * box["height"]
    # It has the line's colour and the ground's, and so is no empty picture.
    assert len(colours(found.page, content)) > 20


def colours(page: Page, png: bytes, top: int = 0) -> set[str]:
    """Return the colours of a picture's pixels from a row on, as `rgb(…)`."""
    found = page.evaluate(
        """async ([encoded, top]) => {
          const image = new Image();
          image.src = `data:image/png;base64,${encoded}`;
          await image.decode();
          const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
          [canvas.width, canvas.height] = [image.width, image.height];
          pen.drawImage(image, 0, 0);
          const { data } = pen.getImageData(0, top, image.width, image.height - top), colours = new Set();
          for (let at = 0; at < data.length; at += 4) colours.add(`rgb(${data.slice(at, at + 3).join(", ")})`);
          return [...colours];
        }""",
        [base64.b64encode(png).decode(), top],
    )
    return set(found)


def test_a_picture_of_several_lines_says_which_they_are(visit: Open, tmp_path: Path) -> None:
    page = signed_in(visit).page
    choose(page, "Changes today")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="All windows").click()
    expect(page.locator("#chart .line")).to_have_count(5)
    content = download(page, "Download picture", tmp_path).read_bytes()
    below = colours(page, content, 2 * (48 + page.locator("#chart").evaluate("(chart) => chart.clientHeight")))
    strokes = page.locator("#chart .line").evaluate_all("all => all.map((each) => getComputedStyle(each).stroke)")
    assert len(set(strokes)) == 5
    assert set(strokes) <= below


def test_what_a_number_counts(visit: Open) -> None:
    page = signed_in(visit).page
    for statistic in NUMBERS:
        choose(page, statistic.label)
        expect(page.locator("#counts")).to_contain_text(statistic.counts)
    expect(page.locator("#counts")).to_be_hidden()
    choose(page, "Users today")
    page.get_by_text("What it counts").click()
    expect(page.locator("#counts")).to_be_visible()
    expect(page.locator("#counts")).to_contain_text("add one. Those since midnight (UTC).")
    page.get_by_text("About these numbers").click()
    expect(page.locator("footer code").nth(1)).to_have_text(re.compile(r"^http://127\.0\.0\.1:\d+/api/stats/$"))
    assert axe(page) == []


def test_the_way_back(visit: Open) -> None:
    page = signed_in(visit).page
    choose(page, "Vlans")
    page.get_by_text("90 days").click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "89")
    choose(page, "Changes today")
    assert page.url.endswith("#usage.changes_today,90")
    page.go_back()
    expect(page.locator("#focus-label")).to_have_text("Vlans")
    page.go_back()
    expect(page.get_by_role("radio", name="30 days")).to_be_checked()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "29")
    expect(page.locator("#focus-label")).to_have_text("Vlans")
    page.go_forward()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "89")


@pytest.mark.parametrize(
    ("address", "label", "days"),
    [
        ("#usage.changes_today", "Changes today", 30),
        ("#usage.changes_today,90", "Changes today", 90),
        ("#90", "Switches", 90),
        ("#usage.changes_today,366", "Changes today", 365),
        ("#no.such,12", "Switches", 30),
        ("#%", "Switches", 30),
    ],
)
def test_an_address_that_was_shared(address: str, label: str, days: int, served: Any, visit: Open) -> None:
    page = signed_in(visit, url=f"{served.url}{address}").page
    expect(page.get_by_role("slider", name=label)).to_have_attribute("aria-valuemax", str(days - 1))


def test_a_range_of_ones_own(visit: Open) -> None:
    found = signed_in(visit)
    page = found.page
    page.get_by_text("Dates", exact=True).click()
    expect(page.get_by_label("From")).to_be_focused()
    assert axe(page) == []
    page.get_by_label("To", exact=True).fill(day(400))
    page.get_by_label("From").fill(day(1000))
    page.get_by_role("button", name="Show", exact=True).click()
    chart = page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-valuemax", "600")  # more than one answer has
    expect(chart).to_have_attribute("aria-valuetext", re.compile(": 629$"))
    assert page.url.endswith(f"#database.switches,{day(1000)}..{day(400)}")
    expect(page.locator("#history-note")).to_have_text("")  # that they are past does not mean that snapshots stopped
    page.reload()
    expect(chart).to_have_attribute("aria-valuemax", "600")
    page.get_by_text("30 days").click()
    expect(chart).to_have_attribute("aria-valuemax", "29")
    expect(page.get_by_text("Dates", exact=True)).to_be_visible()


def test_all_days(visit: Open) -> None:
    page = signed_in(visit, prepare=young(800)).page
    page.get_by_text("All", exact=True).click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "799")
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(": 1,029, so far$"))


@pytest.mark.parametrize(("days", "choice"), [(1, "30 days"), (2, "90 days"), (2, "All"), (20, "1 year")])
def test_a_young_history_fills_the_chart(days: int, choice: str, visit: Open) -> None:
    page = signed_in(visit, prepare=young(days)).page
    page.get_by_text(choice, exact=True).click()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", str(max(days, 2) - 1))
    expect(page.locator("#history-note")).to_contain_text("The history begins on ")


def test_a_range_that_cannot_be_read_leaves_the_chart(visit: Open) -> None:
    found = signed_in(visit)
    page = found.page
    found.provoked = {503}
    page.route("**/api/stats/history/**", problem(503))
    page.get_by_text("1 year").click()
    expect(page.locator("#history-note")).to_have_text("The history cannot be read at the moment.")
    expect(page.get_by_role("radio", name="30 days")).to_be_checked()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuemax", "29")
    expect(page.locator("#said")).to_have_text("The history cannot be read at the moment.")
    assert page.url.endswith(",30")


def test_a_range_that_is_waited_for(visit: Open) -> None:
    page = signed_in(visit).page
    page.route("**/api/stats/history/**", lambda _route: None)
    page.get_by_text("1 year").click()
    expect(page.locator("#trend")).to_have_attribute("aria-busy", "true")
    assert page.locator("#chart svg").evaluate("each => getComputedStyle(each).opacity") == "0.5"


def test_what_is_chosen_is_said(visit: Open) -> None:
    page = signed_in(visit).page
    said = page.locator("#said")
    choose(page, "Users last 7 days")
    expect(said).to_have_text(re.compile(r"^Users last 7 days: \d+\. .*\+28 from "))
    assert said.get_attribute("aria-live") == "polite"
    page.get_by_text("90 days").click()
    expect(said).to_have_text(re.compile(r"^90 days shown\. .*\+84 from "))


def test_from_the_last_tile_to_the_chart(visit: Open) -> None:
    page = signed_in(visit).page
    tiles(page).last.click()
    page.keyboard.press("End")
    expect(tiles(page).last).to_be_focused()
    presses = 0
    while not page.locator("#chart:focus").count():
        page.keyboard.press("Shift+Tab")
        presses += 1
    assert presses <= 6
    expect(page.locator("#sections [tabindex='0']")).to_have_count(1)


def test_the_arrow_keys_follow_the_tiles_as_they_stand(visit: Open) -> None:
    page = signed_in(visit).page
    tile(page, "Users today").focus()
    for key, label in (
        ("ArrowUp", "Changes today"),
        ("ArrowDown", "Users today"),
        ("ArrowDown", "API calls today"),
        ("ArrowRight", "API calls last 7 days"),
        ("ArrowLeft", "API calls today"),
        ("Home", "Switches"),
        ("ArrowUp", "Switches"),
        ("ArrowLeft", "Switches"),
        ("End", "Total Commands"),
        ("ArrowRight", "Total Commands"),
        ("ArrowDown", "Total Commands"),
    ):
        page.keyboard.press(key)
        expect(tile(page, label)).to_be_focused()


def shifts(page: Any) -> float:
    total: float = page.evaluate(
        """new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
        })"""
    )
    return total


@pytest.mark.parametrize("viewport", [PHONE, {"width": 800, "height": 900}, {"width": 1280, "height": 800}])
@pytest.mark.parametrize("first", ["numbers", "history"])
def test_nothing_moves_while_it_loads(first: str, viewport: Any, visit: Open) -> None:
    found = visit(prepare=with_past(past(lambda _days: -12_345)), viewport=viewport)
    page = found.page
    page.evaluate(f"sessionStorage.setItem('openl2m-stats-token', '{demo.TOKEN}')")
    waiting: list[Any] = []

    def wait(route: Any) -> None:
        waiting.append(route)

    with_statistics(page, wait)
    page.route("**/api/stats/history/**", wait)
    page.reload()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    while len(waiting) < 2:
        page.wait_for_timeout(50)
    waiting.sort(key=lambda route: ("history" in route.request.url) == (first == "numbers"))
    for route in waiting:
        page.wait_for_timeout(150)
        route.fallback()
    expect(page.locator("#chart svg")).to_be_visible()
    expect(tiles(page).first).to_contain_text("1,246")
    expect(tiles(page).last).to_contain_text("week")
    assert shifts(page) < 0.05


@pytest.mark.parametrize("value", [10**12 + 123_456_789, 2**53 - 1])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 320, "height": 700}, {"width": 1280, "height": 800}])
def test_long_numbers_and_labels_stay_in_their_place(value: int, viewport: Any, visit: Open) -> None:
    def long(route: Any) -> None:
        answer = route.fetch()
        document = answer.json()
        for section in document.values():
            for entry in section.values():
                entry["value"] = value
        document["usage"]["users_today"]["label"] = "W" * 120
        route.fulfill(response=answer, json=document)

    found = visit(prepare=FULL, viewport=viewport)
    page = found.page
    with_statistics(page, long)
    found.sign_in()
    expect(tiles(page)).to_have_count(len(NUMBERS))
    page.get_by_role("button", name="W" * 120).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".value, .label, #focus-value, #focus-label")].filter((each) => {
          const range = document.createRange();
          range.selectNodeContents(each);
          const inner = range.getBoundingClientRect(), outer = each.closest(".tile, .card").getBoundingClientRect();
          return inner.left < outer.left || inner.right > outer.right;
        }).map((each) => each.textContent)"""
    )
    assert outside == []


def test_forced_colours_tell_what_is_chosen(visit: Open) -> None:
    page = signed_in(visit, forced_colors="active").page
    grounds = [
        each.evaluate("each => getComputedStyle(each.nextElementSibling).backgroundColor")
        for each in page.get_by_role("radio").all()
    ]
    assert len(grounds) == 4
    assert len(set(grounds)) == 2
    assert grounds[0] not in grounds[1:]
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_tell_the_lines_apart(scheme: str, visit: Open) -> None:
    page = signed_in(visit, forced_colors="active", color_scheme=scheme).page
    choose(page, "Changes today")
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="All windows").click()
    expect(page.locator("#chart .line")).to_have_count(5)
    for place in ("#chart", "#legend"):
        lines = page.locator(f"{place} .line").evaluate_all(
            "all => all.map((each) => [getComputedStyle(each).stroke, getComputedStyle(each).strokeWidth].join())"
        )
        assert len(set(lines)) == 5, lines


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper(scheme: str, visit: Open) -> None:
    page = signed_in(visit, color_scheme=scheme).page
    page.emulate_media(media="print", color_scheme=scheme)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for name in ("Refresh", "Forget token", "Download CSV"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_role("radio", name="30 days")).to_be_hidden()
    expect(page.locator("#ago")).to_be_hidden()
    assert page.locator("#chart svg").get_attribute("viewBox") == "0 0 640 260"
    dark = page.evaluate(
        """[...document.querySelectorAll("#focus-value, .tile .label, .tile .value, h1, h2, #change")].every((each) =>
             getComputedStyle(each).color.match(/\\d+/g).every((part) => part < 90))"""
    )
    assert dark
    assert len(page.pdf()) > 10_000

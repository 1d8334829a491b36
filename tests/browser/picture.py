"""docs/page.png: what `make run` shows in the afternoon, 90 days of one number, with the cursor on a day.

usage: python -m tests.browser.picture
"""

import os
import shutil
from datetime import UTC, datetime

from playwright.sync_api import expect, sync_playwright

from dev.servers.processes import free_port
from dev.servers.programs import search_path
from openl2m_stats.local import demo
from tests.browser.conftest import ROOT, Server

_HOUR = 15
_ADDRESS = "#usage.devices_last_7_days,90"


def main() -> None:
    """Take the picture."""
    # Where it is afternoon now, the day so far has some numbers. These zones count hours to the west.
    ahead = (_HOUR - datetime.now(UTC).hour + 11) % 24 - 11
    zone = f"Etc/GMT{-ahead:+}"
    server = Server(free_port(), STACK_LABEL="Production", TIME_ZONE=zone)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium", path=search_path()),
                args=["--no-sandbox"] if os.geteuid() == 0 else [],
            )
            page = browser.new_page(
                viewport={"width": 1440, "height": 900}, locale="en-US", timezone_id=zone, color_scheme="light"
            )
            page.goto(server.url + _ADDRESS)
            page.get_by_label("API token").fill(demo.TOKEN)
            page.get_by_role("button", name="Show statistics").click()
            expect(page.locator("#compared")).not_to_be_empty()
            page.get_by_role("slider").hover()
            expect(page.locator(".tip")).to_be_visible()
            page.screenshot(path=ROOT / "docs/page.png")
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()

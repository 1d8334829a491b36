"""The page that `make run` serves, in Debian's Chromium. What goes wrong in the browser unasked fails the test."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from dev.servers.processes import free_port
from dev.servers.programs import require, search_path
from openl2m_stats.local import demo

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / os.environ.get("STATS_TEST_COMMAND", ".venv/bin/openl2m-stats")
_REPORTS = "document.addEventListener('securitypolicyviolation', e => console.error(`POLICY ${e.effectiveDirective}`))"
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
_NO_SNAPSHOT = re.compile(r"a status of 404 .* \S+/api/stats/at/\?")
_UNREACHABLE = "Failed to load resource: net::ERR_"


class Server:
    """`make run` in a process of its own."""

    def __init__(self, port: int, **variables: str) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        # Nobody reads on after the greeting: what the server logs would fill the pipe, and stop it.
        environment = {"PATH": os.environ["PATH"], "PORT": str(port), "POWERTOOLS_LOG_LEVEL": "CRITICAL", **variables}
        self._process = subprocess.Popen(
            [COMMAND, "serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout
        printed = ""
        while "http --form" not in printed:
            line = self._process.stdout.readline()
            assert line, printed
            printed += line
        assert re.findall(r"http://\S+", printed)[0] == self.url

    def stop(self) -> None:
        """End the process; the second time, do nothing."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Server]:
    """The demo, as `make run` serves it."""
    server = Server(free_port())
    yield server
    server.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that runs a server of the test's own, at a port and with variables."""
    with contextlib.ExitStack() as servers:

        def run(port: int | None = None, **variables: str) -> Server:
            server = Server(port or free_port(), **variables)
            servers.callback(server.stop)
            return server

        yield run


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    require("chromium")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # root's Chromium has no other way
    with sync_playwright() as playwright:
        executable = shutil.which("chromium", path=search_path())
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A tab of a browser of its own, and what became of it. `provoked` are the statuses that a test provokes itself.

    0 among them is a server that is not there.
    """

    page: Any
    url: str
    provoked: set[int] = field(default_factory=set)
    requested: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, token: str = demo.TOKEN) -> None:
        """Enter a token."""
        self.page.get_by_label("API token").fill(token)
        self.page.get_by_role("button", name="Show statistics").click()

    def calls(self, path: str = "/api/stats/") -> list[Any]:
        """Return the requests for a path so far."""
        return [each for each in self.requested if each.url.split("?")[0].endswith(path)]

    def check(self) -> None:
        """Fail on any exception, violation of the policy, request elsewhere, or complaint that was not provoked."""
        elsewhere = [each.url for each in self.requested if not each.url.startswith((self.url, "data:"))]
        assert not elsewhere
        for complaint in self.complaints:
            if _NO_SNAPSHOT.search(complaint):
                continue
            status = _STATUS.search(complaint)
            assert (int(status[1]) if status else 0) in self.provoked, complaint
            assert status or _UNREACHABLE in complaint, complaint


@pytest.fixture
def visit(chromium: Any, served: Server) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens the page, with options of Playwright's context. Its clock can be moved on."""
    with contextlib.ExitStack() as visits:

        def open_(url: str = served.url, prepare: Callable[[Any], Any] = lambda _: None, **options: Any) -> Visit:
            options = {"locale": "en-US", "timezone_id": "America/Chicago", **options}
            context = chromium.new_context(**options)
            visits.callback(context.close)
            context.add_init_script(_REPORTS)
            page = context.new_page()
            visits.callback(page.unroute_all, behavior="ignoreErrors")
            page.set_default_timeout(15_000)
            found = Visit(page, served.url if url.startswith(served.url) else url)
            visits.callback(found.check)
            page.on("request", lambda request: found.requested.append(request))  # noqa: PLW0108 it takes no built-in
            page.on("pageerror", lambda error: found.complaints.append(f"exception: {error}"))
            page.on(
                "console",
                lambda message: (
                    found.complaints.append(f"{message.text} {message.location.get('url', '')}")
                    if message.type in {"error", "warning"}
                    else None
                ),
            )
            page.clock.install()
            # Without snapshots of before, unless a test has some.
            page.route("**/api/stats/at/**", lambda route: route.fulfill(status=404, json={"detail": "No."}))
            prepare(page)
            page.goto(url)
            return found

        yield open_

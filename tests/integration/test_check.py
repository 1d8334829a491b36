"""`openl2m-stats check` as a monitoring system runs it: a process, one line, an exit code."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response

from openl2m_stats.local import demo
from stats.numbers.catalogue import SERVED
from tests.integration.test_command import call, environment
from tests.integration.test_run import running
from tests.support import leaks
from tests.support.wsgi import served

DOCUMENT = {
    "database": {"switches": {"label": "Switches", "value": 1246}},
    "usage": {
        "devices_today": {"label": "Devices today", "value": 40},
        "users_today": {"label": "Users today", "value": 9},
        "changes_today": {"label": "Changes today", "value": 29},
        "changes_total": {"label": "Total Changes", "value": 39014},
    },
}
FRESH = {"Age": "12", "Content-Type": "application/json"}
DATA = re.compile(r"[a-z0-9_]+=-?\d+[sc]?;(\d+)?;(\d+:)?;0")

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def key() -> str:
    return leaks.new_key()


@pytest.fixture
def check(key: str) -> Check:
    """Run the command; return its exit code and its line. Whatever happens, the key is in no output."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        variables = environment(**({"OPENL2M_STATS_KEY": key} if env is None else env))
        done = call("check", *arguments, env=variables)
        assert not leaks.found_in(done.stdout + done.stderr)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1
        return done.returncode, done.stdout.rstrip("\n")

    return run


@pytest.fixture
def api() -> Iterator["API"]:
    yield from API.run()


class API:
    """A server that answers as it is told to."""

    status = 200
    headers: dict[str, str] = FRESH
    body = json.dumps(DOCUMENT)
    url = ""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    @classmethod
    def run(cls) -> Iterator["API"]:
        api = cls()
        with served(api.answer) as api.url:
            yield api

    def answer(self, environ: Any, start_response: Any) -> Any:
        self.requests.append(Request(environ))
        return Response(self.body, self.status, self.headers)(environ, start_response)


def test_all_is_well(api: API, check: Check, key: str) -> None:
    code, line = check("--url", api.url)
    assert code == 0
    assert line == (
        "OPENL2M OK - 1246 switches, today 40 devices, 9 users, 29 changes, read 12 s ago | age=12s;900;;0 "
        "switches=1246;;;0 devices_today=40;;;0 users_today=9;;;0 changes_today=29;;;0 changes_total=39014c;;;0"
    )
    [request] = api.requests
    assert (request.method, request.path) == ("GET", "/api/stats/")
    assert request.headers["Authorization"] == f"Token {key}"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/api/stats/"),
        ("/", "/api/stats/"),
        ("/api/stats", "/api/stats/"),
        ("/api/stats/", "/api/stats/"),
        ("/prod", "/prod/api/stats/"),
        ("/prod/api/stats/", "/prod/api/stats/"),
    ],
)
def test_the_address_of_the_page_or_of_the_api(path: str, asked: str, api: API, check: Check) -> None:
    assert check("--url", api.url + path)[0] == 0
    assert api.requests[0].path == asked


@pytest.mark.parametrize("text", ["{}", "{}\n", "nagios\t{}\n"])
def test_a_key_in_a_file(text: str, api: API, check: Check, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text.format(key))
    other = {"OPENL2M_STATS_KEY": leaks.new_key()}
    assert check("--url", api.url, "--key-file", str(file), env=other)[0] == 0
    assert api.requests[0].headers["Authorization"] == f"Token {key}"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--max-age", "12"], 0, "1246 switches"),
        (["--max-age", "11"], 1, "the numbers are 12 s old, more than 11 s"),
        (["--min", "switches=1246"], 0, "1246 switches"),
        (["--min", "switches=1247"], 2, "switches is 1246, less than 1247"),
        (["--min", "database.switches=1247"], 2, "switches is 1246, less than 1247"),
        (["--min", "switches=0", "--min", "users_today=10"], 2, "users_today is 9, less than 10"),
        (["--min", "switchs=1"], 3, "there is no number switchs (did you mean switches?)"),
        (["--min", "nothing=1"], 3, "there is no number nothing |"),
        (["--min", "vlans=1"], 3, "the deployment cannot read vlans |"),
        (["--min", "switchs=1", "--max-age", "1"], 3, "did you mean switches?), the numbers are 12 s old"),
        (["--min", "switchs=1", "--min", "users_today=10"], 2, "users_today is 9, less than 10"),
    ],
)
def test_limits(arguments: list[str], code: int, text: str, api: API, check: Check) -> None:
    found, line = check("--url", api.url, *arguments)
    assert found == code
    assert line.startswith(f"OPENL2M {['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][code]} - ")
    assert text in line
    numbers = line.partition(" | ")[2].split()
    assert all(DATA.fullmatch(each) for each in numbers)
    assert len(numbers) == 6


def test_limits_are_in_the_performance_data(api: API, check: Check) -> None:
    _, line = check("--url", api.url, "--max-age", "60", "--min", "switches=1000")
    assert " age=12s;60;;0 switches=1246;;1000:;0 " in line


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "text"),
    [
        (401, {}, '{"detail":"A valid token is required."}', 3, "the token is not accepted (401)"),
        (404, {}, '{"detail":"There is nothing here."}', 3, "answers 404: There is nothing here."),
        (403, {}, "<h1>Forbidden</h1>", 3, "answers 403"),
        (302, {"Location": "https://elsewhere.example.com/"}, "", 3, "redirects (302)"),
        (429, {}, '{"message":"Too Many Requests"}', 2, "answers 429"),
        (500, {}, "", 2, "answers 500"),
        (503, {"Retry-After": "30"}, '{"detail":"Away | a while"}', 2, "answers 503: Away / a while"),
        (503, {"Retry-After": "30"}, '{"detail":"\\u001b[31mred\\n"}', 2, "[31mred"),
        (200, FRESH, "<h1>Maintenance</h1>", 2, "does not answer with OpenL2M's statistics"),
        (200, FRESH, "[]", 2, "does not answer with OpenL2M's statistics"),
        (200, FRESH, '{"database":{"switches":7},"usage":[]}', 2, "does not answer with OpenL2M's statistics"),
        (200, {}, json.dumps(DOCUMENT), 3, "the answer has no age"),
        (200, {"Age": "soon"}, json.dumps(DOCUMENT), 3, "the answer has no age"),
    ],
)
def test_other_answers(
    status: int, headers: dict[str, str], body: str, code: int, text: str, api: API, check: Check
) -> None:
    api.status, api.headers, api.body = status, headers, body
    found, line = check("--url", api.url)
    assert found == code
    assert line.startswith("OPENL2M ")
    assert text in line
    assert line.isprintable()
    assert len(api.requests) == 1


def test_no_answer(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert check("--url", url, "--timeout", "1") == (
            2,
            f"OPENL2M CRITICAL - {url}/api/stats/ does not answer: no answer within 1 s",
        )
    found, line = check("--url", url)
    assert found == 2
    assert line.endswith("does not answer: Connection refused")


def test_an_answer_that_drips_ends_in_time(check: Check) -> None:
    """Each byte comes within the time limit; the answer never ends."""

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.2)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert check("--url", url, "--timeout", "1")[0] == 2
        thread.join()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Missing option '--url'"),
        (["--url", "stats.example.com"], "--url: it takes the API's address"),
        (["--url", "https://"], "--url: it takes the API's address"),
        (["--url", "https://[{key}"], "--url: it takes the API's address"),
        (["--url", "https://user:{key}@stats.example.com"], "--url: it takes the API's address"),
        (["--url", "https://stats.example.com?token={key}"], "--url: it takes the API's address"),
        (["--url", "http://stats.example.com"], "--url: it takes https"),
        (["--url", "https://x", "--max-age", "soon"], "--max-age: it takes whole seconds"),
        (["--url", "https://x", "--timeout", "0"], "--timeout: it takes whole seconds"),
        (["--url", "https://x", "--min", "switches"], "--min: it takes a statistic and a number"),
        (["--url", "https://x", "--min", "switches=-1"], "--min: it takes a statistic and a number"),
        (["--url", "https://x", "{key}"], "too many arguments"),
        (["--url", "https://x", "--key", "{key}"], "no such option"),
        (["--url", "https://x", "--key-file", "/nowhere"], "--key-file cannot be read: No such file"),
    ],
)
def test_wrong_usage_is_unknown_and_repeats_no_key(arguments: list[str], text: str, check: Check, key: str) -> None:
    found, line = check(*(argument.format(key=key) for argument in arguments))
    assert found == 3
    assert line.startswith("OPENL2M UNKNOWN - ")
    assert text in line


@pytest.mark.parametrize("bad", ["", "Token {}", "{}0", "nothing"])
def test_no_key(bad: str, check: Check, key: str, tmp_path: Path) -> None:
    found, line = check("--url", "https://x", env={"OPENL2M_STATS_KEY": bad.format(key)})
    assert found == 3
    assert ("there is no token" in line) == (bad == "")
    file = tmp_path / "key"
    file.write_text(bad.format(key))
    found, line = check("--url", "https://x", "--key-file", str(file))
    assert found == 3
    assert "the file of --key-file has no key" in line


def test_over_make_run(check: Check) -> None:
    with running() as (_, printed):
        found = re.search(r"http://127\.0\.0\.1:\d+/", printed)
        assert found
        env = {"OPENL2M_STATS_KEY": demo.TOKEN}
        code, line = check("--url", found[0], "--min", "switches=1000", env=env)
        assert code == 0
        assert line.startswith("OPENL2M OK - 1246 switches, today ")
        assert len(line.partition(" | ")[2].split()) == len(SERVED) + 1
        assert check("--url", found[0], env={"OPENL2M_STATS_KEY": leaks.new_key()})[0] == 3


def test_help_is_for_people() -> None:
    done: subprocess.CompletedProcess[str] = call("check", "--help")
    assert done.returncode == 0
    assert "OPENL2M_STATS_KEY" in done.stdout

"""`openl2m-stats check` as a monitoring system runs it: a process, one line, an exit code."""

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openl2m_stats.local import demo
from stats.numbers.catalogue import SERVED
from tests.integration.test_command import call, environment
from tests.integration.test_run import running
from tests.support import leaks
from tests.support.api import API

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
def api() -> Iterator[API]:
    yield from API.run()


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


def test_a_key_in_a_file(api: API, check: Check, key: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"nagios\t{key}\n")
    other = {"OPENL2M_STATS_KEY": leaks.new_key()}
    assert check("--url", api.url, "--key-file", str(file), env=other)[0] == 0
    assert api.requests[0].headers["Authorization"] == f"Token {key}"


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

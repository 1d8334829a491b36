"""`openl2m-stats serve`. tests/integration/test_run.py runs it as a process, and calls the demo."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from dev.servers.databases import Database
from dev.servers.processes import free_port
from openl2m_stats.local import demo
from tests.support import leaks
from tests.unit.openl2m_stats.conftest import Ended
from tests.unit.openl2m_stats.local.conftest import Local

AUTHORIZATION = {"Authorization": f"Token {demo.TOKEN}"}
Call = Callable[[str], Any]


@pytest.fixture
def serve(local: Local) -> Callable[..., tuple[Ended, Any]]:
    """Return a function that serves until `call`, in another thread, has returned; it returns what `call` did, too."""

    def run(call: Call, number: signal.Signals = signal.SIGINT) -> tuple[Ended, Any]:
        port, returned = free_port(), []

        def call_and_end() -> None:
            try:
                returned.append(call(f"http://127.0.0.1:{port}/"))
            finally:
                os.kill(os.getpid(), number)

        def wait() -> None:
            # The port listens before the server is ready, and only a server that runs is to be ended.
            while not ended.wait(0.02):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        return call_and_end()
            return None

        ended = threading.Event()
        thread = threading.Thread(target=wait)
        thread.start()
        try:
            done = local("serve", "--port", str(port))
        finally:
            ended.set()
            thread.join()
        return done, returned[0] if returned else None

    return run


def get(url: str) -> Any:
    return requests.get(f"{url}api/stats/", headers=AUTHORIZATION, timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(number: signal.Signals, own_database: Database, serve: Any) -> None:
    own_database.insert("switches_vlan", [{}, {}, {}])
    done, answer = serve(get, number)
    assert (answer.status_code, answer.json()["database"]["vlans"]["value"]) == (200, 3)
    # The first answer comes from the snapshot that was taken at the start.
    assert answer.headers["Cache-Status"].endswith("; detail=snapshot")
    assert "Server" not in answer.headers
    assert (done.code, done.err) == (0, "")
    page = answer.url.removesuffix("api/stats/")
    assert f"\nOpen {page} in a browser to see OpenL2M's statistics." in done.out
    assert f"\n  curl {answer.url} -H 'Authorization: Token {demo.TOKEN}'\n" in done.out
    assert f"\n  http --form POST {answer.url} 'Authorization: Token {demo.TOKEN}'\n" in done.out


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6(own_database: Database, serve: Any) -> None:
    assert serve(lambda url: get(url.replace("127.0.0.1", "[::1]")).status_code)[1] == 200


def test_a_terminal_shows_the_log_in_words(own_database: Database, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    done, status = serve(lambda url: requests.get(f"{url}api/stats/", timeout=30).status_code)
    assert status == 401
    [line] = [line for line in done.out.splitlines() if line.startswith("GET ")]
    assert line.split()[:3] == ["GET", "/api/stats/", "401"]
    assert "{" not in done.out


@pytest.fixture
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that something listens on."""
    family, host = request.param
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("taken", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], indirect=True, ids=str)
@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_port_in_use(taken: int, local: Local) -> None:
    done = local("serve", "--port", str(taken))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"Port {taken} cannot be used (")
    assert done.err.endswith("): try --port 8001\n")


@pytest.mark.parametrize("port", ["http", "-1", "65536", "", "٣"])
def test_a_wrong_port(port: str, local: Local) -> None:
    done = local("serve", f"--port={port}")
    assert (done.code, done.out) == (2, "")
    problem = "openl2m-stats serve: --port: it takes 1 to 65535, or 0 for any that is free"
    assert done.err.splitlines()[-1] == problem


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"DATABASE_URL": "oracle://user:{}@host/db"}, "DATABASE_URL has an unknown scheme: it takes mysql://"),
        ({"DATABASE_URL": "{}"}, "DATABASE_URL has an unknown scheme"),
        ({"DATABASE_URL": "sqlite:///nowhere/x"}, "DATABASE_URL names no file: there is no 'nowhere/x'"),
        *(
            ({"DATABASE_URL": f"{scheme}://user:{{}}@127.0.0.1:{{port}}/x"}, "The statistics cannot be read. ")
            for scheme in ("mysql", "postgresql")
        ),
        ({"TIME_ZONE": "Mars"}, "The statistics cannot be read. TIME_ZONE is wrong: it takes a zone"),
    ],
    ids=lambda each: "" if isinstance(each, str) else "+".join(each.values()),
)
def test_what_cannot_be_served(
    variables: dict[str, str], line: str, own_database: Database, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(leaks.new_password(), port=free_port()))
    done = local("serve", "--port", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(line)
    assert done.err.count("\n") == 1
    assert ("refused" in done.err) == ("127.0.0.1" in variables.get("DATABASE_URL", ""))
    assert not leaks.found_in(done.err)


def test_uvicorn_is_missing(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = local("serve", "--port", "0")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("uvicorn is missing: the extra `local` brings it (pipx install '.[local]').\n")

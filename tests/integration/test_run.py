"""`make run` and `make invoke`, as a user runs them."""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from dev.servers.databases import Database, Server
from dev.servers.processes import free_port
from stats.numbers.catalogue import SERVED
from tests.support import leaks
from tests.support.databases import ROOT, server_database
from tests.support.proxy import Proxy

EVENTS = {
    "get_metrics": 200,
    "get_stats": 200,
    "head_stats": 200,
    "post_form": 200,
    "no_token": 401,
    "unknown_token": 401,
    "options": 204,
    "get_page": 200,
    "get_health": 200,
    "conditional": 304,
    "rest_api_get_stats": 200,
    "get_history": 200,
    "get_history_csv": 200,
    "rest_api_get_history": 200,
}
SCHEDULED = {"schedule", "schedule_rule"}
DOCTOR = "doctor"


def environment(**variables: object) -> dict[str, str]:
    """Return a bare environment with the development environment's programs first."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": "functions", **{name: str(value) for name, value in variables.items()}}


@contextlib.contextmanager
def running(**variables: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server; yield it and what it has printed by the time it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "openl2m_stats", "serve"],
        cwd=ROOT,
        env=environment(**{"PORT": free_port(), **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        printed = ""
        while "http --form" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        yield process, printed
    finally:
        process.kill()
        rest, _ = process.communicate()
        assert not leaks.found_in(printed + (rest or ""))


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    with running() as (_, printed):
        yield printed


def commands(printed: str) -> dict[str, str]:
    return {line.split()[0]: line.strip() for line in printed.splitlines() if line.startswith("  ")}


def values(document: Any) -> dict[str, int]:
    return {key: entry["value"] for section in document.values() for key, entry in section.items()}


def check_demo(document: Any) -> None:
    numbers = values(document)
    assert len(numbers) == len(SERVED)
    assert numbers["switches"] == 1246
    assert numbers["switchgroups"] == 33
    assert numbers["vlans"] == 295
    assert numbers["log_entries"] == 4925
    assert numbers["changes_total"] == 39014
    assert 0 < numbers["devices_last_7_days"] < numbers["devices_last_31_days"] < 1246


def test_the_printed_curl_line(demo: str) -> None:
    finished = subprocess.run(
        ["sh", "-c", commands(demo)["curl"] + " --silent --include"], capture_output=True, text=True, check=True
    )
    head, _, body = finished.stdout.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 ")
    check_demo(json.loads(body))


def test_the_pages_address_is_printed_first(demo: str) -> None:
    url = re.findall(r"http://\S+", demo)[0]
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/", url)
    answer = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert requests.get(url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=10).status_code == 304


def test_the_printed_httpie_line(demo: str) -> None:
    finished = subprocess.run(
        ["sh", "-c", commands(demo)["http"] + " --ignore-stdin --check-status"],
        env=environment(HOME="/nonexistent"),
        capture_output=True,
        text=True,
        check=True,
    )
    check_demo(json.loads(finished.stdout))


def test_openl2ms_example_client(demo: str) -> None:
    url, key = re.findall(r"http://\S+/(?=api)", demo)[0], re.findall(r"[0-9a-f]{40}", demo)[0]
    answer = requests.get(
        f"{url}api/stats/",
        headers={"Authorization": f"Token {key}", "Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 200
    check_demo(answer.json())


def test_the_demo_has_a_past(demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    authorization = {"Authorization": header.partition(": ")[2]}
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=90)), "to": str(today)}
    history = requests.get(f"{url}history/", days, headers=authorization, timeout=10).json()
    now = requests.get(url, headers=authorization, timeout=10).json()

    gaps = [number for number, value in enumerate(history["usage"]["changes_today"]["values"]) if value is None]
    assert 0 < len(gaps) < 5
    backfilled = len(history["backfilled"])
    assert history["backfilled"] == history["days"][:backfilled]
    for section in ("database", "usage", "counters"):
        for key, statistic in history[section].items():
            told = statistic["values"]
            assert len(told) == 91
            assert told[-1] is not None
            assert section != "database" or told[-1] == now[section][key]["value"]
            known = key.endswith(("_hour", "_today", "_days"))
            assert [value is not None for value in told[:backfilled]] == [known] * backfilled
            assert [n for n in range(backfilled, 91) if told[n] is None] == gaps


def test_http_as_it_travels(demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    authorization = {"Authorization": header.partition(": ")[2]}
    with requests.Session() as session:
        get = session.get(url, headers=authorization, timeout=10)
        assert int(get.headers["Content-Length"]) == get.raw.tell()
        head = session.head(url, headers=authorization, timeout=10)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == get.headers["ETag"]
        # Where there is neither, the server says "chunked", which Nagios' check_http waits for.
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert "Transfer-Encoding" not in head.headers
        not_modified = session.get(url, headers={**authorization, "If-None-Match": get.headers["ETag"]}, timeout=10)
        assert (not_modified.status_code, not_modified.content) == (304, b"")
        options = session.options(url, timeout=10)
        assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
        assert session.get(url.rstrip("/"), headers=authorization, timeout=10).status_code == 200
        assert session.get(url + "x", headers=authorization, timeout=10).status_code == 404
        refused = session.get(url, timeout=10)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Token")
        assert session.head(url, timeout=10).headers["Content-Length"] == str(len(refused.content))


def test_a_header_sent_twice(demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    port = int(url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        lines = ["GET /api/stats/ HTTP/1.1", "Host: localhost", header, header, "Connection: close", "", ""]
        client.sendall("\r\n".join(lines).encode())
        assert client.recv(100).startswith(b"HTTP/1.1 401 ")


def listening(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on."""
    process = Path(f"/proc/{pid}")
    links = set()
    for each in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the connection of the last request may just be closed
            links.add(str(each.readlink()))
    lines = [line for name in ("tcp", "tcp6") for line in (process / "net" / name).read_text().splitlines()]
    rows = [line.split() for line in lines]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    with running(PORT=port, TMPDIR=tmp_path) as (process, printed):
        assert list(tmp_path.iterdir())
        _, url, _, header = shlex.split(commands(printed)["curl"])
        assert requests.get(url, headers=dict([header.split(": ")]), timeout=10).status_code == 200
        if Path("/proc/net/tcp").exists():  # only Linux tells what a process listens on
            assert listening(process.pid) == {port}
        process.send_signal(number)
        rest, _ = process.communicate(timeout=20)
        assert (process.returncode, rest.strip()) == (0, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_another_sites_page_reads_nothing(method: str, demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET", **dict([header.split(": ")])}
    answer = requests.request(method, url, headers=headers, timeout=10)
    assert answer.status_code == (200 if method == "GET" else 204)
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("request_line", "host", "status"),
    [
        ("GET /api/stats/ HTTP/1.0", None, 200),  # a browser always sends one
        ("GET http://localhost:{port}/api/stats/ HTTP/1.1", "localhost:{port}", 200),
        ("GET HTTP://127.0.0.1:{port}/api/stats/?x=http://a/b HTTP/1.1", "evil.example", 200),
        ("GET http://localhost:{port} HTTP/1.1", "localhost", 200),
        ("GET http://evil.example/api/stats/ HTTP/1.1", "localhost", 421),
        ("GET http:///api/stats/ HTTP/1.1", "localhost", 404),
    ],
)
def test_what_a_request_is_for(request_line: str, host: str | None, status: int, demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    port = int(url.split(":")[2].split("/")[0])
    lines = [request_line, header, *([f"Host: {host}"] if host else []), "Connection: close", "", ""]
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall("\r\n".join(lines).format(port=port).encode())
        assert client.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


CHECK_HTTP = Path("/usr/lib/nagios/plugins/check_http")


@pytest.mark.skipif(not CHECK_HTTP.exists(), reason="check_http is not installed")
@pytest.mark.parametrize("options", [[], ["-j", "HEAD"], ["-H", "localhost"], ["-j", "HEAD", "-H", "localhost"]])
def test_nagios_check_http(options: list[str], demo: str) -> None:
    _, url, _, header = shlex.split(commands(demo)["curl"])
    port = url.split(":")[2].split("/")[0]
    where = ["-I", "127.0.0.1", "-p", port, "-u", "/api/stats/", "-k", header, "-e", "HTTP/1.1 200"]
    finished = subprocess.run([CHECK_HTTP, *where, *options], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout.partition(":")[0]) == (0, "HTTP OK")


def url_of(database: Database, proxy: Proxy | None = None) -> str:
    """Return the DATABASE_URL of a database on a server, by way of a proxy if there is one."""
    scheme = {"mariadb": "mariadb", "mysql": "mysql", "postgres": "postgresql"}[database.engine]
    server = proxy or database.server
    assert server
    return f"{scheme}://{database.user}:{database.password}@{server.host}:{server.port}/{database.name}"


def test_a_database_of_the_users_own(server_db: Database) -> None:
    now = datetime.now(UTC)
    log = {"type": 1, "switch_id": 1, "user_id": 1}
    server_db.insert("switches_log", [{**log, "timestamp": now - timedelta(minutes=1)}, log])
    with running(DATABASE_URL=url_of(server_db)) as (_, printed):
        url, key = re.findall(r"http://\S+/(?=;)", printed)[0], re.findall(r"[0-9a-f]{40}", printed)[0]
        answer = requests.get(url, headers={"Authorization": f"Token {key}"}, timeout=10)
    numbers = values(answer.json())
    assert (numbers["log_entries"], numbers["changes_last_hour"], numbers["switches"]) == (2, 1, 0)


def test_the_database_is_asked_once_for_the_first_answer(plain_server: Server) -> None:
    with (
        server_database(plain_server) as database,
        Proxy((plain_server.host, plain_server.port)) as proxy,
        running(DATABASE_URL=url_of(database, proxy)) as (_, printed),
    ):
        _, url, _, header = shlex.split(commands(printed)["curl"])
        assert requests.get(url, headers=dict([header.split(": ")]), timeout=10).status_code == 200
        assert proxy.sent.count(b"switches_netmikoprofile") == 1


def test_a_bad_password(server_db: Database) -> None:
    url = url_of(replace(server_db, password=leaks.new_password()))
    finished = subprocess.run(
        [sys.executable, "-m", "openl2m_stats", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment(DATABASE_URL=url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    [line] = finished.stderr.splitlines()
    assert "1045" in line or "28P01" in line
    assert not leaks.found_in(line)


def test_every_event_is_tested() -> None:
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == {*EVENTS, *SCHEDULED, DOCTOR}


# What `openl2m-stats invoke` does, for several files at once: the demo takes longer than all of them.
_INVOKE = """
import json, pathlib, sys
from openl2m_stats.local.aws import local_aws
with local_aws(None):
    from stats.api import handler
    answers = {path: handler(json.loads(pathlib.Path(path).read_text()), None) for path in sys.argv[1:]}
print(json.dumps(answers, indent=2))
"""


def invoked(*command: str) -> Any:
    """Return what a process prints last: the logger writes to standard output, as in Lambda."""
    finished = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    return json.loads(finished.stdout[finished.stdout.index("{\n") :])


@pytest.fixture(scope="module")
def answers() -> Any:
    """What the handler returns for each of the event files."""
    return invoked("-c", _INVOKE, *(f"events/{event}.json" for event in EVENTS))


@pytest.mark.parametrize(("event", "status"), EVENTS.items())
def test_events(event: str, status: int, answers: Any) -> None:
    answer = answers[f"events/{event}.json"]
    assert answer["statusCode"] == status
    if event in {"get_stats", "post_form", "rest_api_get_stats"}:
        check_demo(json.loads(answer["body"]))
    if event == "get_history_csv":
        assert answer["body"].startswith("day,source,switches,")
        assert answer["body"].count("\r\n") == 32
    elif "history" in event:
        days = json.loads(answer["body"])
        assert len(days["days"]) == 31
        assert days["to"] == str(datetime.now(UTC).date())
        assert any(days["database"]["switches"]["values"])
    if event == "get_metrics":
        assert "\nopenl2m_switches 1246.0\n" in answer["body"]


def test_invoke() -> None:
    answer = invoked("-m", "openl2m_stats", "invoke", "events/get_stats.json")
    assert answer["statusCode"] == 200
    check_demo(json.loads(answer["body"]))


def test_invoke_the_event_of_the_doctor() -> None:
    findings = invoked("-m", "openl2m_stats", "invoke", f"events/{DOCTOR}.json")["findings"]
    assert {each["state"] for each in findings if each["name"] != "snapshot"} == {"ok"}


def snapshot(**variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openl2m_stats", "snapshot"],
        cwd=ROOT,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_snapshot_of_the_demo() -> None:
    finished = snapshot()
    assert (finished.returncode, finished.stderr) == (0, "")
    key, content = finished.stdout.splitlines()
    document = json.loads(content)
    time = document.pop("scheduled_for")
    assert key == f"snapshots/dt={time[:10]}/{time.replace(':', '-')}.json"
    assert document.pop("taken_at")[:19] == time[:19]
    assert (document.pop("time_zone"), document.pop("read_from")["engine"]) == ("UTC", "sqlite")
    assert document.pop("counters")["failed_logins"] == {"label": "Failed logins", "value": 712}
    check_demo(document)

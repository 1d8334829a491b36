"""`make run`'s server under load, while its database goes away and comes back."""

import base64
import contextlib
import json
import re
import secrets
import shlex
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dev.servers.databases import Server
from tests.integration.test_run import commands, running, url_of
from tests.soak import FULL
from tests.support.databases import server_database

CONNECTIONS = 50 if FULL else 8
# In turn, the database is there and away for so many seconds, and it is there at the end.
PHASE_SECONDS, PHASES = (10, 7) if FULL else (3, 3)
SETTINGS = {"CACHE_TTL_SECONDS": 1, "TOKENS_TTL_SECONDS": 2, "TOKENS_REFRESH_SECONDS": 1}
LONGEST_WAIT = 8  # of the back-off, in as long an outage
PAUSE_SECONDS = 0.02


class Caller(threading.Thread):
    """Asks over one connection again and again, now with a good token, now conditionally, now with no good token."""

    def __init__(self, port: int, authorization: str, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.seen: Counter[str] = Counter()
        self.slowest = 0.0
        self.error: Exception | None = None
        self._port, self._authorization, self._ended = port, authorization, ended

    def run(self) -> None:
        try:
            with contextlib.closing(HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
                for number, headers in enumerate(self._requests()):
                    self._ask(connection, "HEAD" if number % 7 == 0 else "GET", headers)
                    if self._ended.wait(PAUSE_SECONDS):
                        return
        except Exception as error:  # noqa: BLE001 the test is to see it
            self.error = error

    def _requests(self) -> Iterator[dict[str, str]]:
        while True:
            yield {"Authorization": self._authorization}
            yield {"Authorization": self._authorization, "If-None-Match": "*"}
            yield {"Authorization": f"Token {secrets.token_hex(20)}"}
            yield {}

    def _ask(self, connection: HTTPConnection, method: str, headers: dict[str, str]) -> None:
        started = time.monotonic()
        connection.request(method, "/api/stats/", headers=headers)
        answer = connection.getresponse()
        answer.read()
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.seen[str(answer.status)] += 1
        if "Cache-Status" in answer.headers:
            self.seen[re.findall("fwd=miss|detail=.*", answer.headers["Cache-Status"])[0]] += 1


@pytest.mark.slow
@pytest.mark.parametrize("own_postgresql", [["log_statement=all"]], indirect=True)
def test_an_outage_under_load(own_postgresql: Server, tmp_path: Path, report: Callable[[str], None]) -> None:
    process = own_postgresql.process
    assert process
    recording = tmp_path / "aws"
    with (
        server_database(own_postgresql) as database,
        running(
            DATABASE_URL=url_of(database),
            MOTO_ENABLE_RECORDING="true",
            MOTO_RECORDER_FILEPATH=recording,
            **SETTINGS,
        ) as (server, printed),
    ):
        _, url, _, header = shlex.split(commands(printed)["curl"])
        port, authorization = int(url.split(":")[2].split("/")[0]), header.partition(": ")[2]
        assert server.stdout
        lines: list[str] = []
        reader = threading.Thread(target=lines.extend, args=[server.stdout], daemon=True)
        reader.start()
        log = process.directory / "log"
        logged = len(log.read_text())
        ended = threading.Event()
        callers = [Caller(port, authorization, ended) for _ in range(CONNECTIONS)]
        began = time.monotonic()
        for caller in callers:
            caller.start()
        for phase in range(PHASES):
            if phase % 2:
                process.stop()
            elif phase:
                process.start()
            time.sleep(PHASE_SECONDS)
        recovered = _fresh_within(port, authorization, LONGEST_WAIT)
        ended.set()
        for caller in callers:
            caller.join()
        seconds = time.monotonic() - began
        server.terminate()
        reader.join()
        statements = log.read_text()[logged:].count(" LOG:  statement: ")
        reads = _reads(recording)
    failures = Counter(json.loads(line).get("message") for line in lines if line.startswith("{"))["database failed"]
    seen = sum((caller.seen for caller in callers), Counter())
    report(
        f"{seconds:.0f} s, {CONNECTIONS} connections: {dict(seen)}, {statements} statements, {failures} failures, "
        f"read {dict(reads)}; slowest answer {max(caller.slowest for caller in callers):.2f} s"
    )

    assert [caller.error for caller in callers if caller.error] == []
    assert {status for status in seen if status.isdecimal()} == {"200", "304", "401"}
    assert {"fwd=miss", "detail=memory", "detail=stale"} <= seen.keys()
    assert recovered
    outages = PHASES // 2
    # One in CACHE_TTL_SECONDS, one about indexes on each new connection, and one that the end of the server cut short.
    assert seen["fwd=miss"] <= statements <= seconds / SETTINGS["CACHE_TTL_SECONDS"] + 1 + 2 * (outages + 1)
    # The waits grow: 1, 2, 4, 8 s; and a server that starts refuses as well.
    assert failures <= outages * (LONGEST_WAIT.bit_length() + 1)
    # A key that is not known makes the registry be read at most once in TOKENS_REFRESH_SECONDS.
    assert reads["openl2m-stats/tokens"] <= seconds / SETTINGS["TOKENS_REFRESH_SECONDS"] + 2
    # Only a failed attempt to connect makes the database's secret be read again; both functions read it at first.
    assert reads["openl2m-stats/database"] <= failures + 3


def _fresh_within(port: int, authorization: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", "/api/stats/", headers={"Authorization": authorization})
            answer = connection.getresponse()
        if answer.status == 200 and "detail=stale" not in answer.headers["Cache-Status"]:
            return True
        time.sleep(0.1)
    return False


def _reads(recording: Path) -> Counter[str]:
    """Return how often each secret was read, from what moto has recorded."""
    calls = [json.loads(line) for line in recording.read_text().splitlines()]
    reads = [call for call in calls if call["headers"].get("X-Amz-Target") == "secretsmanager.GetSecretValue"]
    return Counter(json.loads(base64.b64decode(call["body"]))["SecretId"] for call in reads)

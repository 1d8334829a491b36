"""What Lambda stores of a function under SnapStart."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.support.databases import ROOT
from tests.support.events import http_api

# Starts as the runtime does, says so, and runs the hooks and a request when it hears back.
PROGRAM = """
import sys, snapshot_restore_py, stats.api
print("stored", flush=True)
sys.stdin.readline()
for hook, arguments, options in snapshot_restore_py.get_after_restore():
    hook(*arguments, **options)
print(stats.api.handler(EVENT, None)["statusCode"], flush=True)
sys.stdin.readline()
"""


class Credentials:
    """The endpoint that Lambda gives a function under SnapStart, in the place of variables with credentials."""

    def __init__(self) -> None:
        self.requests = 0
        self.access_key, self.secret_key, self.token = "ASIA" + "Q" * 16, leaks.new_key(), leaks.new_key() * 8

    def answer(self) -> bytes:
        self.requests += 1
        expires = datetime.now(UTC) + timedelta(hours=1)
        return json.dumps(
            {
                "AccessKeyId": self.access_key,
                "SecretAccessKey": self.secret_key,
                "Token": self.token,
                "Expiration": expires.isoformat(),
            }
        ).encode()


@pytest.fixture
def endpoint() -> Iterator[tuple[str, Credentials]]:
    credentials = Credentials()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = credentials.answer()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/credentials", credentials
        server.shutdown()
        thread.join()


def found_in_memory(pid: int, *texts: str) -> set[str]:
    """Return those of some texts that a process has anywhere in its memory."""
    found = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if span:
                start, end = (int(each, 16) for each in span.groups())
                with contextlib.suppress(OSError):  # it has gone since the list was read
                    memory.seek(start)
                    content = memory.read(end - start)
                    found |= {text for text in texts if text.encode() in content}
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's memory")
def test_the_stored_process_holds_no_credentials(
    sqlite_db: Database, aws: AWS, moto_url: str, endpoint: tuple[str, Credentials]
) -> None:
    """SECURITY.md says that a snapshot holds no secret; the session credentials of the function's role were in it."""
    url, credentials = endpoint
    aws.put_database(sqlite_db.secret())
    event = http_api(headers=[("Authorization", f"Token {aws.new_token()}")])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_LAMBDA_FUNCTION_NAME": "stats",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "SNAPSHOT_BUCKET": "bucket",
        "PYTHONPATH": str(ROOT / "functions"),
    }
    secrets = credentials.access_key, credentials.secret_key, credentials.token
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("EVENT", repr(event))],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as function:
        lines: Any = filter(lambda line: not line.startswith("{"), function.stdout or ())
        tell = function.stdin
        assert tell
        told = [next(lines)]
        stored, requests = found_in_memory(function.pid, *secrets), credentials.requests
        tell.write("restore\n")
        tell.flush()
        told.append(next(lines))
        restored = found_in_memory(function.pid, *secrets)
        tell.write("end\n")
        tell.flush()
    assert told == ["stored\n", "200\n"]
    assert (stored, requests) == (set(), 0)
    assert (restored, credentials.requests) == (set(secrets), 1)  # so they would have been found

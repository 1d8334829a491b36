"""One container, invoked so often that whatever grows or slows down would show."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from dev.servers.databases import Database, Server
from tests.integration.conftest import AWS
from tests.soak import FULL
from tests.support import leaks
from tests.support.databases import ROOT, server_database
from tests.support.outages import end_sessions
from tests.support.s3 import S3

TIMES = 100_000 if FULL else 3000
MOST_GROWTH_MIB = 4
MOST_DRIFT = 3  # other programs share the machine


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process holds")
def test_nothing_grows_and_nothing_slows_down(
    own_postgresql: Server, aws: AWS, s3: S3, report: Callable[[str], None]
) -> None:
    key, unknown = aws.new_token(), leaks.new_key()
    command = [sys.executable, "-m", "tests.soak.invocations", str(TIMES), key, unknown]
    environment = {**os.environ, "PYTHONPATH": "functions:."}
    with server_database(own_postgresql) as database:
        aws.put_database(database.secret())
        with ending_sessions(database):
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    tenths = json.loads(done.stdout)
    report("\n".join(map(json.dumps, tenths)))

    for tenth in tenths:
        assert tenth["statuses"].keys() == {"200", "204", "304", "400", "401", "404", "405"}
    # The first tenth fills what is kept for good.
    settled, last = tenths[1], tenths[-1]
    assert last["memory"] <= settled["memory"] + MOST_GROWTH_MIB
    for what in ("threads", "sockets"):
        assert last[what] <= settled[what] + 1  # one may just be on its way out
    for measure in ("median", "95th") if FULL else ("median",):
        assert last[measure] <= tenths[0][measure] * MOST_DRIFT


@contextlib.contextmanager
def ending_sessions(database: Database) -> Iterator[None]:
    """End the sessions of the read-only user once a second: what belongs to a dead connection is not to be kept."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(1):
            end_sessions(database)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

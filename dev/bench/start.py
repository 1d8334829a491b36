"""One cold start, and what is started."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.build.sandbox import RUNTIME, Package, Sandbox

_ROOT = Path(__file__).parents[2]
_BARE = """\
import boto3

client = boto3.client("secretsmanager")


def handler(event, context):
    return {}
"""
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_ANSWER = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")


@dataclass(frozen=True)
class Start:
    """One cold start: nanoseconds, and KiB."""

    init: int
    answer: int
    memory: int


@dataclass(frozen=True)
class Container:
    """What is started, and the event that it is handed."""

    package: Package
    handler: str
    variables: Mapping[str, str]
    event: Any


def containers(directory: Path) -> dict[str, Container]:
    """Return what is compared; within served_aws(), and with a snapshot in its bucket."""
    bare = directory / "bare"
    bare.mkdir()
    (bare / "bare.py").write_text(_BARE)
    subprocess.run([RUNTIME, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", bare], check=True)
    names = ("AWS_ENDPOINT_URL", "DATABASE_SECRET_ID", "TOKENS_SECRET_ID")
    variables = {name: os.environ[name] for name in names} | {"CACHE_TTL_SECONDS": "86400"}
    with_bucket = {**variables, "SNAPSHOT_BUCKET": os.environ["SNAPSHOT_BUCKET"]}
    start(Container(Package(), "stats.schedule.handler", with_bucket, {}), directory)
    event = json.loads((_ROOT / "events/get_stats.json").read_text())
    return {
        "bare": Container(Package(function=bare), "bare.handler", variables, event),
        "database": Container(Package(), "stats.api.handler", variables, event),
        "snapshot": Container(Package(), "stats.api.handler", with_bucket, event),
    }


def start(container: Container, directory: Path) -> Start:
    """Start a container, hand it its event, and end it."""
    sandbox = Sandbox(container.package, directory / "log", container.handler, **container.variables)
    try:
        answer = sandbox.run(container.event)
        if answer.get("statusCode", 200) != 200 or "errorType" in answer:
            raise RuntimeError(f"{container.handler} answered {answer}")
        until = time.monotonic() + 10
        while True:  # the answer may be here before the line that tells how long it took
            init, first = _INIT.search(sandbox.log), _ANSWER.search(sandbox.log)
            if init and first:
                break
            if time.monotonic() > until:
                raise RuntimeError(f"the emulator did not tell how long it took:\n{sandbox.log}")
            time.sleep(0.01)
        return Start(int(float(init[1]) * 1e6), int(float(first[1]) * 1e6), sandbox.peak_memory_kib())
    finally:
        sandbox.close()

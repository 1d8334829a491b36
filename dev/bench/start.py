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
# The handler that Lambda's runtime is given: it imports the one that is measured, and says what that took.
_MEASURED = """\
import os
import resource
from importlib import import_module

_module, _name = os.environ["MEASURED_HANDLER"].rsplit(".", 1)
handler = getattr(import_module(_module), _name)
_used = resource.getrusage(resource.RUSAGE_SELF)
print(f"PROCESSOR TIME {round((_used.ru_utime + _used.ru_stime) * 1e6)} us", flush=True)
"""
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_PROCESSOR = re.compile(r"PROCESSOR TIME (\d+) us")
_ANSWER = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")


@dataclass(frozen=True)
class Start:
    """One cold start: nanoseconds, and KiB. `processor` is the processor time until the init's end, of all threads."""

    init: int
    processor: int
    answer: int
    memory: int


@dataclass(frozen=True)
class Container:
    """What is started, and the event that it is handed."""

    package: Package
    handler: str
    variables: Mapping[str, str]
    event: Any


def containers(directory: Path, base: Path | None) -> dict[str, Container]:
    """Return what is compared; within served_aws(), and with a snapshot in its bucket.

    `base` is a folder that `make build` has made of another version, or None.
    """
    for name, text in (("bare", _BARE), ("measured", _MEASURED)):
        (directory / name).mkdir()
        (directory / name / f"{name}.py").write_text(text)
        compiling: list[str | Path] = [
            RUNTIME,
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode",
            "unchecked-hash",
            directory / name,
        ]
        subprocess.run(compiling, check=True)
    names = ("AWS_ENDPOINT_URL", "DATABASE_SECRET_ID", "TOKENS_SECRET_ID")
    variables = {name: os.environ[name] for name in names} | {"CACHE_TTL_SECONDS": "86400"}
    with_bucket = {**variables, "SNAPSHOT_BUCKET": os.environ["SNAPSHOT_BUCKET"]}
    start(Container(Package(), "stats.schedule.handler", with_bucket, {}), directory)
    event = json.loads((_ROOT / "events/get_stats.json").read_text())
    compared = {"bare": Container(Package(function=directory / "bare"), "bare.handler", variables, event)}
    packages = {"": Package()}
    if base:
        packages = {"_before": Package(base / "StatsFunction", base / "DependenciesLayer"), "": Package()}
    for suffix, package in packages.items():
        compared[f"database{suffix}"] = Container(package, "stats.api.handler", variables, event)
        compared[f"snapshot{suffix}"] = Container(package, "stats.api.handler", with_bucket, event)
    return compared


def start(container: Container, directory: Path) -> Start:
    """Start a container, hand it its event, and end it."""
    path = f"{container.package.environment()['PYTHONPATH']}:{directory / 'measured'}"
    variables = {**container.variables, "PYTHONPATH": path, "MEASURED_HANDLER": container.handler}
    sandbox = Sandbox(container.package, directory / "log", "measured.handler", **variables)
    try:
        answer = sandbox.run(container.event)
        if answer.get("statusCode", 200) != 200 or "errorType" in answer:
            raise RuntimeError(f"{container.handler} answered {answer}")
        until = time.monotonic() + 10
        while True:  # the answer may be here before the line that tells how long it took
            log = sandbox.log
            init, processor, first = _INIT.search(log), _PROCESSOR.search(log), _ANSWER.search(log)
            if init and processor and first:
                break
            if time.monotonic() > until:
                raise RuntimeError(f"the emulator did not tell how long it took:\n{log}")
            time.sleep(0.01)
        return Start(
            init=int(float(init[1]) * 1e6),
            processor=int(processor[1]) * 1000,
            answer=int(float(first[1]) * 1e6),
            memory=sandbox.peak_memory_kib(),
        )
    finally:
        sandbox.close()

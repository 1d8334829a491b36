"""`make bench-cold`: how long the built function takes to start, beside a handler that only makes one client.

Both start in Lambda's runtime under SAM CLI's emulator, in turn, each time as a new process. Init is from the start
of that process to its asking for the first event, and first answer is what that event took: both as the emulator
logs them. Secrets Manager and S3 are moto's, and the database is a MariaDB on this machine. Prints Markdown;
writes bench-cold.json.
"""

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.artifact import BUILD, pack
from tools.bench import load, machine, warm
from tools.bench.imports import slowest
from tools.bench.markdown import ratio, spread, table
from tools.bench.progress import Progress
from tools.bench.timing import Timing, summarize
from tools.databases import own_server, server_database
from tools.local_aws import local_aws
from tools.sandbox import RUNTIME, Package, Sandbox
from tools.servers import ServerError, mariadb

_ROOT = Path(__file__).parents[2]
_ENTRIES = 5000
_BARE = """\
import boto3

client = boto3.client("secretsmanager")


def handler(event, context):
    return {}
"""
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_ANSWER = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")
_MODULES = 15
_NAMES = ("bare", "database", "snapshot")
_TEXTS = {
    "bare": "a handler that makes one client of boto3",
    "database": "this function, answering from the database",
    "snapshot": "this function, answering from a snapshot",
}


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


def _containers(directory: Path) -> dict[str, Container]:
    """Return what is compared; within local_aws(), and with a snapshot in its bucket."""
    bare = directory / "bare"
    bare.mkdir()
    (bare / "bare.py").write_text(_BARE)
    subprocess.run([RUNTIME, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", bare], check=True)
    names = ("AWS_ENDPOINT_URL", "DATABASE_SECRET_ID", "TOKENS_SECRET_ID")
    variables = {name: os.environ[name] for name in names} | {"CACHE_TTL_SECONDS": "86400"}
    with_bucket = {**variables, "SNAPSHOT_BUCKET": os.environ["SNAPSHOT_BUCKET"]}
    _start(Container(Package(), "stats.schedule.handler", with_bucket, {}), directory)
    event = json.loads((_ROOT / "events/get_stats.json").read_text())
    return {
        "bare": Container(Package(function=bare), "bare.handler", variables, event),
        "database": Container(Package(), "stats.api.handler", variables, event),
        "snapshot": Container(Package(), "stats.api.handler", with_bucket, event),
    }


def _start(container: Container, directory: Path) -> Start:
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


def _run(starts: int) -> dict[str, list[Start]]:
    progress = Progress(starts + 1)
    found: dict[str, list[Start]] = {name: [] for name in _NAMES}
    with (
        local_aws(None),
        tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory,
        mariadb() as process,
        server_database(own_server(process), "P" + secrets.token_hex(12)) as database,
    ):
        progress.begin("preparing")
        load.fill(database, _ENTRIES, lambda _: None)
        warm.use(database)
        containers = _containers(Path(directory))
        for container in containers.values():  # into the disk's cache
            _start(container, Path(directory))
        for number in range(1, starts + 1):
            progress.begin(f"cold starts, round {number} of {starts}")
            for name, container in containers.items():
                found[name].append(_start(container, Path(directory)))
    progress.end()
    return found


def _report(found: dict[str, list[Start]], output: Path) -> str:
    """Write bench-cold.json; return the tables."""
    init = {name: summarize([start.init for start in starts]) for name, starts in found.items()}
    answer = {name: summarize([start.answer for start in starts]) for name, starts in found.items()}
    memory = {name: max(start.memory for start in starts) / 1024 for name, starts in found.items()}
    both = {name: summarize([start.init + start.answer for start in starts]) for name, starts in found.items()}
    modules, packages = (
        slowest(_MODULES),
        {name: len(pack(BUILD / name)) for name in ("StatsFunction", "DependenciesLayer")},
    )
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.facts(),
        "unit": "milliseconds, MiB, bytes zipped",
        "starts": {
            name: {"init": init[name].as_json(), "first_answer": answer[name].as_json(), "memory": round(memory[name])}
            for name in found
        },
        "imports": [asdict(module) for module in modules],
        "packages": packages,
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "bench-cold.json").write_text(json.dumps(content, indent=1) + "\n")
    heads = ["milliseconds", "init", "of the first", "first answer", "both", "of the first", "peak memory, MiB"]

    def compare(timings: dict[str, Timing], name: str) -> list[str]:
        return [spread(timings[name]), ratio(timings[name], timings["bare"])]

    starts = [
        [text, *compare(init, name), spread(answer[name]), *compare(both, name), f"{memory[name]:.0f}"]
        for name, text in _TEXTS.items()
    ]
    rows = [[f"`{module.name}`", f"{module.alone:.1f}", f"{module.with_imports:.1f}"] for module in modules]
    sizes = [[name, f"{size:,}"] for name, size in packages.items()]
    return "\n".join(
        [
            table(heads, starts),
            table(["imported module", "alone, milliseconds", "with what it imports"], rows),
            table(["package", "bytes, zipped"], sizes),
        ]
    )


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 130 when interrupted, 1 when something is missing."""
    parser = argparse.ArgumentParser(prog="make bench-cold")
    parser.add_argument("--starts", type=int, default=15, help="how often each is started")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder of the JSON")
    options = parser.parse_args(arguments)
    try:
        found = _run(options.starts)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except ServerError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(_report(found, options.output))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))

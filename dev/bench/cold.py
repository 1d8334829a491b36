"""`make bench-cold`: cold starts of the built function, beside those of a handler that only makes one client.

All start in turn, each time as a new process of Lambda's runtime under SAM CLI's emulator. Init is the time from the
start of the process to its request for the first event, and first answer is the time that this event takes: both as
the emulator logs them. Processor time is what the process has used when its handler is imported; other programs on
the machine hardly change it. Each ratio compares two starts of the same round. `--base` adds another version of the
function. Secrets Manager and S3 are moto's; the database is a MariaDB on this machine. Prints Markdown.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.bench import containers, exit_code, load
from dev.bench.timing import pairs, spread, summarize, times_as_long
from dev.build.sandbox import Package, Sandbox
from dev.markdown import put_into_page, table
from dev.servers.databases import Database, own_server, server_database
from dev.servers.processes import mariadb
from openl2m_stats.local.aws import served_aws

_ROOT = Path(__file__).parents[2]
_EVENT = json.loads((_ROOT / "events/get_stats.json").read_text())
_BARE = """\
import boto3

client = boto3.client("secretsmanager")


def handler(event, context):
    return {}
"""
# The handler that Lambda's runtime gets: it imports the one to measure, and logs how much processor time that took.
_MEASURED = """\
import os
import resource
from importlib import import_module

_module, _name = os.environ["MEASURED_HANDLER"].rsplit(".", 1)
handler = getattr(import_module(_module), _name)
_used = resource.getrusage(resource.RUSAGE_SELF)
print(f"PROCESSOR TIME {(_used.ru_utime + _used.ru_stime) * 1e3} ms", flush=True)
"""
_LOGGED = [
    re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)"),
    re.compile(r"PROCESSOR TIME ([0-9.]+) ms"),
    re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)"),
]
_MEASURES = ("init", "processor time of the init", "first answer", "init and answer")
_Container = tuple[Package, str, Mapping[str, str]]  # with the handler and the variables


def _containers(database: Database, directory: Path, base: Path | None) -> dict[str, _Container]:
    """Return what to compare, by the text for the table; takes a snapshot into the bucket of served_aws()."""
    for name, text in (("bare", _BARE), ("measured", _MEASURED)):
        (directory / name).mkdir()
        (directory / name / f"{name}.py").write_text(text)
    names = ("AWS_ENDPOINT_URL", "DATABASE_SECRET_ID", "TOKENS_SECRET_ID")
    variables = {name: value for name, value in containers.settings_for(database).items() if name in names}
    variables["CACHE_TTL_SECONDS"] = "86400"
    with_bucket = {**variables, "SNAPSHOT_BUCKET": os.environ["SNAPSHOT_BUCKET"]}
    _start((Package(), "stats.schedule.handler", with_bucket), directory, {})
    compared: dict[str, _Container] = {
        "a handler that makes one client of boto3": (Package(function=directory / "bare"), "bare.handler", variables)
    }
    packages = {"this function": Package()}
    if base:
        packages = {"the other version": Package(base / "StatsFunction", base / "DependenciesLayer"), **packages}
    for name, package in packages.items():
        compared[f"{name}, answering from the database"] = (package, "stats.api.handler", variables)
        compared[f"{name}, answering from a snapshot"] = (package, "stats.api.handler", with_bucket)
    return compared


def _start(container: _Container, directory: Path, event: Any = _EVENT) -> dict[str, int]:
    """Start a container, send it an event, and end it; return nanoseconds by measure, and the peak memory in KiB."""
    package, handler, variables = container
    path = f"{package.environment()['PYTHONPATH']}:{directory / 'measured'}"
    variables = {**variables, "PYTHONPATH": path, "MEASURED_HANDLER": handler}
    with contextlib.closing(Sandbox(package, directory / "log", "measured.handler", **variables)) as sandbox:
        answer = sandbox.run(event)
        if answer.get("statusCode", 200) != 200 or "errorType" in answer:
            raise RuntimeError(f"{handler} answered {answer}")
        until = time.monotonic() + 10
        # The answer may arrive before the line with its duration.
        while not all(logged := [each.search(sandbox.log) for each in _LOGGED]):
            if time.monotonic() > until:
                raise RuntimeError(f"the emulator logged no duration:\n{sandbox.log}")
            time.sleep(0.01)
        init, processor, first = (round(float(match[1]) * 1e6) for match in logged if match)
        memory = sandbox.peak_memory_kib()
    return {**dict(zip(_MEASURES, (init, processor, first, init + first), strict=True)), "memory": memory}


def _run(starts: int, base: Path | None) -> dict[str, list[dict[str, int]]]:
    with (
        served_aws(),
        tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory,
        mariadb() as process,
        server_database(own_server(process), "P" + secrets.token_hex(12)) as database,
    ):
        load.fill(database, 5000)
        compared = _containers(database, Path(directory), base)
        found: dict[str, list[dict[str, int]]] = {name: [] for name in compared}
        for number in range(starts + 1):  # the first round fills the disk's cache and does not count
            print(f"round {number} of {starts}", file=sys.stderr, flush=True)
            for name, container in compared.items():
                found[name].append(_start(container, Path(directory)))
    return {name: of_one[1:] for name, of_one in found.items()}


def _tables(found: dict[str, list[dict[str, int]]]) -> list[str]:
    """Return the table of the starts, and with --base the one that compares both versions."""

    def values(name: str, measure: str) -> list[int]:
        return [start[measure] for start in found[name]]

    def ratio(name: str, other: str, measure: str) -> str:
        return times_as_long(pairs(values(name, measure), values(other, measure)))

    first, heads, rows = next(iter(found)), ["milliseconds"], [[name] for name in found]
    for measure in _MEASURES:
        absolute, relative = measure != "init and answer", measure != "first answer"
        heads += [measure] * absolute + [f"{measure}, × the first"] * relative
        for row in rows:
            row.extend([spread(summarize(values(row[0], measure)))] * absolute)
            row.extend([ratio(row[0], first, measure)] * relative)
    for row in rows:
        row.append(f"{max(values(row[0], 'memory')) / 1024:.0f}")
    tables = [table([*heads, "peak memory, MiB"], rows)]
    others = {name: name.replace("this function", "the other version") for name in found if "this function" in name}
    if set(others.values()) <= set(found):
        compared = [[name, *(ratio(name, other, measure) for measure in _MEASURES)] for name, other in others.items()]
        tables.append(table(["× the other version", *_MEASURES], compared))
    return tables


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and update the page. Raise what exit_code() handles."""
    parser = argparse.ArgumentParser(prog="make bench-cold")
    parser.add_argument("--starts", type=int, default=15, help="how often each is started")
    parser.add_argument("--base", type=Path, help="folder that `make build` made of another version, to compare with")
    parser.add_argument("--write", action="store_true", help="update the table in docs/performance.md")
    options = parser.parse_args(arguments)
    tables = _tables(_run(options.starts, options.base and options.base.resolve()))
    print("\n".join(tables), end="")
    if options.write:
        put_into_page(_ROOT / "docs/performance.md", "make bench-cold", tables[0])


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))

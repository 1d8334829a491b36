"""`make bench-cold`: how long the built function takes to start, beside a handler that only makes one client.

Both start in Lambda's runtime under SAM CLI's emulator, in turn, each time as a new process. Init is from the start
of that process to its asking for the first event, and first answer is what that event took: both as the emulator
logs them. Processor time is what the process has used when its handler is imported; other programs on the machine
hardly change it. Each ratio is of two starts of the same round. `--base` adds another version of the function.
Secrets Manager and S3 are moto's, and the database is a MariaDB on this machine. Prints Markdown; writes
bench-cold.json.
"""

import argparse
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from dev.bench import load, machine, warm
from dev.bench.imports import slowest
from dev.bench.progress import Progress
from dev.bench.start import Start, containers, start
from dev.bench.timing import Timing, pairs, spread, summarize, times_as_long
from dev.build.artifact import BUILD, pack
from dev.markdown import put_into_page, table
from dev.servers.databases import own_server, server_database
from dev.servers.processes import mariadb
from dev.servers.programs import ServerError
from openl2m_stats.local.aws import served_aws

_ROOT = Path(__file__).parents[2]
_ENTRIES = 5000
_MODULES = 15
_TEXTS = {
    "bare": "a handler that makes one client of boto3",
    "database_before": "the other version, answering from the database",
    "snapshot_before": "the other version, answering from a snapshot",
    "database": "this function, answering from the database",
    "snapshot": "this function, answering from a snapshot",
}
_MEASURES: dict[str, Callable[[Start], int]] = {
    "init": lambda start: start.init,
    "processor_time": lambda start: start.processor,
    "first_answer": lambda start: start.answer,
    "both": lambda start: start.init + start.answer,
}


def _run(starts: int, base: Path | None) -> dict[str, list[Start]]:
    progress = Progress(starts + 1)
    with (
        served_aws(),
        tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory,
        mariadb() as process,
        server_database(own_server(process), "P" + secrets.token_hex(12)) as database,
    ):
        progress.begin("preparing")
        load.fill(database, _ENTRIES, lambda _: None)
        warm.use(database)
        compared = containers(Path(directory), base)
        found: dict[str, list[Start]] = {name: [] for name in compared}
        for container in compared.values():  # into the disk's cache
            start(container, Path(directory))
        for number in range(1, starts + 1):
            progress.begin(f"cold starts, round {number} of {starts}")
            for name, container in compared.items():
                found[name].append(start(container, Path(directory)))
    progress.end()
    return found


def _report(found: dict[str, list[Start]], output: Path) -> list[str]:
    """Write bench-cold.json; return the tables: the starts, this version beside the other, modules, packages."""
    taken = {name: {key: list(map(of, starts)) for key, of in _MEASURES.items()} for name, starts in found.items()}
    memory = {name: max(start.memory for start in starts) / 1024 for name, starts in found.items()}
    modules, packages = (
        slowest(_MODULES),
        {name: len(pack(BUILD / name)) for name in ("StatsFunction", "DependenciesLayer")},
    )

    def times(name: str, measure: str) -> Timing:
        return summarize(taken[name][measure])

    def ratio(name: str, measure: str, other: str = "bare") -> Timing:
        return pairs(taken[name][measure], taken[other][measure])

    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.facts(),
        "unit": "milliseconds, MiB, bytes zipped; ratios to the bare handler, pair by pair",
        "starts": {
            name: {measure: times(name, measure).as_json() for measure in _MEASURES if measure != "both"}
            | {"ratios": {measure: ratio(name, measure).as_json() for measure in ("init", "processor_time", "both")}}
            | {"memory": round(memory[name])}
            for name in found
        },
        "imports": [asdict(module) for module in modules],
        "packages": packages,
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "bench-cold.json").write_text(json.dumps(content, indent=1) + "\n")

    heads = ["milliseconds", "init", "× the first", "processor time of the init", "× the first", "first answer"]
    starts = [
        [
            _TEXTS[name],
            *(spread(times(name, "init")), times_as_long(ratio(name, "init"))),
            *(spread(times(name, "processor_time")), times_as_long(ratio(name, "processor_time"))),
            *(spread(times(name, "first_answer")), times_as_long(ratio(name, "both")), f"{memory[name]:.0f}"),
        ]
        for name in found
    ]
    tables = [table([*heads, "init and answer, × the first", "peak memory, MiB"], starts)]
    if "database_before" in found:
        changes = [
            [_TEXTS[name], *(times_as_long(ratio(name, measure, f"{name}_before")) for measure in _MEASURES)]
            for name in ("database", "snapshot")
        ]
        tables.append(
            table(
                ["× the other version", "init", "processor time of the init", "first answer", "init and answer"],
                changes,
            )
        )
    rows = [[f"`{module.name}`", f"{module.alone:.1f}", f"{module.with_imports:.1f}"] for module in modules]
    sizes = [[name, f"{size:,}"] for name, size in packages.items()]
    return [
        *tables,
        table(["imported module", "alone, milliseconds", "with what it imports"], rows),
        table(["package", "bytes, zipped"], sizes),
    ]


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 130 when interrupted, 1 when something is missing."""
    parser = argparse.ArgumentParser(prog="make bench-cold")
    parser.add_argument("--starts", type=int, default=15, help="how often each is started")
    parser.add_argument("--base", type=Path, help="folder that `make build` made of another version, to compare with")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder of the JSON")
    parser.add_argument("--write", action="store_true", help="put the first table into docs/performance.md too")
    options = parser.parse_args(arguments)
    try:
        found = _run(options.starts, options.base)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except ServerError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    tables = _report(found, options.output)
    print("\n".join(tables))
    if options.write:
        put_into_page(_ROOT / "docs/performance.md", "make bench-cold", tables[0])
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))

"""`make bench-cold`: how long the built function takes to start, beside a handler that only makes one client.

Both start in Lambda's runtime under SAM CLI's emulator, in turn, each time as a new process. Init is from the start
of that process to its asking for the first event, and first answer is what that event took: both as the emulator
logs them. Secrets Manager and S3 are moto's, and the database is a MariaDB on this machine. Prints Markdown;
writes bench-cold.json.
"""

import argparse
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from dev.bench import load, machine, warm
from dev.bench.imports import slowest
from dev.bench.markdown import put_into_page, ratio, spread, table
from dev.bench.progress import Progress
from dev.bench.start import Start, containers, start
from dev.bench.timing import Timing, summarize
from dev.build.artifact import BUILD, pack
from dev.servers.databases import own_server, server_database
from dev.servers.processes import mariadb
from dev.servers.programs import ServerError
from openl2m_stats.local_aws import served_aws

_ROOT = Path(__file__).parents[2]
_ENTRIES = 5000
_MODULES = 15
_TEXTS = {
    "bare": "a handler that makes one client of boto3",
    "database": "this function, answering from the database",
    "snapshot": "this function, answering from a snapshot",
}


def _run(starts: int) -> dict[str, list[Start]]:
    progress = Progress(starts + 1)
    found: dict[str, list[Start]] = {name: [] for name in _TEXTS}
    with (
        served_aws(),
        tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory,
        mariadb() as process,
        server_database(own_server(process), "P" + secrets.token_hex(12)) as database,
    ):
        progress.begin("preparing")
        load.fill(database, _ENTRIES, lambda _: None)
        warm.use(database)
        compared = containers(Path(directory))
        for container in compared.values():  # into the disk's cache
            start(container, Path(directory))
        for number in range(1, starts + 1):
            progress.begin(f"cold starts, round {number} of {starts}")
            for name, container in compared.items():
                found[name].append(start(container, Path(directory)))
    progress.end()
    return found


def _report(found: dict[str, list[Start]], output: Path) -> list[str]:
    """Write bench-cold.json; return the tables: the starts, the modules, the packages."""
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
    return [
        table(heads, starts),
        table(["imported module", "alone, milliseconds", "with what it imports"], rows),
        table(["package", "bytes, zipped"], sizes),
    ]


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 130 when interrupted, 1 when something is missing."""
    parser = argparse.ArgumentParser(prog="make bench-cold")
    parser.add_argument("--starts", type=int, default=15, help="how often each is started")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder of the JSON")
    parser.add_argument("--write", action="store_true", help="put the first table into docs/performance.md too")
    options = parser.parse_args(arguments)
    try:
        found = _run(options.starts)
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

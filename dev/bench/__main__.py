"""`make bench`: OpenL2M's statements and the function's answers, on databases of several sizes and engines.

Prints Markdown. With --write it records what it measured in bench.json, in the place of what was recorded of the same
engines and sizes, and brings the picture and the documents up to date. Ends what it started, and keeps nothing, when
it is interrupted.
"""

import argparse
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.bench import load, machine, plot, report, turns, warm
from dev.bench.engines import ENGINES, Maker, engine
from dev.bench.plans import plans
from dev.bench.progress import Progress
from dev.bench.report import Measured, Shape
from dev.bench.timing import summarize
from dev.markdown import put_into_page
from dev.servers.databases import Database, Server, run_script, servers_of
from dev.servers.programs import ServerError
from openl2m_stats.local.aws import served_aws

_ROOT = Path(__file__).parents[2]
_RESULTS = Path(__file__).parent / "results"
_QUOTED_IN_README = 100_000
_EXPLAINED = 1_000_000
_TURNS = 15  # so many times as long as anything else the turns are measured


def _measure(
    make: Maker, entries: int, base: Path | None, seconds: float, progress: Progress
) -> tuple[Measured, str | None]:
    """Return what was measured, and the statement's plans if they are wanted of this size and engine."""
    with contextlib.ExitStack() as stack:
        stock = stack.enter_context(make())
        about, settings = machine.describe(stock.server)
        where = f"{about}, {entries:,} log entries"
        progress.begin(f"{where}: loading")
        databases = {"stock": stock}
        until = datetime.now(UTC)
        load.fill(stock, entries, lambda stored: progress.at(stored / entries), until)
        if stock.server is not None:  # there is no script for SQLite
            databases["indexed"] = stack.enter_context(make())
            _add_indexes(stock, databases["indexed"], entries, until)

        progress.begin(f"{where}: in turn")
        connection = stack.enter_context(contextlib.closing(stock.connect()))
        for database in databases.values():
            warm.compare_numbers(database, connection)
        read = machine.pages_read(stock.server)
        openl2m, answers = _take_turns(databases, connection, base, seconds * _TURNS)
        read = machine.pages_read(stock.server) - read

        progress.begin(f"{where}: the function")
        shapes = {}
        for name, database in databases.items():
            timings = warm.ask_function(database, seconds)
            timings["fresh"] = summarize([each for taken in answers[name] for each in taken])
            before = answers.get(f"{name}, before")
            shapes[name] = Shape(
                timings,
                turns.times_as_long(openl2m, answers[name]),
                turns.times_as_long(before, answers[name]) if before else None,
            )
        date, size = until.date().isoformat(), machine.log_mib(list(databases.values())[-1])
        took = summarize([each for taken in openl2m for each in taken])
        measured = Measured(date, about, settings, size, read, entries, took, shapes["stock"], shapes.get("indexed"))
        explained = entries == _EXPLAINED and about.startswith(("MariaDB", "PostgreSQL"))
        return measured, plans(**databases) if explained else None


def _add_indexes(stock: Database, indexed: Database, entries: int, until: datetime) -> None:
    if stock.dialect == "mysql":
        load.copy(stock, indexed)
    else:
        load.fill(indexed, entries, lambda _: None, until)
    run_script(indexed, "log_index")
    load.settle(indexed)


def _take_turns(
    databases: Mapping[str, Database], connection: Any, base: Path | None, seconds: float
) -> tuple[turns.Rounds, dict[str, turns.Rounds]]:
    with contextlib.ExitStack() as stack:
        containers = {}
        for name, database in databases.items():
            containers[name] = stack.enter_context(turns.answering(database))
            if base:
                containers[f"{name}, before"] = stack.enter_context(turns.answering(database, base))
        now = datetime.now(UTC)
        gc.freeze()  # what this process holds besides is not OpenL2M's to collect
        return turns.take_turns(lambda: warm.ask_openl2m(databases["stock"], connection, now), containers, seconds)


def _run(options: argparse.Namespace, further: dict[str, Server]) -> tuple[list[Measured], dict[str, str]]:
    names = [*options.engines, *further]
    progress = Progress(3 * len(names) * len(options.rows))
    found, explained = [], {}
    with served_aws(), tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
        base = turns.functions_of(options.base, Path(directory)) if options.base else None
        for name in names:
            with engine(name, further) as make:
                for entries in options.rows:
                    measured, text = _measure(make, entries, base, options.seconds, progress)
                    found.append(measured)
                    if text:
                        explained[measured.engine.split()[0]] = text
    progress.end()
    return found, explained


def _record(measured: Sequence[Measured], output: Path) -> list[Measured]:
    """Add to what is recorded, write the record and its picture, and return all of it."""
    path = output / "bench.json"
    old = json.loads(path.read_text())["measured"] if path.exists() else []
    merged = {one.key: one for one in [*map(report.from_json, old), *measured]}
    found = sorted(merged.values(), key=lambda one: (report.ENGINES.index(one.key[0]), one.entries))
    output.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine.facts(),
        "unit": "milliseconds, or times as long; low and high are the 5th and 95th percentile, of fewer than 20 "
        "samples the extremes",
        "measured": [one.as_json() for one in found],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    (output / "bench.svg").write_text(plot.svg(found))
    return found


def _write_pages(found: Sequence[Measured], explained: Mapping[str, str]) -> None:
    page = "\n".join(filter(None, [report.summary(found), report.growth(found), report.caches(found)]))
    put_into_page(_ROOT / "docs/performance.md", "make bench", page)
    if gain := report.gain(found, _QUOTED_IN_README):
        put_into_page(_ROOT / "README.md", "make bench", gain)
    for name, text in explained.items():
        put_into_page(_ROOT / "docs/architecture.md", f"make bench, {name}", text)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rows", type=_positive, nargs="+", default=[5000, 100_000, 1_000_000])
    parser.add_argument("--engines", choices=ENGINES, nargs="*", default=ENGINES)
    parser.add_argument("--seconds", type=float, default=1, help="how long each thing is measured, 3 times at least")
    parser.add_argument("--base", metavar="REVISION", help="also measure the functions of this git revision")
    parser.add_argument("--write", action="store_true", help="record the results, and bring the documents up to date")
    parser.add_argument("--output", type=Path, help="the folder to write bench.json and bench.svg to, and no document")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 130 when interrupted, 1 when something is missing or the numbers differ."""
    options = _options(arguments)
    try:
        further = servers_of(os.environ.get("STATS_TEST_DATABASE_URLS", ""))
        found, explained = _run(options, further)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except (ServerError, ValueError, warm.DifferentNumbersError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"\n{error.stderr or error}", file=sys.stderr)
        return 1
    print("\n".join([*map(report.details, found), report.summary(found), report.growth(found)]))
    if options.output:
        _record(found, options.output)
    elif options.write:
        _write_pages(_record(found, _RESULTS), explained)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))

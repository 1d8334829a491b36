"""`make bench`: times OpenL2M's own statements and the function's answers, by database engine and size of the log.

Prints Markdown. With --write it also records the results in bench.json, where they replace those of the same engines
and sizes, and updates the picture and the documents. When interrupted it stops its servers and deletes their data.
"""

import argparse
import contextlib
import gc
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median_low

from dev.bench import containers, exit_code, load, machine, plot, report
from dev.bench.plans import plans
from dev.bench.report import Measured
from dev.bench.timing import pairs, summarize
from dev.markdown import put_into_page
from dev.servers.databases import Database, Server, own_server, server_database, servers_of, sqlite_database
from dev.servers.processes import mariadb, postgresql
from openl2m_stats.local.aws import served_aws

_ROOT = Path(__file__).parents[2]
_ENGINES = ("postgresql", "mariadb", "sqlite")
_MOST_BUFFER_MIB = 4096
_QUOTED_IN_README = 100_000
_EXPLAINED = 1_000_000
_FROM_MEMORY = 1000


# Creates a database and drops it at the end of its block.
_Maker = Callable[[], contextlib.AbstractContextManager[Database]]


@contextlib.contextmanager
def _engine(name: str, further: Mapping[str, Server]) -> Iterator[_Maker]:
    """Run an engine's server, or use one of `further`."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
            yield lambda: sqlite_database(Path(tempfile.mkdtemp(dir=directory)))
        return
    # Half the cache that RDS would give the server: the rest of this machine is not the database's.
    with contextlib.ExitStack() as stack:
        if name == "mariadb":
            buffer = min(_MOST_BUFFER_MIB, machine.memory_mib() * 3 // 8)
            server = own_server(stack.enter_context(mariadb(options=[f"--innodb-buffer-pool-size={buffer}M"])))
        elif name == "postgresql":
            buffer = min(_MOST_BUFFER_MIB, machine.memory_mib() // 8)
            server = own_server(stack.enter_context(postgresql(options=[f"-cshared_buffers={buffer}MB"])))
        else:
            server = further[name]
        yield lambda: server_database(server, "P" + secrets.token_hex(12))


def _measure(make: _Maker, entries: int, base: Path | None, seconds: float) -> tuple[Measured, str]:
    """Return the times for one engine and size, and the server's plans where they are recorded."""
    with contextlib.ExitStack() as stack:
        stock = stack.enter_context(make())
        databases = {"fresh": stock}
        if stock.server is not None:  # there is no script of indexes for SQLite
            databases["indexed"] = stack.enter_context(make())
        until = datetime.now(UTC)
        connection = stack.enter_context(contextlib.closing(stock.connect()))
        warm = {}
        for name, database in databases.items():
            load.fill(database, entries, until, indexed=name == "indexed")
            containers.compare_numbers(database, connection)
            warm[name] = stack.enter_context(containers.warm(database))
            if base:
                warm[f"{name}, before"] = stack.enter_context(containers.warm(database, base))
        gc.freeze()  # garbage of this process must not slow OpenL2M's statements
        numbers = partial(containers.openl2ms_numbers, stock, connection, datetime.now(UTC))
        openl2m, answers = containers.take_turns(numbers, warm, seconds)
        memory = stack.enter_context(containers.warm(stock, CACHE_TTL_SECONDS="86400"))(_FROM_MEMORY)
        times = {"openl2m": summarize(openl2m), "memory": summarize(memory)}
        medians = {name: [median_low(each) for each in rounds] for name, rounds in answers.items()}
        for name in databases:
            times[name] = summarize(chain(*answers[name]))
            times[f"openl2m/{name}"] = pairs(openl2m, medians[name])
            if base:
                times[f"before/{name}"] = pairs(medians[f"{name}, before"], medians[name])
        about = machine.describe(list(databases.values())[-1])
        measured = Measured(until.date().isoformat(), *about, entries, times)
        explained = entries == _EXPLAINED and measured.key[0] in {"MariaDB", "PostgreSQL"}
        return measured, plans(*databases.values()) if explained else ""


def _run(options: argparse.Namespace, further: dict[str, Server]) -> tuple[list[Measured], dict[str, str]]:
    found, explained = [], {}
    with served_aws(), tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
        base = containers.functions_of(options.base, Path(directory)) if options.base else None
        for name in [*options.engines, *further]:
            with _engine(name, further) as make:
                for entries in options.rows:
                    print(f"{name}, {entries:,} log entries", file=sys.stderr, flush=True)
                    measured, text = _measure(make, entries, base, options.seconds)
                    found.append(measured)
                    if text:
                        explained[measured.key[0]] = text
    return found, explained


def _record(measured: Sequence[Measured], output: Path) -> list[Measured]:
    """Merge the results into bench.json, draw the picture, and return all results."""
    path = output / "bench.json"
    old = json.loads(path.read_text())["measured"] if path.exists() else []
    merged = {one.key: one for one in [*map(report.from_json, old), *measured]}
    found = sorted(merged.values(), key=lambda one: (report.ENGINES.index(one.key[0]), one.entries))
    output.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"machine": machine.facts(), "unit": report.UNIT})[:-1]
    lines = ",\n".join(json.dumps(one.as_json()) for one in found)
    path.write_text(f'{head}, "measured": [\n{lines}\n]}}\n')
    (output / "bench.svg").write_text(plot.svg(found))
    return found


def _write_pages(found: Sequence[Measured], explained: dict[str, str]) -> None:
    page = "\n".join(filter(None, [report.summary(found), report.growth(found), report.caches(found)]))
    put_into_page(_ROOT / "docs/performance.md", "make bench", page)
    if gain := report.gain(found, _QUOTED_IN_README):
        put_into_page(_ROOT / "README.md", "make bench", gain)
    for name, text in explained.items():
        put_into_page(_ROOT / "docs/query-plans.md", f"make bench, {name}", text)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rows", type=_positive, nargs="+", default=[5000, 100_000, 1_000_000])
    parser.add_argument("--engines", choices=_ENGINES, nargs="*", default=_ENGINES)
    parser.add_argument("--seconds", type=float, default=15, help="time for each engine and size; at least 5 rounds")
    parser.add_argument("--base", metavar="REVISION", help="also measure the functions of this git revision")
    parser.add_argument("--write", action="store_true", help="record the results and update the documents")
    parser.add_argument("--output", type=Path, help="write bench.json and bench.svg to this folder, and no document")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and record. Raise what exit_code() handles."""
    options = _options(arguments)
    found, explained = _run(options, servers_of(os.environ.get("STATS_TEST_DATABASE_URLS", "")))
    print("\n".join([report.summary(found), report.before(found), report.growth(found), report.caches(found)]))
    if options.output:
        _record(found, options.output)
    elif options.write:
        _write_pages(_record(found, _ROOT / "docs"), explained)


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))

"""`make bench`: OpenL2M's statements and the function's answers, on databases of several sizes and engines.

Prints Markdown; writes bench.json and bench.svg. Ends what it started, and keeps nothing, when it is interrupted.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from dev.bench import load, machine, plot, report, warm
from dev.bench.markdown import put_into_page
from dev.bench.progress import Progress
from dev.bench.report import Measured
from dev.servers.databases import Database, Server, own_server, run_script, server_database, servers_of, sqlite_database
from dev.servers.processes import mariadb, postgresql
from dev.servers.programs import ServerError
from openl2m_stats.local_aws import served_aws

_ROOT = Path(__file__).parents[2]
_RESULTS = Path(__file__).parent / "results"
_ENGINES = ("mariadb", "postgresql", "sqlite")
_MOST_BUFFER_MIB = 4096

# Makes a database; the engine's server lives as long as the block around it.
Maker = Callable[[], AbstractContextManager[Database]]


@contextlib.contextmanager
def _engine(name: str, further: dict[str, Server]) -> Iterator[Maker]:
    """Run an engine's server; give what makes a database on it."""
    with contextlib.ExitStack() as stack:
        if name == "sqlite":
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openl2m-stats-")))
            number = iter(range(1000))

            def on_file() -> AbstractContextManager[Database]:
                (own := directory / str(next(number))).mkdir()
                return sqlite_database(own)

            yield on_file
            return
        if name == "mariadb":
            # Half of what RDS would give it, since the rest of this machine is not the database's.
            buffer = min(_MOST_BUFFER_MIB, machine.memory_mib() * 3 // 8)
            server = own_server(stack.enter_context(mariadb(options=[f"--innodb-buffer-pool-size={buffer}M"])))
        elif name == "postgresql":
            server = own_server(stack.enter_context(postgresql()))
        else:
            server = further[name]
        yield lambda: server_database(server, "P" + secrets.token_hex(12))


def _measure(database: Database, entries: int, seconds: float, progress: Progress) -> Measured:
    engine, settings = machine.describe(database.server)
    where = f"{engine}, {entries:,} log entries"
    progress.begin(f"{where}: loading")
    load.fill(database, entries, lambda stored: progress.at(stored / entries))
    warm.use(database)
    progress.begin(f"{where}: OpenL2M's statements")
    openl2m = warm.ask_openl2m(database, seconds)
    progress.begin(f"{where}: the function")
    stock = warm.ask_function(seconds)
    indexed = {}
    if database.server is not None:  # there is no script for SQLite
        progress.begin(f"{where}: the function, with the index")
        run_script(database, "log_index")
        indexed = warm.ask_function(seconds)
    return Measured(engine, settings, entries, openl2m, stock, indexed)


def _run(options: argparse.Namespace, further: dict[str, Server]) -> list[Measured]:
    names = [*options.engines, *further]
    progress = Progress(sum(3 if name == "sqlite" else 4 for name in names) * len(options.rows))
    found = []
    with served_aws():
        for name in names:
            with _engine(name, further) as make:
                for entries in options.rows:
                    with make() as database:
                        found.append(_measure(database, entries, options.seconds, progress))
    progress.end()
    return found


def _write(found: Sequence[Measured], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.facts(),
        "unit": "milliseconds; low and high are the 5th and 95th percentile, of fewer than 20 samples the extremes",
        "measured": [one.as_json() for one in found],
    }
    (output / "bench.json").write_text(json.dumps(content, indent=1) + "\n")
    (output / "bench.svg").write_text(plot.svg(found))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rows", type=_positive, nargs="+", default=[5000, 100_000, 1_000_000])
    parser.add_argument("--engines", choices=_ENGINES, nargs="*", default=_ENGINES)
    parser.add_argument("--seconds", type=float, default=2, help="how long each thing is measured, 3 times at least")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="the folder of bench.json and bench.svg")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md too")
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
        found = _run(options, further)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except (ServerError, ValueError, warm.DifferentNumbersError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"\n{error.stderr or error}", file=sys.stderr)
        return 1
    short = "\n".join([report.summary(found), report.growth(found)])
    print("\n".join([*map(report.details, found), short]))
    _write(found, options.output)
    if options.write:
        put_into_page(_ROOT / "docs/performance.md", "make bench", short)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))

"""`make bench`: its baseline gives OpenL2M's own numbers, and the command measures, prints and records."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dev.bench import baseline, containers, load
from dev.bench.plans import plans
from dev.servers.databases import Database, sqlite_database
from openl2m_stats.local import demo
from tests.integration.conftest import AWS, token_record
from tests.support.databases import ROOT, load_case, read_case

# OpenL2M's TIME_ZONE is UTC in the baseline.
CASES = sorted((ROOT / "tests/cases").glob("utc-*.json"))


def test_cases_are_here() -> None:
    assert len(CASES) == 4


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_baseline_gives_openl2ms_numbers(path: Path, database: Database) -> None:
    case = read_case(path)
    load_case(database, case)
    statements: list[str] = []
    with closing(database.connect()) as connection:

        def run(sql: str) -> Any:
            statements.append(sql)
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

        found = baseline.numbers(run, database.dialect, datetime.fromisoformat(case["now"]))

    expected = {key: entry["value"] for section in case["expected"].values() for key, entry in section.items()}
    assert found == expected
    assert len(statements) == 30 + len(case["tables"]["switches_switchgroup"])


def test_numbers_that_differ_stop_the_measuring(tmp_path: Path, aws: AWS) -> None:
    """OpenL2M's statements read one database, and the function another, which has one more log entry."""
    aws.put_tokens(token_record(demo.TOKEN))
    databases = []
    with ExitStack() as stack:
        for entries in (100, 101):
            (directory := tmp_path / str(entries)).mkdir()
            databases.append(stack.enter_context(sqlite_database(directory)))
            load.fill(databases[-1], entries)
        with closing(databases[0].connect()) as connection:
            containers.compare_numbers(databases[0], connection)
            with pytest.raises(ValueError, match=re.escape("'log_entries': (100, 101)")):
                containers.compare_numbers(databases[1], connection)


def environment(directory: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH",)}
    return {**kept, "PYTHONPATH": "functions", "TMPDIR": str(directory)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dev.bench", "--seconds", "0", *arguments]


@pytest.mark.slow
def test_bench(tmp_path: Path) -> None:
    arguments = ("--rows", "200", "400", "--engines", "sqlite", "--output", str(tmp_path / "results"))
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    number = r"[0-9.,]+"
    for entries in (200, 400):
        assert re.search(rf"^\| {entries} \| OpenL2M's statements \| {number} \|$", done.stdout, re.MULTILINE)
    faster = rf"^\|  \| a fresh answer \| {number} \({number} times faster, {number} to {number}\) \|$"
    assert len(re.findall(faster, done.stdout, re.MULTILINE)) == 2
    assert re.search(r"^\| slowdown from 200 to 400 entries \| SQLite [0-9.]+ \|$", done.stdout, re.MULTILINE)
    assert done.stderr.splitlines() == ["sqlite, 200 log entries", "sqlite, 400 log entries"]

    content = json.loads((tmp_path / "results/bench.json").read_text())
    assert [each["entries"] for each in content["measured"]] == [200, 400]
    for each in content["measured"]:
        samples = {name: timing["samples"] for name, timing in each["times"].items()}
        assert samples == {"openl2m": 5, "memory": 1000, "fresh": 15, "openl2m/fresh": 5}
        assert all(timing["median"] > 0 for timing in each["times"].values())
    assert set(content["machine"]) == {"cores", "memory_mib", "processor", "python"}
    assert str(tmp_path) not in json.dumps(content)
    ET.parse(tmp_path / "results/bench.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]  # and of the databases nothing is left


@pytest.mark.slow
def test_recorded_results_stay_until_they_are_measured_again(tmp_path: Path) -> None:
    def record(*rows: str) -> list[dict[str, Any]]:
        arguments = ("--engines", "sqlite", "--output", str(tmp_path / "results"), "--rows", *rows)
        subprocess.run(command(*arguments), cwd=ROOT, env=environment(tmp_path), capture_output=True, check=True)
        return json.loads((tmp_path / "results/bench.json").read_text())["measured"]  # type: ignore[no-any-return]

    first, second = record("100", "200"), record("200", "300")
    assert [each["entries"] for each in second] == [100, 200, 300]
    assert second[0] == first[0]
    assert second[1] != first[1]


@pytest.mark.slow
def test_bench_on_servers_measures_with_the_index_too(tmp_path: Path) -> None:
    arguments = ("--rows", "200", "--engines", "mariadb", "postgresql", "--base", "HEAD", "--output", str(tmp_path))
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)  # the servers' own users look for their files in it
        done = subprocess.run(
            command(*arguments), cwd=ROOT, env=environment(Path(directory)), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not list(Path(directory).iterdir())
    measured = json.loads((tmp_path / "bench.json").read_text())["measured"]
    assert [each["engine"].split()[0] for each in measured] == ["PostgreSQL", "MariaDB"]
    assert [each["settings"].split("=")[0] for each in measured] == ["shared_buffers", "innodb_buffer_pool_size"]
    for each in measured:
        for name in ("openl2m/fresh", "openl2m/indexed"):
            assert each["times"][name]["samples"] >= 5
        for name in ("before/fresh", "before/indexed"):
            assert 0.1 < each["times"][name]["median"] < 10


@pytest.mark.parametrize("server", ["mariadb", "postgresql"], indirect=True)
def test_plans_are_of_the_log_alone(server_db: Database) -> None:
    load.fill(server_db, 5000, indexed=True)
    stock, indexed = plans(server_db, server_db).split("With the indexes:")
    assert re.search("ALL|Seq Scan|Scan using", stock)
    assert "openl2m_stats_switch" not in stock
    assert "openl2m_stats_type" in indexed
    assert "openl2m_stats_switch" in indexed
    for text in (stock, indexed):
        assert re.search(r"[0-9]+\.[0-9]+", text)
        for table in ("switches_vlan", "users_token", "counters_counter"):
            assert table not in text


def test_interrupted_bench_leaves_nothing(tmp_path: Path) -> None:
    arguments = ("--rows", "200000", "--engines", "sqlite", "--output", str(tmp_path / "results"))
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("sqlite, 200,000")
        until = time.monotonic() + 30
        while not list(tmp_path.glob("*/*/*.sqlite3")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)  # a test run in the background has its SIGINT ignored
        assert process.stderr.read() == "\ninterrupted\n"
        assert process.wait(30) == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("--rows", "0"), ("--rows", "many"), ("--engines", "oracle")])
def test_wrong_arguments_are_one_line_after_the_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("make bench: error: argument ")

"""`make test` on a machine that lacks database servers and cannot install them, and with engines left out."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT

CASE = "tests/integration/test_cases.py"
SELECTED = f"--numprocesses=0 -p no:cacheprovider {CASE} -k utc-1000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with the few programs of a system that `make test` takes, and no apt-get."""
    for program in ("make", "nproc", "id"):
        found = shutil.which(program)
        assert found
        (tmp_path / program).symlink_to(found)
    return tmp_path


def make_test(path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "STATS_TEST_SERVERS_PATH": "/nonexistent", **variables}
    # The environment of this test is used as it is, even if its requirements have changed since.
    command = ["make", "test", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/installed", f"ARGS={SELECTED}"]
    return subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_what_needs_no_server_is_tested_and_the_rest_is_named_last(path: Path) -> None:
    finished = make_test(path)

    assert finished.returncode == 0, finished.stdout
    assert "Not installed" in finished.stderr
    assert "postgresql mariadb-server" in finished.stderr
    *_, block, result = re.split("\n=+ ", finished.stdout)
    lines = block.splitlines()
    assert lines[0].startswith("not tested ")
    assert lines[1] == "MariaDB is not installed (Debian: apt-get install mariadb-server); tests left out: 1"
    assert lines[2] == "PostgreSQL is not installed (Debian: apt-get install postgresql); tests left out: 1"
    assert "STATS_TEST_SERVERS_PATH" in lines[-1]
    assert re.match(r"1 passed, 2 skipped", result)


@pytest.mark.parametrize(
    ("present", "words"),
    [({}, "there is no apt-get"), ({"apt-get": "exit 1", "id": "echo 1000"}, "only root may install")],
)
def test_what_cannot_be_installed_is_named_and_stops_ci(present: dict[str, str], words: str, tmp_path: Path) -> None:
    for program, script in present.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / program).chmod(0o755)
    for variables, code in ({}, 0), ({"CI": "true"}, 1):
        finished = subprocess.run(
            [ROOT / "dev/servers/install_packages.sh", "postgresql"],
            env={"PATH": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == code
        assert words in finished.stderr
        assert finished.stderr.endswith(": postgresql\n")


def test_in_ci_a_server_that_cannot_be_installed_stops_the_tests(path: Path) -> None:
    finished = make_test(path, CI="true")

    assert finished.returncode != 0
    assert "postgresql mariadb-server" in finished.stderr
    assert "passed" not in finished.stdout


def test_in_ci_a_test_without_its_server_fails(path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "CI": "true", "STATS_TEST_SERVERS_PATH": "/nonexistent"}
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *SELECTED.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert re.search(r"1 passed, \d+ deselected, 2 errors", finished.stdout)


def test_engines_that_are_left_out_are_neither_installed_nor_missed(path: Path) -> None:
    finished = make_test(path, "ENGINES=sqlite", CI="true")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert "PostgreSQL is not among STATS_TEST_ENGINES; tests left out: 1\n" in finished.stdout
    assert "apt-get" not in finished.stdout

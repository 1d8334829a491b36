"""`make bench-cold` starts each handler `--starts` times, and prints the table."""

import re
import subprocess
import sys

from dev.build.artifact import BUILD
from tests.support.databases import ROOT


def test_bench_cold() -> None:
    command = [sys.executable, "-m", "dev.bench.cold", "--starts", "2", "--base", str(BUILD.relative_to(ROOT))]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("n=2") == 5 * 3
    first, second = done.stdout.split("\n\n")
    rows = [line.split(" | ") for line in first.splitlines()[2:]]
    assert [row[0].removeprefix("| ") for row in rows] == [
        "a handler that makes one client of boto3",
        "the other version, answering from the database",
        "the other version, answering from a snapshot",
        "this function, answering from the database",
        "this function, answering from a snapshot",
    ]
    for row in rows:
        init, processor, answer = (float(re.sub(r" \(.*|,", "", row[column])) for column in (1, 3, 5))
        assert init > answer > 0
        assert processor > 50
        assert 10 < int(row[7].rstrip(" |")) < 512
    assert rows[0][2] == rows[0][4] == rows[0][6] == "1.00 (1.00 to 1.00)"
    assert len(re.findall(r"^\| this function, answering from .* to .*\) \|$", second, re.MULTILINE)) == 2
    assert str(ROOT) not in done.stdout

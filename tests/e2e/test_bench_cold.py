"""`make bench-cold` starts each handler as often as it is told, and reports what it says."""

import json
import subprocess
import sys
from pathlib import Path

from dev.build.artifact import BUILD
from tests.support.databases import ROOT


def test_bench_cold(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dev.bench.cold", "--starts", "2", "--base", str(BUILD), "--output", str(tmp_path)]
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
    assert done.stdout.count("| this function, answering from a snapshot | ") == 2
    content = json.loads((tmp_path / "bench-cold.json").read_text())
    assert list(content["starts"]) == [
        *("bare", "database_before", "snapshot_before", "database", "snapshot"),
    ]
    for start in content["starts"].values():
        assert start["init"]["median"] > start["first_answer"]["median"] > 0
        assert start["processor_time"]["low"] > 50
        assert 10 < start["memory"] < 512
    assert content["starts"]["bare"]["ratios"]["init"] == {"median": 1, "low": 1, "high": 1, "samples": 2}
    assert len(content["imports"]) == 15
    assert set(content["packages"]) == {"StatsFunction", "DependenciesLayer"}
    assert str(ROOT) not in json.dumps(content)

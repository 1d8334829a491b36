"""`openl2m-stats doctor` as a process: what it prints, its exit codes, and the local set-up."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES
from tests.integration.test_self_examination import NAMES as INSIDE
from tests.support import leaks
from tests.support.databases import ROOT


def run(command: list[str], **variables: object) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": "functions", **{name: str(each) for name, each in variables.items()}}
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert not leaks.found_in(finished.stdout + finished.stderr)
    return finished


def doctor(*arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "openl2m_stats", "doctor", *arguments], **variables)


def states(printed: str) -> dict[str, str]:
    return {line[6:22].rstrip(): line[:5].rstrip() for line in printed.splitlines()[2:]}


def test_make_doctor(tmp_path: Path) -> None:
    # The environment that this runs in is not to be made anew, whatever is newer.
    make = ["make", "--silent", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/run.txt"]
    finished = run([*make, "doctor"], TMPDIR=tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    title = "Checking the local set-up of make run, with the demo database and no deployment (--env ENV checks one)."
    assert finished.stdout.startswith(f"{title}\n\n")
    assert states(finished.stdout) == dict.fromkeys(NAMES, "ok")
    assert "over 4,925 log entries" in finished.stdout
    assert not list(tmp_path.iterdir())


def test_a_database_of_the_users_own(server_db: Database) -> None:
    assert server_db.server
    scheme = "mysql" if server_db.dialect == "mysql" else "postgresql"
    where = f"{server_db.server.host}:{server_db.server.port}/{server_db.name}"
    url = f"{scheme}://{server_db.user}:{server_db.password}@{where}"
    noted = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    server_db.insert("switches_log", [{"type": 1, "action": 1, "timestamp": noted}])
    finished = doctor(DATABASE_URL=url, DATABASE_SECRET_ID="another", TZ="Asia/Kathmandu")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("Checking the local set-up of make run, with DATABASE_URL.\n\n")
    assert states(finished.stdout) == dict.fromkeys(NAMES, "ok")
    assert "the newest log entry is of 2026-01-02T03:04:05Z" in finished.stdout


def test_the_environment_as_a_process(sqlite_healthy: Database, aws: AWS) -> None:
    aws.put_tokens({"name": "bad", "sha256": leaks.new_password()}, {"name": "worse", "allowed_ips": [7]})
    variables = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "SNAPSHOT_"))}
    secrets = {"DATABASE_SECRET_ID": aws.database_secret, "TOKENS_SECRET_ID": "nothing"}
    finished = doctor(**variables, **secrets)
    assert (finished.returncode, finished.stderr) == (1, "")
    assert states(finished.stdout) == {**dict.fromkeys(NAMES, "ok"), "token secret": "FAIL"}
    finished = doctor("--json", **variables, **{**secrets, "TOKENS_SECRET_ID": aws.tokens_secret})
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "0 usable; 2 malformed: bad (" in finished.stdout
    assert {each["name"]: each["state"] for each in json.loads(finished.stdout)["findings"]} == {
        **dict.fromkeys(NAMES, "ok"),
        "token secret": "warn",
    }


def test_sample_in_the_documents() -> None:
    text = (ROOT / "docs/operate.md").read_text()
    sample = text.partition("## Check the deployment")[2].partition("\n## ")[0]
    lines = [line[4:] for line in sample.splitlines() if line.startswith(("    ok ", "    warn ", "    FAIL "))]
    inside = [name for names in INSIDE.values() for name in names]
    assert [line[6:22].rstrip() for line in lines] == [*NAMES, "address", *inside]

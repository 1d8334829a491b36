"""The function in processes of its own over a database, beside OpenL2M's statements on the same database."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from dev.bench import baseline
from dev.bench.timing import Timing, summarize
from dev.servers.databases import Database

ROOT = Path(__file__).parents[2]
_DAY = "86400"
# What served_aws() has set that the function needs. Of the caller's own settings none counts.
_KEPT = (
    *("PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
    *("TOKENS_SECRET_ID", "DATABASE_CA_FILE", "POWERTOOLS_SERVICE_NAME"),
)

Timings = dict[str, Timing]


class DifferentNumbersError(Exception):
    """The function's numbers are not those of OpenL2M's statements."""


def use(database: Database) -> None:
    """Make a database the one that DATABASE_SECRET_ID names. To be called within served_aws()."""
    client: Any = boto3.client("secretsmanager")
    client.put_secret_value(SecretId=os.environ["DATABASE_SECRET_ID"], SecretString=json.dumps(database.secret()))


def compare_numbers(database: Database, connection: Any) -> None:
    """See that OpenL2M's statements, over a connection, give the function's numbers. Raise DifferentNumbersError."""
    probed = _probe("fresh", database, 0, CACHE_TTL_SECONDS="0")
    document = {key: entry["value"] for section in probed["document"].values() for key, entry in section.items()}
    found = ask_openl2m(database, connection, datetime.fromisoformat(probed["now"]))
    # The function may have statistics that OpenL2M has not.
    differing = {key: (number, document.get(key)) for key, number in found.items() if document.get(key) != number}
    if differing:
        raise DifferentNumbersError(f"OpenL2M's statements and the function differ: {differing}")


def ask_openl2m(database: Database, connection: Any, now: datetime) -> dict[str, int]:
    """Return the statistics by OpenL2M's statements, over the plain driver: it has no time limits either."""

    def ask(sql: str) -> Sequence[Sequence[Any]]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()  # type: ignore[no-any-return]

    return baseline.numbers(ask, database.dialect, now)


def ask_function(database: Database, seconds: float) -> Timings:
    """Measure the function's answers, the statement alone, and one that does nothing."""
    fresh = _probe("fresh", database, seconds, CACHE_TTL_SECONDS="0")
    cached = _probe("cached", database, seconds, CACHE_TTL_SECONDS=_DAY)
    return {name: summarize(taken) for name, taken in {**fresh["samples"], **cached["samples"]}.items()}


def container_command(
    arguments: Sequence[str], functions: Path, database: Database, **settings: str
) -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment of dev/bench/probe.py with the functions of a folder."""
    client: Any = boto3.client("secretsmanager")
    name = f"bench-{secrets.token_hex(4)}"
    client.create_secret(Name=name, SecretString=json.dumps(database.secret()))
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PYTHONPATH": f"{functions}:{ROOT}",
        "DATABASE_SECRET_ID": name,
        "TIME_ZONE": "UTC",
        "TOKENS_TTL_SECONDS": _DAY,
        "TOKENS_REFRESH_SECONDS": _DAY,
        "REQUEST_TIMEOUT_SECONDS": "25",
        **settings,
    }
    return [sys.executable, "-m", "dev.bench.probe", *arguments], environment


def _probe(measure: str, database: Database, seconds: float, **settings: str) -> dict[str, Any]:
    command, environment = container_command([measure, str(seconds)], ROOT / "functions", database, **settings)
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found

"""What is measured of one database: OpenL2M's statements, and the function's answers in a process of its own."""

import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from dev.bench import baseline
from dev.bench.timing import Timing, sample, summarize
from dev.servers.databases import Database

_ROOT = Path(__file__).parents[2]
_DAY = "86400"
# What served_aws() has set that the function needs. Of the caller's own settings none counts.
_KEPT = (
    *("PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
    *("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "DATABASE_CA_FILE", "POWERTOOLS_SERVICE_NAME"),
)
_CACHE_TTL = {"fresh": "0", "cached": _DAY}

Timings = dict[str, Timing]


class DifferentNumbersError(Exception):
    """The function's numbers are not those of OpenL2M's statements."""


def use(database: Database) -> None:
    """Make a database the one that the function reads. To be called within served_aws()."""
    client: Any = boto3.client("secretsmanager")
    client.put_secret_value(SecretId=os.environ["DATABASE_SECRET_ID"], SecretString=json.dumps(database.secret()))


def ask_openl2m(database: Database, seconds: float) -> Timing:
    """Measure one statement per statistic, and see that they give the function's numbers.

    Raise DifferentNumbersError.
    """
    probed = _probe("fresh", 0)
    now = datetime.fromisoformat(probed["now"])
    document = {key: entry["value"] for section in probed["document"].values() for key, entry in section.items()}
    with contextlib.closing(database.connect()) as connection:
        # The plain driver: no time limits, which OpenL2M has not either.
        ask = _ask(connection)
        found = baseline.numbers(ask, database.dialect, now)
        # The function may have statistics that OpenL2M has not.
        differing = {key: (number, document.get(key)) for key, number in found.items() if document.get(key) != number}
        if differing:
            raise DifferentNumbersError(f"OpenL2M's statements and the function differ: {differing}")
        # What this process holds besides is not OpenL2M's to collect.
        gc.freeze()
        passes = sample({"openl2m": lambda: baseline.numbers(ask, database.dialect, now)}, seconds)
        return summarize(passes["openl2m"])


def ask_function(seconds: float) -> Timings:
    """Measure the function's answers, the statement alone, and one that does nothing."""
    samples = {**_probe("fresh", seconds)["samples"], **_probe("cached", seconds)["samples"]}
    return {name: summarize(taken) for name, taken in samples.items()}


def _ask(connection: Any) -> baseline.Ask:
    def ask(sql: str) -> Sequence[Sequence[Any]]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()  # type: ignore[no-any-return]

    return ask


def _probe(measure: str, seconds: float) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PYTHONPATH": f"{_ROOT / 'functions'}:{_ROOT}",
        "TIME_ZONE": "UTC",
        "CACHE_TTL_SECONDS": _CACHE_TTL[measure],
        "TOKENS_TTL_SECONDS": _DAY,
        "TOKENS_REFRESH_SECONDS": _DAY,
        "REQUEST_TIMEOUT_SECONDS": "25",
    }
    command = [sys.executable, "-m", "dev.bench.probe", measure, str(seconds)]
    done = subprocess.run(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found

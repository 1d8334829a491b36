"""Warm containers of the function, each a process of its own, beside OpenL2M's statements on the same database.

They take turns: a round is one pass of OpenL2M's statements, then three answers of every container, whose median
counts. The order of the containers is reversed every other round. Only times of the same round are compared, so that
other programs on the machine slow both sides of a comparison.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from dev.bench import baseline
from dev.bench.timing import measure
from dev.servers.databases import Database

_ROOT = Path(__file__).parents[2]
_ANSWERS = 3
_LEAST, _MOST = 5, 50  # rounds
# The variables of served_aws() that the function needs. It gets no others of the caller's.
_PASSED_ON = (
    *("PATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"),
    *("TOKENS_SECRET_ID", "DATABASE_CA_FILE", "POWERTOOLS_SERVICE_NAME"),
)

# Called with a number: makes that many requests one after the other, and returns the nanoseconds of each answer.
Answers = Callable[[int], list[int]]


def settings_for(database: Database, **settings: str) -> dict[str, str]:
    """Create a secret for a database, and return the function's environment. To be called within served_aws()."""
    client: Any = boto3.client("secretsmanager")
    name = f"bench-{secrets.token_hex(4)}"
    client.create_secret(Name=name, SecretString=json.dumps(database.secret()))
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"DATABASE_SECRET_ID": name, "TOKENS_TTL_SECONDS": "86400", "REQUEST_TIMEOUT_SECONDS": "25"}
    return environment | settings


def compare_numbers(database: Database, connection: Any) -> None:
    """Check that OpenL2M's statements, over a connection, give the function's numbers. Raise ValueError."""
    from openl2m_stats.session import open_session
    from stats.base.deadline import Deadline
    from stats.base.settings import load
    from stats.reading import Reader

    settings, deadline = load(settings_for(database)), Deadline.after(25)
    with contextlib.closing(open_session(json.dumps(database.secret()), settings)) as session:
        document = Reader(session.database, UTC).read(deadline)
    ours = {key: entry["value"] for section in document.values() for key, entry in section.items()}
    theirs = openl2ms_numbers(database, connection, deadline.now)
    # The function may have statistics that OpenL2M does not have.
    differing = {key: (number, ours.get(key)) for key, number in theirs.items() if ours.get(key) != number}
    if differing:
        raise ValueError(f"OpenL2M's statements and the function differ: {differing}")


def openl2ms_numbers(database: Database, connection: Any, now: datetime) -> dict[str, int]:
    """Return the statistics by OpenL2M's statements, over the plain driver, which like OpenL2M sets no time limits."""

    def run(sql: str) -> Sequence[Sequence[Any]]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()  # type: ignore[no-any-return]

    return baseline.numbers(run, database.dialect, now)


@contextlib.contextmanager
def warm(database: Database, functions: Path = _ROOT / "functions", **settings: str) -> Iterator[Answers]:
    """Run a container of the functions in a folder, without a cache unless `settings` say otherwise."""
    environment = settings_for(database, **{"CACHE_TTL_SECONDS": "0", **settings})
    environment["PYTHONPATH"] = f"{functions}:{_ROOT}"
    command, pipe = [sys.executable, "-m", "dev.bench.probe"], subprocess.PIPE
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:

        def answers(number: int) -> list[int]:
            print(number, file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise subprocess.CalledProcessError(process.wait(), command)
            nanoseconds: list[int] = json.loads(line)
            return nanoseconds

        try:
            answers(1)  # connects
            yield answers
        finally:
            process.terminate()


def functions_of(revision: str, directory: Path) -> Path:
    """Extract the functions of a git revision into a directory and return their folder.

    Raise ValueError if the clone does not have it, CalledProcessError if the revision has no functions.
    """
    known = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    if subprocess.run(known, cwd=_ROOT, capture_output=True, check=False).returncode:
        raise ValueError(
            f"This clone has no revision {revision}. `git fetch --tags` brings the releases' tags, "
            "`git fetch --unshallow` the history of a shallow clone. BASE also takes a branch or a commit."
        )
    archive = directory / "functions.zip"
    command = ["git", "archive", f"--output={archive}", revision, "functions"]
    subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    shutil.unpack_archive(archive, directory)
    return directory / "functions"


def take_turns(
    openl2m: Callable[[], object], warm: Mapping[str, Answers], seconds: float
) -> tuple[list[int], dict[str, list[list[int]]]]:
    """Return nanoseconds, round by round: of OpenL2M's statements, and of each container's answers.

    There are at least 5 rounds, and no new one after the given seconds or 50 rounds.
    """
    passes: list[int] = []
    answers: dict[str, list[list[int]]] = {name: [] for name in warm}
    until = time.monotonic() + seconds
    while len(passes) < _LEAST or (len(passes) < _MOST and time.monotonic() < until):
        # The first container finds the processor's caches full of OpenL2M's data.
        names = list(warm)[:: -1 if len(passes) % 2 else 1]
        passes.append(measure(openl2m))
        for name in names:
            answers[name].append(warm[name](_ANSWERS))
    return passes, answers

"""OpenL2M's statements and the function's fresh answers in turn: what else the machine does slows both.

A round is one pass of OpenL2M's statements and, right after it, three answers of every container, whose median
counts. The containers' order is reversed every other round. What is compared is the times of one round.
"""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median_low

from dev.bench.timing import Timing, measure, pairs
from dev.bench.warm import ROOT, container_command
from dev.servers.databases import Database

_ANSWERS = 3
_LEAST = 5
_MOST = 50

# Takes a number, asks for so many answers, returns the nanoseconds of each.
Answers = Callable[[int], list[int]]
Rounds = Sequence[Sequence[int]]


@contextlib.contextmanager
def answering(database: Database, functions: Path = ROOT / "functions") -> Iterator[Answers]:
    """Run a warm container of the function over a database. To be called within served_aws()."""
    command, environment = container_command(["told"], functions, database, CACHE_TTL_SECONDS="0")
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:

        def answers(number: int) -> list[int]:
            print(number, file=process.stdin, flush=True)
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise subprocess.CalledProcessError(process.wait(), command)
            taken: list[int] = json.loads(line)
            return taken

        try:
            answers(1)  # which connects
            yield answers
        finally:
            process.terminate()


def functions_of(revision: str, directory: Path) -> Path:
    """Put the functions as they are in a git revision into a directory; return their folder.

    Raise CalledProcessError.
    """
    archive = directory / "functions.zip"
    command = ["git", "archive", f"--output={archive}", revision, "functions"]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shutil.unpack_archive(archive, directory)
    return directory / "functions"


def take_turns(
    openl2m: Callable[[], object], containers: Mapping[str, Answers], seconds: float
) -> tuple[Rounds, dict[str, Rounds]]:
    """Return nanoseconds: of OpenL2M's statements, and of each container's answers, round by round.

    Five rounds are made, and up to 50 as long as there are seconds left.
    """
    passes: list[list[int]] = []
    answers: dict[str, list[list[int]]] = {name: [] for name in containers}
    until = time.monotonic() + seconds
    for number in range(_MOST):
        if number >= _LEAST and time.monotonic() >= until:
            break
        passes.append([measure(openl2m)])
        # Who comes first finds the processor's caches full of something else.
        for name in list(containers)[:: -1 if number % 2 else 1]:
            answers[name].append(containers[name](_ANSWERS))
    return passes, dict(answers)


def times_as_long(slow: Rounds, fast: Rounds) -> Timing:
    """Return how many times as long one takes as the other, round by round."""
    return pairs([median_low(each) for each in slow], [median_low(each) for each in fast])

"""The start of the API's function, for which Lambda and the first caller wait.

api.py imports this module before any other, so that the garbage collector rests while they are imported.
"""

import gc
import os

IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
if IN_LAMBDA:
    gc.disable()  # what imports make stays: looking for garbage in it takes an eighth of the start

import random
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

from stats.app import Container, build
from stats.base import settings
from stats.base.deadline import Deadline

# Lambda gives a start 10 s, and so it does a restored snapshot.
_SECONDS = 5


def begin() -> Container:
    """Build the container, and read ahead what the first request would wait for. Raise SettingsError.

    Under SnapStart nothing is read before the snapshot is taken: what is stored, and copied, holds no secret and no
    connection.
    """
    container = build(settings.load())
    with ThreadPoolExecutor() as pool:
        if settings.starts_from_snapshot():
            from snapshot_restore_py import register_after_restore  # of Lambda's runtime

            register_after_restore(partial(_after_restore, container))
        else:
            _read_ahead(container, pool)
        if container.snapshots:
            container.snapshots.prepare()  # takes as long as reading the secrets does
    if IN_LAMBDA:
        gc.freeze()
        gc.enable()
    return container


def _read_ahead(container: Container, pool: Executor) -> None:
    deadline = Deadline.after(_SECONDS)
    pool.submit(container.tokens.prepare, deadline)
    pool.submit(container.database.prepare, deadline)


def _after_restore(container: Container) -> None:
    """Begin anew in a copy of this process that SnapStart has made: its random numbers are the other copies' too."""
    random.seed()
    with ThreadPoolExecutor() as pool:
        _read_ahead(container, pool)

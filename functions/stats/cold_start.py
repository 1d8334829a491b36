"""The cold start of the API's function, which Lambda and the first caller wait for.

api.py imports this module before any other, so that the garbage collector is off during the other imports.
"""

import gc
import os

IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
if IN_LAMBDA:
    gc.disable()  # imports leave no garbage, and collecting it would take an eighth of the start

import random
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

from stats.app import App, build
from stats.base import settings
from stats.base.deadline import Deadline

# Lambda allows 10 s, for a cold start and for a restore alike.
_SECONDS = 5


def begin() -> App:
    """Put the parts together, and read ahead what the first request would wait for. Raise SettingsError.

    Under SnapStart nothing is read before SnapStart stores the process, so that the copies contain no secret and no
    connection.
    """
    app = build(settings.load())
    with ThreadPoolExecutor() as pool:
        if settings.starts_from_snapshot():
            from snapshot_restore_py import register_after_restore  # of Lambda's runtime

            register_after_restore(partial(_after_restore, app))
        else:
            _read_ahead(app, pool)
        if app.snapshots:
            app.snapshots.prepare()  # takes as long as reading the secrets does
    if IN_LAMBDA:
        gc.freeze()
        gc.enable()
    return app


def _read_ahead(app: App, pool: Executor) -> None:
    deadline = Deadline.after(_SECONDS)
    pool.submit(app.tokens.prepare, deadline)
    pool.submit(app.database.prepare, deadline)


def _after_restore(app: App) -> None:
    """Start over in a process that SnapStart has restored: all copies would draw the same random numbers."""
    random.seed()
    with ThreadPoolExecutor() as pool:
        _read_ahead(app, pool)

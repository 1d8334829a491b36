"""The function's parts over an OpenL2M database in an SQLite file, with secrets and a bucket in memory."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from dev.servers.databases import Database as File
from stats.app import App
from stats.base.deadline import Deadline
from stats.base.settings import Settings, load
from stats.database.session import Database
from stats.reading import Reader
from stats.service import Service
from stats.snapshots.store import Snapshots
from stats.tokens.authorization import Tokens
from tests.support.memory_s3 import MemoryBucket
from tests.support.secret import Secret


def new_settings(**changes: str) -> Settings:
    return load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens", **changes})


def new_secret(file: File) -> Secret:
    """Return a secret that names a database file."""
    secret = Secret()
    secret.texts["AWSCURRENT"] = json.dumps(file.secret())
    return secret


@contextlib.contextmanager
def new_app(file: File, bucket: MemoryBucket | None = None, **changes: str) -> Iterator[App]:
    """Yield the parts, as stats.app.build() puts them together, over a database file and, unless None, a bucket."""
    settings, secret = new_settings(**changes), new_secret(file)
    database = Database(settings, partial(secret.get, "database"))
    reader = Reader(database, settings.time_zone)
    snapshots = Snapshots(bucket, settings.time_zone) if bucket else None
    with contextlib.closing(database):
        yield App(settings, Tokens(settings, secret), database, reader, snapshots, Service(settings, reader, snapshots))


def deadline_at(now: datetime, seconds: float = 10) -> Deadline:
    """Return the deadline of a request that comes at an instant."""
    return replace(Deadline.after(seconds), now=now)

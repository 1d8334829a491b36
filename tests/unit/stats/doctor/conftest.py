"""What the checks of a function go by, over an SQLite file, with secrets and a bucket in memory."""

import contextlib
from collections.abc import Iterator
from functools import partial

import pytest

from dev.servers.databases import Database as File
from stats.database.session import Database
from stats.doctor.findings import Known
from tests.support.memory_s3 import MemoryBucket
from tests.support.secret import Secret
from tests.support.sqlite_app import new_app, new_secret


@pytest.fixture
def secret(file: File) -> Secret:
    return new_secret(file)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def known(file: File, secret: Secret, bucket: MemoryBucket) -> Iterator[Known]:
    with new_app(file, bucket) as app:
        database = Database(app.settings, partial(secret.get, "database"))
        with contextlib.closing(database):
            yield Known(app, secret, database)

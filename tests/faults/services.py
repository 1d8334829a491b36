"""Faults of the services: each a context in which the database, Secrets Manager, S3 or the clock fails by itself."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

from dev.servers.databases import Database
from tests.faults.network import Fault, end_session
from tests.faults.world import SECRET, World
from tests.integration.conftest import token_record
from tests.support import leaks
from tests.support.outages import cancelling, log_locked, sessions, table_missing, user_refused, wait_until

# --- the database


@contextlib.contextmanager
def password_wrong(world: World) -> Iterator[None]:
    world.database.set_password(leaks.new_password())
    world.to_database.cut()
    try:
        yield
    finally:
        world.database.set_password(world.database.password)


@contextlib.contextmanager
def too_many_connections(world: World) -> Iterator[None]:
    """Let the user have all the connections that it may have."""
    database = world.database
    assert database.server is not None
    world.to_database.cut()
    with contextlib.ExitStack() as limited:
        if database.dialect == "postgresql":
            database.execute(f"ALTER ROLE {database.user} CONNECTION LIMIT 0")
            limited.callback(database.execute, f"ALTER ROLE {database.user} CONNECTION LIMIT -1")
        else:
            database.execute(f"ALTER USER {database.user} WITH MAX_USER_CONNECTIONS 1")
            limited.callback(database.execute, f"ALTER USER {database.user} WITH MAX_USER_CONNECTIONS 0")
            wait_until(lambda: not sessions(database))
            user = replace(database.server, superuser=database.user, superuser_password=database.password)
            limited.enter_context(contextlib.closing(user.connect()))
        yield


def _database(outage: Callable[[Database], AbstractContextManager[None]]) -> Fault:
    return lambda world: outage(world.database)


locked = _database(log_locked)
without_table = _database(table_missing)
without_user = _database(user_refused)


@contextlib.contextmanager
def without_grant(world: World) -> Iterator[None]:
    """Let the user not read one of the tables."""
    world.database.execute(f"REVOKE SELECT (id) ON switches_vlangroup FROM {world.database.user}")
    try:
        yield
    finally:
        world.database.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {world.database.user}")


@contextlib.contextmanager
def cancelled(world: World) -> Iterator[None]:
    """Let the server cancel every statement: none gets to its end, since the log is locked."""
    with log_locked(world.database), cancelling(world.database):
        yield


@contextlib.contextmanager
def read_only(world: World) -> Iterator[None]:
    """Let the server take no changes, as a replica does."""
    begin, end = {
        "postgresql": (
            f"ALTER ROLE {world.database.user} SET default_transaction_read_only = on",
            f"ALTER ROLE {world.database.user} RESET default_transaction_read_only",
        ),
        "mysql": ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"),
    }[world.database.dialect]
    world.database.execute(begin)
    world.to_database.cut()  # what a role is set to counts from the next session on
    try:
        yield
    finally:
        world.database.execute(end)


# --- Secrets Manager


def secret_refused(dependency: str, status: int, code: str) -> Fault:
    """Let Secrets Manager answer those who read a secret with an error."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        end_session(world, dependency)
        world.secrets.errors[_name(world, dependency)] = status, code
        try:
            yield
        finally:
            world.secrets.errors.clear()

    return fault


def secret_is(dependency: str, text: str) -> Fault:
    """Let a secret hold this text."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        end_session(world, dependency)
        world.aws.client.put_secret_value(SecretId=_name(world, dependency), SecretString=text)
        try:
            yield
        finally:
            world.put_secret()
            world.aws.put_tokens(token_record(world.key))

    return fault


def _name(world: World, dependency: str) -> str:
    return world.aws.database_secret if dependency == SECRET else world.aws.tokens_secret


# --- S3 and the clock


def bucket_answers(status: int) -> Fault:
    """Let S3 answer every call with an error."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        world.s3.fault = lambda *_: status
        try:
            yield
        finally:
            world.s3.fault = lambda *_: None

    return fault


def bucket_holds(objects: dict[str, bytes]) -> Fault:
    """Let the bucket hold these objects and no others."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        before, world.s3.objects = world.s3.objects, objects
        try:
            yield
        finally:
            world.s3.objects = before

    return fault


def clock_moved(by: timedelta) -> Fault:
    """Let the clock be wrong by so much."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        world.clock.shift(by)
        try:
            yield
        finally:
            world.clock.shift(-by)

    return fault

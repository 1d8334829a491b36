"""Rotation by alternating users, in the steps and with the SQL of AWS's own rotation functions.

https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas, SecretsManagerRDS…RotationMultiUser: each of the
engines has its own, and they differ in what they let the second user have.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dev.servers.databases import Database
from tests.support import leaks

LONGEST_NAME = {"mysql": 16, "mariadb": 80, "postgres": 63}
_SUFFIX = "_clone"


class NameTooLongError(Exception):
    """The function does not make a user of this name."""


def other_user(name: str, engine: str) -> str:
    """Return the user that takes turns with a user. Raise NameTooLongError."""
    if name.endswith(_SUFFIX):
        return name.removesuffix(_SUFFIX)
    clone = name + _SUFFIX
    if len(clone) > LONGEST_NAME[engine]:
        raise NameTooLongError(clone)
    return clone


class Rotation:
    """The rotation of a database's secret. `database` is as the current version of the secret has it."""

    def __init__(self, client: Any, secret_id: str, database: Database) -> None:
        self._client, self._secret_id = client, secret_id
        self.database = database

    def create(self) -> tuple[str, Database]:
        """Take the step createSecret; return the pending version and the database as it names it."""
        name = other_user(self.database.user, self.database.engine)
        pending = replace(self.database, user=name, password=leaks.new_password())
        answer = self._client.put_secret_value(
            SecretId=self._secret_id, SecretString=json.dumps(pending.secret()), VersionStages=["AWSPENDING"]
        )
        return answer["VersionId"], pending

    def set(self, pending: Database) -> None:
        """Take the step setSecret: the pending user gets its password and, by engine, the current user's rights."""
        steps = {"mysql": _set_on_mysql, "mariadb": _set_on_mariadb, "postgres": _set_on_postgresql}
        with contextlib.closing(self.database.connect()) as connection:
            steps[self.database.engine](connection.cursor(), self.database.user, pending)
            connection.commit()


def _set_on_mysql(cursor: Any, current: str, pending: Database) -> None:
    cursor.execute("SELECT User FROM mysql.user WHERE User = %s", (pending.user,))
    if not cursor.fetchall():
        cursor.execute("CREATE USER %s IDENTIFIED BY %s", (pending.user, pending.password))
    for rights in _rights(cursor, current):
        cursor.execute(f"{rights} TO %s", (pending.user,))
    cursor.execute("ALTER USER %s@'%%' REQUIRE NONE", (pending.user,))
    cursor.execute("SET PASSWORD FOR %s = %s", (pending.user, pending.password))


def _set_on_mariadb(cursor: Any, current: str, pending: Database) -> None:
    for rights in _rights(cursor, current):
        cursor.execute(f"{rights} TO %s IDENTIFIED BY %s", (pending.user, pending.password))
    cursor.execute("ALTER USER %s@'%%' REQUIRE NONE", (pending.user,))


def _rights(cursor: Any, user: str) -> Iterator[str]:
    cursor.execute("SHOW GRANTS FOR %s", (user,))
    return (str(grant).split(" TO ")[0].replace("%", "%%") for (grant,) in cursor.fetchall())


def _set_on_postgresql(cursor: Any, current: str, pending: Database) -> None:
    cursor.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{pending.user}'")
    if cursor.fetchall():
        cursor.execute(f"ALTER USER {pending.user} WITH PASSWORD '{pending.password}'")
    else:
        cursor.execute(f"CREATE ROLE {pending.user} WITH LOGIN PASSWORD '{pending.password}'")
        cursor.execute(f"GRANT {current} TO {pending.user}")


@contextlib.contextmanager
def alternating(client: Any, secret_id: str, database: Database) -> Iterator[Rotation]:
    """Yield the rotation of a database's secret; at the end the second user is gone."""
    try:
        yield Rotation(client, secret_id, database)
    finally:
        drop_user(replace(database, user=database.user + _SUFFIX))


def drop_user(database: Database) -> None:
    """Remove a database's user, if it is there."""
    if database.dialect == "mysql":
        database.execute(f"DROP USER IF EXISTS {database.user}")
    else:
        database.execute(
            f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{database.user}') "
            f"THEN DROP OWNED BY {database.user}; DROP ROLE {database.user}; END IF; END $$"
        )

"""Every error that a server gives for a mistake that people make has its code in the log, and words that help."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from dev.servers.databases import Database
from openl2m_stats.database_errors import ERRORS
from tests.integration.conftest import AWS
from tests.support import leaks

ABSENT, FORBIDDEN = "openl2m-stats doctor` shows what is missing", "openl2m-stats grants` prints"


class Mistake(NamedTuple):
    code: str
    sql: tuple[str, ...] = ()
    secret: Callable[[Database], dict[str, Any]] = lambda _: {}
    hint: str = ""
    partial: bool = False  # it costs some numbers, not all


def mistake(code: str, *sql: str, hint: str = "", partial: bool = False, **secret: Any) -> Mistake:
    return Mistake(code, sql, lambda _: secret, hint, partial)


VIEW = "CREATE VIEW switches_vlan AS SELECT id FROM moved"
MYSQL = {
    "wrong password": Mistake("1045", secret=lambda _: {"password": leaks.new_password()}),
    "locked user": mistake("4151", "ALTER USER {user} ACCOUNT LOCK"),
    "expired password": mistake("1820", "ALTER USER {user} PASSWORD EXPIRE"),
    "dbname misspelled, user without rights there": mistake("1044", hint=FORBIDDEN, dbname="openl2n"),
    "dbname misspelled, user with rights everywhere": mistake(
        "1049", "GRANT SELECT ON *.* TO {user}", hint=ABSENT, dbname="openl2n"
    ),
    "table missing": mistake(
        "1146", "DROP TABLE switches_vlan", "GRANT SELECT ON {name}.* TO {user}", hint=ABSENT, partial=True
    ),
    "column missing": mistake(
        "1054",
        "ALTER TABLE switches_log RENAME COLUMN action TO deed",
        "GRANT SELECT ON {name}.* TO {user}",
        hint=ABSENT,
        partial=True,
    ),
    "view of nothing": mistake(
        "1356",
        "ALTER TABLE switches_vlan RENAME TO moved",
        VIEW,
        "DROP TABLE moved",
        "GRANT SELECT ON {name}.* TO {user}",
        hint=ABSENT,
        partial=True,
    ),
    "no right on a table": mistake(
        "1142", "REVOKE SELECT (id) ON switches_vlan FROM {user}", hint=FORBIDDEN, partial=True
    ),
    "no right on a column": mistake(
        "1143", "REVOKE SELECT (action) ON switches_log FROM {user}", hint=FORBIDDEN, partial=True
    ),
    "too many logins": mistake("1226", "ALTER USER {user} WITH MAX_QUERIES_PER_HOUR 1"),
}
POSTGRESQL = {
    "wrong password": Mistake("28P01", secret=lambda _: {"password": leaks.new_password()}),
    "locked user": mistake("28000", "ALTER ROLE {user} NOLOGIN"),
    "expired password": mistake("28P01", "ALTER ROLE {user} VALID UNTIL '2020-01-01'"),
    "dbname misspelled": mistake("3D000", hint=ABSENT, dbname="openl2n"),
    "no right to connect": mistake("42501", "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, {user}", hint=FORBIDDEN),
    "no right on the schema": mistake("42P01", "REVOKE USAGE ON SCHEMA public FROM PUBLIC, {user}", hint=ABSENT),
    "table missing": mistake("42P01", "DROP TABLE switches_vlan", hint=ABSENT, partial=True),
    "column missing": mistake(
        "42703", "ALTER TABLE switches_log RENAME COLUMN action TO deed", hint=ABSENT, partial=True
    ),
    "no right on a table": mistake(
        "42501", "REVOKE SELECT (id) ON switches_vlan FROM {user}", hint=FORBIDDEN, partial=True
    ),
    "too many connections": mistake("53300", "ALTER ROLE {user} CONNECTION LIMIT 0"),
    "time limit": mistake("57014", "ALTER ROLE {user} SET statement_timeout = 1", "{slow}"),
}
SLOW = (
    "ALTER TABLE switches_vlan RENAME TO vlans; "
    "CREATE VIEW switches_vlan AS SELECT id FROM vlans FULL JOIN pg_sleep(0.05) ON true; "
    "GRANT SELECT (id) ON switches_vlan TO {user}"
)


def assert_named(mistake: Mistake, database: Database, aws: AWS, new_container: Any, caplog: Any) -> None:
    for statement in mistake.sql:
        text = statement.format(user=database.user, name=database.name, slow=SLOW.format(user=database.user))
        for part in text.split("; "):
            database.execute(part)
    aws.put_database(database.secret(**mistake.secret(database)))
    key = aws.new_token()

    assert new_container().get(key).status == (200 if mistake.partial else 503)

    message = "statistics missing" if mistake.partial else "database failed"
    [logged] = [record.error for record in caplog.records if record.message == message]
    assert f"{mistake.code}: " in logged
    assert mistake.hint in logged
    assert any(mistake.code in error.codes for error in ERRORS)


@pytest.mark.parametrize("name", MYSQL)
def test_on_mariadb(name: str, mariadb: Database, aws: AWS, new_container: Any, caplog: Any) -> None:
    assert_named(MYSQL[name], mariadb, aws, new_container, caplog)


@pytest.mark.parametrize("name", POSTGRESQL)
def test_on_postgresql(name: str, postgresql: Database, aws: AWS, new_container: Any, caplog: Any) -> None:
    assert_named(POSTGRESQL[name], postgresql, aws, new_container, caplog)

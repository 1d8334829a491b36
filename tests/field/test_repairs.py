"""The operator repairs the database, and containers that run already see it at the next try."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.servers.databases import Database
from stats.numbers import query
from tests.integration.conftest import AWS, Travel
from tests.support.outages import log_locked
from tests.support.proxy import Proxy

TRIES = 6
PAUSE_SECONDS = 40  # longer than any back-off, and what a request takes

Watch = Callable[..., None]


@pytest.fixture
def logins(aws: AWS, new_container: Any, travel: Travel) -> Iterator[Watch]:
    """Return a function that shows that a repair is seen, and how many logins that takes.

    A container fails several times, each time when its pause is over; meanwhile requests come in during the pause.
    After the repair, the first try after the pause is answered.
    """
    with contextlib.ExitStack() as stack:

        def watch(database: Database, repair: Callable[[], None], *, warm: Callable[[], None] | None = None) -> None:
            assert database.server
            proxy = stack.enter_context(Proxy((database.server.host, database.server.port)))
            aws.put_database(database.secret(host=proxy.host, port=proxy.port))
            key = aws.new_token()
            container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0, DATABASE_TLS="off")
            if warm:
                assert container.get(key).status == 200
                warm()
            logins: list[int] = []
            for number in range(1, TRIES + 1):
                travel(number * PAUSE_SECONDS)
                assert not whole(container.get(key))
                logins.append(proxy.connections)
                assert not whole(container.get(key))
                assert proxy.connections == logins[-1], "a login during the pause"
            assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(logins)), logins

            repair()
            travel((TRIES + 1) * PAUSE_SECONDS)
            assert whole(container.get(key))
            assert proxy.connections <= logins[-1] + 1

        yield watch


def whole(response: Any) -> bool:
    """Return whether an answer has all the numbers."""
    return response.status == 200 and query.is_whole(response.json)


def test_an_expired_password_is_renewed(mariadb: Database, logins: Watch) -> None:
    """The password of the database user has expired; MariaDB lets it log in, and answers 1820 until it is renewed."""
    mariadb.execute(f"ALTER USER {mariadb.user} PASSWORD EXPIRE")
    logins(mariadb, lambda: mariadb.set_password(mariadb.password))


def test_rights_on_the_whole_database_are_granted(mariadb: Database, logins: Watch) -> None:
    """The user may read one table, and the administrator adds GRANT SELECT ON openl2m.*, which sessions see late."""
    mariadb.execute(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {mariadb.user}")
    mariadb.execute(f"GRANT SELECT ON {mariadb.name}.switches_vlan TO {mariadb.user}")
    logins(mariadb, lambda: mariadb.execute(f"GRANT SELECT ON {mariadb.name}.* TO {mariadb.user}"))


def test_a_role_is_made_the_users_default(mariadb: Database, logins: Watch) -> None:
    """The rights are those of a role that is granted to the user, but not its default."""
    role = f"{mariadb.name}_role"
    mariadb.execute(f"CREATE ROLE {role}")
    try:
        mariadb.execute(f"GRANT SELECT ON {mariadb.name}.* TO {role}")
        mariadb.execute(f"GRANT {role} TO {mariadb.user}")
        mariadb.execute(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {mariadb.user}")
        mariadb.execute(f"GRANT SELECT ON {mariadb.name}.switches_vlan TO {mariadb.user}")
        mariadb.execute(f"GRANT {role} TO {mariadb.user}")
        logins(mariadb, lambda: mariadb.execute(f"SET DEFAULT ROLE {role} FOR {mariadb.user}"))
    finally:
        mariadb.execute(f"DROP ROLE {role}")


def test_the_users_search_path_is_set(postgresql: Database, logins: Watch) -> None:
    """The tables were moved to another schema, which OpenL2M's own user searches and the statistics' user does not."""
    schema = "netops"
    for statement in in_schema(postgresql, schema):
        postgresql.execute(statement)
    postgresql.execute(f"GRANT USAGE ON SCHEMA {schema} TO {postgresql.user}")
    logins(postgresql, lambda: postgresql.execute(f"ALTER ROLE {postgresql.user} SET search_path = {schema}"))


def in_schema(database: Database, schema: str) -> list[str]:
    """Return the statements that move OpenL2M's tables to a schema of their own."""
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
    return [f"CREATE SCHEMA {schema}", *(f"ALTER TABLE {table} SET SCHEMA {schema}" for table in tables)]


def test_the_users_time_limit_is_raised(postgresql: Database, logins: Watch) -> None:
    """The role's statement_timeout was too short, and the administrator does what the doctor says."""
    postgresql.execute(f"ALTER ROLE {postgresql.user} SET statement_timeout = '1ms'")
    # So that a millisecond is not enough on any machine.
    postgresql.execute("ALTER TABLE switches_vlangroup RENAME TO vlan_groups")
    postgresql.execute("CREATE VIEW switches_vlangroup AS SELECT id FROM vlan_groups FULL JOIN pg_sleep(0.05) ON true")
    postgresql.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {postgresql.user}")
    logins(postgresql, lambda: postgresql.execute(f"ALTER ROLE {postgresql.user} SET statement_timeout = '10s'"))


def test_a_missing_table_appears(server_db: Database, logins: Watch) -> None:
    """A migration of OpenL2M was half done, and is finished."""
    server_db.execute("ALTER TABLE switches_vlangroup RENAME TO hidden")
    logins(server_db, lambda: server_db.execute("ALTER TABLE hidden RENAME TO switches_vlangroup"))


def test_a_container_that_was_well_before(server_db: Database, logins: Watch) -> None:
    """A right was revoked by mistake while the container held an open session, and is given back."""
    right = f"SELECT (id) ON switches_vlan {{}} {server_db.user}"
    logins(
        server_db,
        lambda: server_db.execute("GRANT " + right.format("TO")),
        warm=lambda: server_db.execute("REVOKE " + right.format("FROM")),
    )


def test_a_locked_table_costs_one_login_a_try(server_db: Database, logins: Watch, monkeypatch: Any) -> None:
    """A maintenance job holds the log for minutes: the statement's end at its limit must not become a login storm."""
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with contextlib.ExitStack() as lock:
        logins(server_db, lock.close, warm=lambda: lock.enter_context(log_locked(server_db)))

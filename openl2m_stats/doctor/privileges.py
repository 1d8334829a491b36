"""The database user's rights: all that the statement needs, and no others."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from openl2m_stats import grants
from openl2m_stats.database_errors import remedy
from openl2m_stats.doctor.absent import tables_elsewhere
from openl2m_stats.doctor.findings import Finding, listed
from openl2m_stats.session import Session, script_path
from stats.database.driver import Kind
from stats.numbers import catalogue
from stats.numbers.catalogue import STATISTICS
from stats.reading import Gap, find_gaps, readable

# Columns that the scripts deliberately do not grant; they are listed first.
_SECRETS = {
    "users_token": {"key"},
    "switches_snmpprofile": {"community", "passphrase", "priv_passphrase"},
    "switches_netmikoprofile": {"password", "enable_password"},
    "auth_user": {"password"},
    "django_session": {"session_data"},
}
_MOST = 5
_COLUMNS = {
    "mysql": """SELECT table_name, column_name, FIND_IN_SET('select', privileges) > 0,
        FIND_IN_SET('insert', privileges) + FIND_IN_SET('update', privileges) > 0
        FROM information_schema.columns WHERE table_schema = DATABASE()""",
    "postgresql": """SELECT relname, attname, has_column_privilege(c.oid, attnum, 'SELECT'),
        has_column_privilege(c.oid, attnum, 'INSERT, UPDATE') OR has_table_privilege(c.oid, 'DELETE, TRUNCATE')
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE pg_table_is_visible(c.oid)
        AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped""",
    # It is opened read-only.
    "sqlite": """SELECT m.name, c.name, 1, 0 FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type IN ('table', 'view')""",
}
# Rights that are not about columns.
_FURTHER = {
    "mysql": """SELECT privilege_type FROM (
        SELECT grantee, privilege_type FROM information_schema.user_privileges
        UNION SELECT grantee, privilege_type FROM information_schema.schema_privileges
        UNION SELECT grantee, privilege_type FROM information_schema.table_privileges) p
        WHERE REPLACE(grantee, '''', '') = CURRENT_USER()
        AND privilege_type NOT IN ('USAGE', 'SELECT', 'INSERT', 'UPDATE')""",
    # A superuser's other rights need no mention. New versions have new rights, such as MAINTAIN, and new roles.
    "postgresql": """SELECT 'SUPERUSER' WHERE current_setting('is_superuser') = 'on'
        UNION SELECT further.name FROM (
        SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'pg!_%' ESCAPE '!' AND pg_has_role(oid, 'USAGE')
        UNION SELECT privilege_type FROM pg_class, aclexplode(relacl)
        WHERE pg_table_is_visible(oid)
        AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND CASE grantee WHEN 0 THEN true ELSE pg_has_role(grantee, 'USAGE') END
        AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')) further
        WHERE current_setting('is_superuser') = 'off'""",
}


@dataclass(frozen=True)
class _Column:
    table: str
    name: str
    readable: bool
    writable: bool


def check_grants(session: Session) -> Finding:
    """Check that every column that the statement needs can be read. Raise DatabaseError."""
    needed = _needed()
    visible = {(column.table, column.name) for column in _columns(session) if column.readable}
    # An invisible column may be absent or forbidden: only reading it shows which. That also waits for locks.
    gaps = [] if visible.issuperset(needed) else find_gaps(session.probe)
    if not gaps:
        return Finding("ok", f"all {len(needed)} columns of {len(dict(needed))} tables can be read")
    without = [statistic.key for statistic in STATISTICS if statistic not in readable(gaps)]
    absences = [gap for gap in gaps if gap.error.kind == Kind.ABSENT]
    if elsewhere := tables_elsewhere(session, [gap.table for gap in absences if gap.column is None]):
        return elsewhere
    absent, forbidden = _columns_of(absences), _columns_of(gap for gap in gaps if gap not in absences)
    seen = [
        absent and f"not found: {_by_table(absent, len(absent), len(absent))}",
        forbidden and f"cannot read {_by_table(forbidden, len(forbidden), len(forbidden))}",
        f"missing numbers: {listed(without, _MOST)}",
    ]
    advice = [remedy(absences[0].error) if absences else "", _grants_advice(session, forbidden) if forbidden else ""]
    return Finding("FAIL", "; ".join(text for text in seen if text), " ".join(filter(None, advice)))


def _columns_of(gaps: Iterable[Gap]) -> list[tuple[str, str]]:
    """Return the columns that cannot be read; for a table that cannot be read, all needed ones."""
    columns = catalogue.columns()
    return [(gap.table, name) for gap in gaps for name in ([gap.column] if gap.column else columns[gap.table])]


def _grants_advice(session: Session, columns: Iterable[tuple[str, str]]) -> str:
    user = _account(session)
    lines = " ".join(grants.lines(session.dialect, user, _tables(columns)))
    command = f"openl2m-stats grants --engine {session.dialect} --user {shlex.quote(user)}"
    return f"Run in database {session.server.database}: {lines} Or run the output of `{command}`."


def check_least_privilege(session: Session) -> Finding:
    """Check that the user may not read or write anything that the statement does not need. Raise DatabaseError."""
    if session.dialect == "sqlite":
        return Finding("ok", "not applicable: the file is opened read-only")
    columns = _columns(session)
    needed = set(_needed())
    excess = [(each.table, each.name) for each in columns if each.readable and (each.table, each.name) not in needed]
    writable = sorted({column.table for column in columns if column.writable})
    further = sorted({str(row[0]) for row in session.rows(_FURTHER[session.dialect])})
    seen = [
        excess and f"may also read {_by_table(sorted(excess, key=_rank), _MOST, 3)}",
        writable and f"may write {listed(writable, _MOST)}",
        further and f"has {listed(further, _MOST)}",
    ]
    if any(seen):
        advice = f"Revoke that, or use a separate user, which {script_path('read_only_user', session.dialect)} creates."
        return Finding("warn", "; ".join(text for text in seen if text), advice)
    return Finding("ok", "may read nothing else, and write nothing")


def _columns(session: Session) -> list[_Column]:
    return [
        _Column(str(table), str(name), bool(readable), bool(writable))
        for table, name, readable, writable in session.rows(_COLUMNS[session.dialect])
    ]


def _needed() -> list[tuple[str, str]]:
    """Return the columns that the statement reads, as (table, column)."""
    return [(table, column) for table, columns in catalogue.columns().items() for column in columns]


def _account(session: Session) -> str:
    """Return the user for a GRANT: on MySQL and MariaDB, with the host of its account."""
    if session.dialect != "mysql":
        return session.server.user
    return str(session.rows("SELECT CURRENT_USER()")[0][0]).removesuffix("@%")


def _rank(column: tuple[str, str]) -> tuple[bool, str, bool]:
    table, name = column
    return table not in _SECRETS, table, name not in _SECRETS.get(table, ())


def _tables(columns: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for table, name in columns:
        tables.setdefault(table, []).append(name)
    return tables


def _by_table(columns: Iterable[tuple[str, str]], most_tables: int, most_columns: int) -> str:
    tables = _tables(columns)
    return listed([f"{table} ({listed(names, most_columns)})" for table, names in tables.items()], most_tables)

"""Tables and columns that the statement needs and that are not there, or are in another schema."""

import shlex
from collections import Counter
from collections.abc import Sequence

from openl2m_stats.doctor.findings import Finding, listed
from openl2m_stats.session import Session
from stats.database.driver import DatabaseError, Kind

_MOST = 5
_ELSEWHERE = """SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT pg_table_is_visible(c.oid)
    AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""

Columns = Sequence[tuple[str, str]]


def find_absent(session: Session, unreadable: Columns, seen: set[tuple[str, str]]) -> Finding | None:
    """Tell which of the columns that cannot be read do not exist, as (table, column); None when they all may.

    `seen` are the columns that the server shows. Raise DatabaseError.
    """
    known = {table for table, _ in seen}
    tables = list(dict.fromkeys(table for table, _ in unreadable if table not in known))
    if session.dialect == "postgresql" and tables:
        found = [(table, schema) for table, schema in session.rows(_ELSEWHERE) if table in tables]
        if found:
            return _elsewhere(session, tables, found)
    columns = [each for each in unreadable if each[0] in known and each not in seen]
    if session.dialect == "mysql":  # which shows only what the user has a right on
        columns = [each for each in unreadable if _is_absent(session, *each)]
        tables = [table for table in tables if _is_absent(session, table, "1")]
        columns = [each for each in columns if each[0] not in tables]
    where = f"in the database {session.server.database}"
    if tables:
        advice = (
            "Is it OpenL2M's database? Look at 'dbname' of the database secret; or OpenL2M's migrations have not run."
        )
        return Finding("FAIL", f"there is no table {listed(tables, _MOST)} {where}", advice)
    if columns:
        names = listed([f"{table}.{name}" for table, name in columns], _MOST)
        return Finding("FAIL", f"there is no column {names} {where}", "OpenL2M's migrations have not run, or not all.")
    return None


def _elsewhere(session: Session, tables: Sequence[str], found: Sequence[tuple[str, str]]) -> Finding:
    [(schema, count)] = Counter(schema for _, schema in found).most_common(1)
    user = session.server.user
    command = f"openl2m-stats grants --engine postgresql --user {shlex.quote(user)} --schema {shlex.quote(schema)}"
    seen = f"{count} of the tables are in the schema {schema}, which {user} does not search or may not use"
    missing = [table for table in tables if table not in {table for table, _ in found}]
    if missing:
        seen += f"; there is no table {listed(missing, _MOST)}"
    advice = (
        f"Run in database {session.server.database} what `{command}` prints: it grants the rights and sets the user's "
        "search_path."
    )
    return Finding("FAIL", seen, advice)


def _is_absent(session: Session, table: str, column: str) -> bool:
    """Tell whether the server says that a table or a column does not exist."""
    try:
        session.rows(f"SELECT {column} FROM {table} LIMIT 0")  # noqa: S608 the catalogue's own names
    except DatabaseError as error:
        if error.kind not in {Kind.ABSENT, Kind.FORBIDDEN}:
            raise
        return error.kind == Kind.ABSENT
    return False

"""Tables that the statement needs, in another schema than expected."""

import shlex
from collections import Counter
from collections.abc import Sequence

from openl2m_stats.doctor.findings import Finding, listed
from openl2m_stats.session import Session

_MOST = 5
_ELSEWHERE = """SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT pg_table_is_visible(c.oid)
    AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""


def tables_elsewhere(session: Session, tables: Sequence[str]) -> Finding | None:
    """Report the schema that has the missing tables; return None if none has them. Raise DatabaseError."""
    if session.dialect != "postgresql" or not tables:
        return None
    found = [(table, schema) for table, schema in session.rows(_ELSEWHERE) if table in tables]
    return _elsewhere(session, tables, found) if found else None


def _elsewhere(session: Session, tables: Sequence[str], found: Sequence[tuple[str, str]]) -> Finding:
    [(schema, count)] = Counter(schema for _, schema in found).most_common(1)
    user = session.server.user
    command = f"openl2m-stats grants --engine postgresql --user {shlex.quote(user)} --schema {shlex.quote(schema)}"
    seen = f"{count} of the tables are in the schema {schema}, which {user} may not use, or does not search"
    missing = [table for table in tables if table not in {table for table, _ in found}]
    if missing:
        seen += f"; these tables do not exist: {listed(missing, _MOST)}"
    advice = (
        f"Run the output of `{command}` in database {session.server.database}: it grants the rights and sets the "
        "user's search_path."
    )
    return Finding("FAIL", seen, advice)

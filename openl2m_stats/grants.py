"""`openl2m-stats grants`: the rights that the database user needs, as SQL for mysql and psql."""

from collections.abc import Iterable, Mapping, Sequence

import click

from openl2m_stats.parameters import Parsed, WrongUsage
from stats.database.engines import MYSQL, POSTGRESQL
from stats.numbers import catalogue

USER = "openl2m_stats"  # as in infra/database/read_only_user.*.sql
ENGINES = ("mysql", "postgresql")
_WORDS = (*ENGINES, *(word for word in (*MYSQL, *POSTGRESQL) if word not in ENGINES))  # also the secret's

_POSTGRESQL = """\
\\if :{{?schema}}
\\else
\\set schema public
\\endif
-- Only a table's owner may grant rights on it. RDS's master user is not a superuser, and usually not the owner.
SELECT coalesce(string_agg(DISTINCT quote_ident(tableowner), ', '), '') AS owners, count(*) > 0 AS borrowing
FROM pg_tables
WHERE schemaname = :'schema' AND tablename IN (
{tables}
) AND NOT pg_has_role(tableowner, 'USAGE') \\gset
\\if :borrowing
GRANT :owners TO CURRENT_USER;
\\endif

{grants}
SELECT :'schema' <> 'public' AS elsewhere \\gset
\\if :elsewhere
{searching}
\\endif
\\if :borrowing
REVOKE :owners FROM CURRENT_USER;
\\endif
"""


def lines(engine: str, user: str, columns: Mapping[str, Iterable[str]], schema: str = "") -> list[str]:
    """Return a GRANT statement for each table of `{table: columns}`; `schema`, as SQL, qualifies the tables."""
    account, where = quoted(engine, user), f"{schema}." if schema else ""
    return [f"GRANT SELECT ({', '.join(names)}) ON {where}{table} TO {account};" for table, names in columns.items()]


def body(engine: str, users: Sequence[str] = (USER,)) -> str:
    """Return the SQL that grants users all rights for the statistics, to be run in a transaction."""
    columns = catalogue.columns()
    schema = ':"schema"' if engine == "postgresql" else ""
    granted = [line for user in users for line in (*_connecting(engine, user), *lines(engine, user, columns, schema))]
    grants = "\n".join(granted)
    if engine == "mysql":
        return grants + "\n"
    tables = ",\n".join(f"  '{table}'" for table in columns)
    searching = "\n".join(
        f'  ALTER ROLE {quoted(engine, user)} IN DATABASE :"DBNAME" SET search_path = :"schema";' for user in users
    )
    return _POSTGRESQL.format(tables=tables, grants=grants, searching=searching)


def _connecting(engine: str, user: str) -> list[str]:
    if engine == "mysql":
        return []
    role = quoted(engine, user)
    return [f'GRANT CONNECT ON DATABASE :"DBNAME" TO {role};', f'GRANT USAGE ON SCHEMA :"schema" TO {role};']


def script(engine: str, users: Sequence[str] = (USER,), schema: str = "public") -> str:
    """Return the script for mysql or psql; on PostgreSQL, the tables are in `schema`. It may be run repeatedly."""
    if engine == "mysql":
        return body(engine, users)
    escaped = schema.replace("\\", "\\\\").replace("'", "\\'")
    return f"\\set ON_ERROR_STOP on\n\\set schema '{escaped}'\nBEGIN;\n{body(engine, users)}COMMIT;\n"


def quoted(engine: str, user: str) -> str:
    """Return a user as an SQL identifier; on MySQL and MariaDB the user may have a host, as in `stats@10.0.%`."""
    if engine == "postgresql":
        return '"' + user.replace('"', '""') + '"'
    name, at, host = user.rpartition("@")
    parts = (name, host) if at else (user,)
    return "@".join("`" + part.replace("`", "``") + "`" for part in parts)


def _user(text: str) -> str:
    if not text:
        raise ValueError("it takes the name of a database user")
    return text


def _schema(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("it takes the name of a schema")
    return text


@click.command(name="grants")
@click.option(
    "--engine",
    type=click.Choice(_WORDS),
    required=True,
    help="The database's engine, by name or as in the secret.",
)
@click.option(
    "--user",
    "users",
    type=Parsed("NAME", _user),
    default=(USER,),
    show_default=True,
    multiple=True,
    help="The database user; on MySQL and MariaDB with its host, if it is bound to one: stats@10.0.%. "
    "Can be given several times, as for the two users of a rotation.",
)
@click.option(
    "--schema",
    type=Parsed("NAME", _schema),
    help="The schema of OpenL2M's tables, on PostgreSQL; also sets the user's search_path.  [default: public]",
)
def command(engine: str, users: tuple[str, ...], schema: str | None) -> None:
    """Print the GRANT statements that this version needs.

    Pipe them into mysql or psql, as an administrator of OpenL2M's database, before you upgrade. Running them again
    changes nothing.

    \b
    openl2m-stats grants --engine mysql | mysql --host=… --user=… --password openl2m
    openl2m-stats grants --engine postgresql | psql --host=… --username=… --dbname=openl2m
    """  # noqa: D301 Click takes a backspace for "do not wrap this"
    kind = "mysql" if engine in MYSQL else "postgresql"
    if schema is not None and kind == "mysql":
        raise WrongUsage("--schema: only PostgreSQL has schemas in a database", click.get_current_context())
    click.echo(script(kind, users, schema or "public"), nl=False)

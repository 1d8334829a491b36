"""`openl2m-stats grants`: what the statistics' database user needs, from the catalogue, as SQL for mysql and psql."""

from collections.abc import Iterable, Mapping

import click

from openl2m_stats.parameters import Parsed, WrongUsage
from stats.numbers import catalogue

USER = "openl2m_stats"  # as infra/database/read_only_user.*.sql makes it
ENGINES = ("mysql", "postgresql")

_POSTGRESQL = """\
\\if :{{?schema}}
\\else
\\set schema public
\\endif
-- Only a table's owner may grant rights on it. RDS's master user is no superuser, and usually not the owner.
SELECT coalesce(string_agg(DISTINCT quote_ident(tableowner), ', '), '') AS owners, count(*) > 0 AS borrowing
FROM pg_tables
WHERE schemaname = :'schema' AND tablename IN (
{tables}
) AND NOT pg_has_role(tableowner, 'USAGE') \\gset
\\if :borrowing
GRANT :owners TO CURRENT_USER;
\\endif

GRANT CONNECT ON DATABASE :"DBNAME" TO {user};
GRANT USAGE ON SCHEMA :"schema" TO {user};
{grants}
SELECT :'schema' <> 'public' AS elsewhere \\gset
\\if :elsewhere
  ALTER ROLE {user} IN DATABASE :"DBNAME" SET search_path = :"schema";
\\endif
\\if :borrowing
REVOKE :owners FROM CURRENT_USER;
\\endif
"""


def lines(engine: str, user: str, columns: Mapping[str, Iterable[str]], schema: str = "") -> list[str]:
    """Return a GRANT statement for each table of `{table: columns}`; `schema`, as SQL, qualifies the tables."""
    account, where = quoted(engine, user), f"{schema}." if schema else ""
    return [f"GRANT SELECT ({', '.join(names)}) ON {where}{table} TO {account};" for table, names in columns.items()]


def body(engine: str, user: str = USER) -> str:
    """Return the SQL that grants a user all that the statistics need, for the inside of a transaction."""
    columns = catalogue.columns()
    grants = "\n".join(lines(engine, user, columns, ':"schema"' if engine == "postgresql" else ""))
    if engine == "mysql":
        return grants + "\n"
    tables = ",\n".join(f"  '{table}'" for table in columns)
    return _POSTGRESQL.format(tables=tables, user=quoted(engine, user), grants=grants)


def script(engine: str, user: str = USER, schema: str = "public") -> str:
    """Return what to pipe into mysql or psql; on PostgreSQL, the tables are in `schema`. It can be run again."""
    if engine == "mysql":
        return body(engine, user)
    escaped = schema.replace("\\", "\\\\").replace("'", "\\'")
    return f"\\set ON_ERROR_STOP on\n\\set schema '{escaped}'\nBEGIN;\n{body(engine, user)}COMMIT;\n"


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
@click.option("--engine", type=click.Choice(ENGINES), required=True, help="mysql is for MariaDB too.")
@click.option(
    "--user",
    type=Parsed("NAME", _user),
    default=USER,
    show_default=True,
    help="The database user; on MySQL and MariaDB with its host, if it is bound to one: stats@10.0.%",
)
@click.option(
    "--schema",
    type=Parsed("NAME", _schema),
    help="The schema of OpenL2M's tables, on PostgreSQL; also sets the user's search_path.  [default: public]",
)
def command(engine: str, user: str, schema: str | None) -> None:
    """Print the GRANT statements that this version needs.

    Pipe them into mysql or psql, as an administrator of OpenL2M's database, before you upgrade. Running them again
    changes nothing.

    \b
    openl2m-stats grants --engine mysql | mysql --host=… --user=… --password openl2m
    openl2m-stats grants --engine postgresql | psql --host=… --username=… --dbname=openl2m
    """  # noqa: D301 Click takes a backspace for "do not wrap this"
    if schema is not None and engine == "mysql":
        raise WrongUsage("--schema: only PostgreSQL has schemas in a database", click.get_current_context())
    click.echo(script(engine, user, schema or "public"), nl=False)

"""OpenL2M's tables are not where they are expected."""

import re
import shlex
from typing import Any

import pytest
from click.testing import CliRunner

from dev.servers.databases import Database, run_client, script
from openl2m_stats import cli
from tests.field.test_repairs import in_schema
from tests.integration.conftest import AWS

SCHEMAS = ["netops", "net ops", "o\"l'2m"]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli.command, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the doctor finds, by the name of the check."""
    capsys.readouterr()
    cli.main(["doctor"])
    lines = capsys.readouterr().out.splitlines()[2:]
    return {line[6:22].strip(): line for line in lines}


def move(database: Database, schema: str) -> None:
    name = '"' + schema.replace('"', '""') + '"'
    for statement in in_schema(database, name):
        database.execute(statement)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_doctor_finds_the_schema_and_the_command_that_it_names_repairs_it(
    schema: str, postgresql: Database, aws: AWS, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables are in a schema of their own: the grants that the doctor printed failed in psql, and named public."""
    move(postgresql, schema)
    aws.put_database(postgresql.secret())
    key = aws.new_token()
    assert new_container().get(key).status == 503

    told = findings(capsys)["grants"]

    assert f"11 of the tables are in the schema {schema}" in told
    [command] = re.findall(r"`openl2m-stats ([^`]+)`", told)
    run_client(postgresql, run(*shlex.split(command)))
    assert new_container().get(key).status == 200
    assert findings(capsys)["grants"].startswith("ok ")
    assert findings(capsys)["least privilege"].startswith("ok ")


def test_the_script_of_the_user_takes_the_schema(
    postgresql: Database, aws: AWS, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new installation with its tables in a schema of their own."""
    move(postgresql, "netops")
    postgresql.execute(f"DROP OWNED BY {postgresql.user}")
    postgresql.execute(f"DROP ROLE {postgresql.user}")
    run_client(postgresql, "\\set schema netops\n" + script(postgresql, "read_only_user"))
    aws.put_database(postgresql.secret())
    key = aws.new_token()
    assert new_container().get(key).status == 200


def test_tables_in_the_second_schema_of_the_search_path(
    postgresql: Database, aws: AWS, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor looked only at the first schema, and said that grants were missing."""
    postgresql.execute("CREATE SCHEMA first")
    postgresql.execute(f"GRANT USAGE ON SCHEMA first TO {postgresql.user}")
    postgresql.execute(f"ALTER ROLE {postgresql.user} SET search_path = first, public")
    aws.put_database(postgresql.secret())
    aws.new_token()
    assert findings(capsys)["grants"].startswith("ok ")


def test_a_table_is_not_there(server_db: Database, aws: AWS, capsys: pytest.CaptureFixture[str]) -> None:
    """A restore was not complete: the doctor printed a GRANT on a table that did not exist."""
    server_db.execute("DROP TABLE switches_vlangroup")
    server_db.execute(
        f"GRANT SELECT ON {server_db.name}.* TO {server_db.user}" if server_db.dialect == "mysql" else "SELECT 1"
    )
    aws.put_database(server_db.secret())
    aws.new_token()

    told = findings(capsys)["grants"]

    assert "not found: switches_vlangroup (id); missing numbers: vlan_groups." in told
    assert "GRANT SELECT" not in told


def test_a_column_is_not_there(server_db: Database, aws: AWS, capsys: pytest.CaptureFixture[str]) -> None:
    """An old version of OpenL2M, or half a migration."""
    server_db.execute("ALTER TABLE switches_log RENAME COLUMN action TO deed")
    server_db.execute(
        f"GRANT SELECT ON {server_db.name}.* TO {server_db.user}" if server_db.dialect == "mysql" else "SELECT 1"
    )
    aws.put_database(server_db.secret())
    aws.new_token()

    told = findings(capsys)["grants"]

    assert "not found: switches_log (action); missing numbers: api_calls_today," in told
    assert "GRANT SELECT" not in told


def test_another_database_of_the_server(server_db: Database, aws: AWS, capsys: pytest.CaptureFixture[str]) -> None:
    """'dbname' names another database: the doctor printed eleven GRANTs for tables that do not exist."""
    other = {"mysql": "information_schema", "postgresql": "postgres"}[server_db.dialect]
    aws.put_database(server_db.secret(dbname=other))
    aws.new_token()

    told = findings(capsys)["grants"]

    assert "GRANT SELECT" not in told
    assert "'dbname'" in told


def test_only_postgresql_has_schemas_in_a_database() -> None:
    result = CliRunner().invoke(cli.command, ["grants", "--engine", "mysql", "--schema", "netops"])
    assert result.exit_code == 2
    assert "only PostgreSQL has schemas" in result.output

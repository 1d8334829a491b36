"""DATABASE_URL as people have it for psql, Django and SQLAlchemy."""

import json
import os
import subprocess
import sys
from typing import Any

from dev.servers.databases import Database
from dev.servers.processes import free_port
from tests.field.test_repairs import in_schema
from tests.support import leaks


def snapshot(url: str) -> subprocess.CompletedProcess[str]:
    """Take a snapshot of the database that a URL names, as `make snapshot` does."""
    command = [sys.executable, "-m", "openl2m_stats", "snapshot"]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def vlans(url: str) -> Any:
    finished = snapshot(url)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])["database"]["vlans"]["value"]


def error(url: str) -> str:
    finished = snapshot(url)
    assert finished.returncode != 0
    assert not leaks.found_in(finished.stdout + finished.stderr)
    return finished.stderr


def test_unix_socket_of_mariadb(mariadb: Database) -> None:
    """SQLAlchemy's parameter was dropped in silence, and whatever listens on port 3306 was read."""
    assert mariadb.server
    mariadb.insert("switches_vlan", [{}, {}])
    socket = f"{mariadb.server.directory}/server.sock"
    url = f"mysql://{mariadb.user}:{mariadb.password}@localhost:{free_port()}/{mariadb.name}?unix_socket={socket}"
    assert vlans(url) == 2


def test_folder_of_the_socket_of_postgresql(postgresql: Database) -> None:
    """libpq's host, as a parameter."""
    assert postgresql.server
    postgresql.insert("switches_vlan", [{}, {}])
    where = f"{postgresql.name}?host={postgresql.server.directory}&port={postgresql.server.port}"
    assert vlans(f"postgresql://{postgresql.user}:{postgresql.password}@/{where}") == 2


def test_search_path(postgresql: Database) -> None:
    """The tables are in a schema of their own, which Django's OPTIONS name."""
    assert postgresql.server
    postgresql.insert("switches_vlan", [{}, {}])
    for statement in in_schema(postgresql, '"net ops"'):
        postgresql.execute(statement)
    postgresql.execute(f'GRANT USAGE ON SCHEMA "net ops" TO {postgresql.user}')
    where = f"{postgresql.server.host}:{postgresql.server.port}/{postgresql.name}"
    options = "options=-csearch_path=%22net%5C%20ops%22"
    assert vlans(f"postgresql://{postgresql.user}:{postgresql.password}@{where}?{options}") == 2


def test_nothing_listens_there() -> None:
    """ "Connection refused" did not say where."""
    port = free_port()
    told = error(f"postgresql://u:{leaks.new_password()}@127.0.0.1:{port}/openl2m")
    assert f"127.0.0.1:{port}: " in told
    assert "refused" in told


def test_the_name_is_misspelled() -> None:
    """ "Name or service not known" did not say which."""
    told = error(f"mysql://u:{leaks.new_password()}@db.invalid:3310/openl2m")
    assert "db.invalid:3310: " in told


def test_the_password_is_not_escaped() -> None:
    """ "DATABASE_URL is not a URL" was all that was said about p@ss/w#1."""
    told = error("postgresql://u:p@ss/w#1@127.0.0.1:5432/openl2m")
    assert "write @ as %40" in told
    assert "w#1" not in told

"""`openl2m-stats doctor`: rights that are missing, and rights that are too many."""

import re
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import OF_DATABASE, Examine, ask, check
from tests.support import leaks
from tests.support.outages import table_missing


def test_missing_grants(server_healthy: Database, examine: Examine) -> None:
    user = server_healthy.user
    server_healthy.execute(f"REVOKE SELECT (user_id, action) ON switches_log FROM {user}")
    server_healthy.execute(f"REVOKE SELECT (id) ON users_token FROM {user}")
    report = examine()
    words = "cannot read users_token (id), switches_log (user_id, action)"
    command = f"openl2m-stats grants --engine {server_healthy.dialect} --user {user}"
    numbers = "missing numbers: api_tokens, users_last_hour"
    check(report, "grants", "FAIL", words, numbers, command, server_healthy.name)
    assert report.skipped == OF_DATABASE[-3:]

    lines = re.findall(r"GRANT [^;]+", report["grants"]["advice"])
    assert len(lines) == 2
    for line in lines:
        server_healthy.execute(line)
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_missing_grants_of_an_account_that_is_bound_to_a_host(
    server_healthy: Database, aws: AWS, examine: Examine
) -> None:
    assert server_healthy.server
    user, password = f"{server_healthy.name}_bound", leaks.new_password()
    account = f"'{user}'@'127.0.0.1'"
    server_healthy.execute(f"CREATE USER {account} IDENTIFIED BY '{password}'")
    try:
        server_healthy.execute(f"GRANT SELECT (id) ON switches_vlan TO {account}")
        aws.put_database(server_healthy.secret(username=user, password=password))
        advice = examine()["grants"]["advice"]
        assert f"--user {user}@127.0.0.1`" in advice
        for line in re.findall(r"GRANT [^;]+", advice):
            server_healthy.execute(line)
        assert examine().wrong == {}
    finally:
        server_healthy.server.execute(f"DROP USER {account}")


def test_a_table_that_is_missing(database: Database, healthy: Any, examine: Examine) -> None:
    healthy(database)
    with table_missing(database):
        report = examine()
    assert report.wrong["grants"] == "FAIL"
    assert report["grants"]["seen"] == "not found: switches_vlangroup (id); missing numbers: vlan_groups"
    assert "migrations" in report["grants"]["advice"]
    assert "GRANT SELECT" not in report["grants"]["advice"]


def test_more_rights_than_needed(server_healthy: Database, examine: Examine) -> None:
    mysql, user = server_healthy.dialect == "mysql", server_healthy.user
    key = "`key`" if mysql else "key"
    for right, words in (
        (f"SELECT ({key}) ON users_token", "may also read users_token (key)"),
        ("SELECT ON auth_user", "may also read auth_user (password, "),
        ("SELECT (name, community) ON switches_snmpprofile", "may also read switches_snmpprofile (community, name)"),
        ("SELECT (password) ON switches_netmikoprofile", "may also read switches_netmikoprofile (password)"),
        ("UPDATE (name) ON switches_vlan", "may write switches_vlan"),
        ("INSERT ON switches_vlan", "may write switches_vlan"),
        ("DELETE ON switches_log", "has DELETE" if mysql else "may write switches_log"),
    ):
        server_healthy.execute(f"GRANT {right} TO {user}")
        report = examine()
        check(report, "least privilege", "warn", "read_only_user")
        assert report["least privilege"]["seen"].startswith(words)
        server_healthy.execute(f"REVOKE {right} FROM {user}")
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_rights_that_are_not_about_rows(server_healthy: Database, examine: Examine) -> None:
    """Show it for every right on a table that this version knows, and for a role that it comes with."""
    known = ask(server_healthy, "SELECT privilege_type FROM aclexplode(acldefault('r', 10))")
    rights = {right for (right,) in known} - {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"}
    assert {"REFERENCES", "TRIGGER"} <= rights
    for names, where, user in (
        (sorted(rights), " ON switches_log", server_healthy.user),
        (["TRIGGER"], " ON switches_log", "PUBLIC"),
        (["pg_read_all_settings"], "", server_healthy.user),
    ):
        right = ", ".join(names)
        server_healthy.execute(f"GRANT {right}{where} TO {user}")
        check(examine(), "least privilege", "warn", f"has {right}", "read_only_user")
        server_healthy.execute(f"REVOKE {right}{where} FROM {user}")
    assert examine().wrong == {}


def test_a_superuser(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    server = server_healthy.server
    assert server
    aws.put_database(server_healthy.secret(username=server.superuser, password=server.superuser_password))
    report = examine()
    assert report.wrong["least privilege"] == "warn"
    seen = report["least privilege"]["seen"]
    assert seen.startswith("may also read auth_user (password, ")
    assert "may write auth_user, " in seen
    assert ("; has SUPERUSER" if server.dialect == "postgresql" else "; has A") in seen
    assert len(seen) < 600  # of hundreds of columns

"""`openl2m-stats tokens import`. tests/integration/test_openl2m_tokens.py has the other engines, and callers."""

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, NOW
from tests.integration.test_openl2m_tokens import add, openl2m
from tests.support import leaks
from tests.support.tokens_command import Run, entries, run, text

__all__ = ["openl2m", "run"]  # fixtures


def test_the_login_is_in_a_secret(openl2m: Database, aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add(openl2m, 1)
    monkeypatch.delenv("DATABASE_URL")
    result = run("import", "--database-secret-id", aws.database_secret)
    assert (result.code, result.out.splitlines()[0]) == (0, "added    openl2m-1-alice")
    assert [entry["name"] for entry in entries(aws)] == ["openl2m-1-alice"]


@pytest.mark.parametrize("arguments", [["import"], ["import", "--dry-run"]], ids=" ".join)
@pytest.mark.parametrize("emptied", ["DELETE FROM users_token", "UPDATE users_token SET key = 'short'"])
def test_an_import_that_finds_no_token(
    emptied: str, arguments: list[str], openl2m: Database, aws: AWS, run: Run
) -> None:
    add(openl2m, 1)
    run("import")
    openl2m.execute(emptied)
    before = text(aws)
    refused = run(*arguments)
    assert (refused.code, refused.out, text(aws)) == (2, "", before)
    assert "--allow-empty" in refused.err.splitlines()[-1]

    allowed = run(*arguments, "--allow-empty")
    assert allowed.code == 0
    assert allowed.out.splitlines()[-1] == "0 added, 0 changed, 1 revoked, 0 kept, 0 unchanged"
    assert ("Nothing was written." in allowed.err) == ("--dry-run" in arguments)
    assert (text(aws) == before) == ("--dry-run" in arguments)


def test_tokens_that_are_kept_elsewhere(openl2m: Database, aws: AWS, run: Run) -> None:
    add(openl2m, 1)
    assert run("import").code == 0
    before = text(aws)
    openl2m.execute("ALTER TABLE users_token RENAME COLUMN key TO digest")
    result = run("import")
    assert (result.code, text(aws)) == (2, before)
    assert "This version does not find OpenL2M's tokens, and nothing was done." in result.err


def test_a_name_that_would_do_something_to_a_terminal(openl2m: Database, run: Run) -> None:
    openl2m.execute("UPDATE auth_user SET username = 'x' || char(27) || '[2J'")
    add(openl2m, 1)
    add(openl2m, 2, key="short")
    result = run("import")
    assert "\x1b" not in result.out + result.err + run("list").out
    assert r"x\x1b[2J" in result.out


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"DATABASE_URL": ""}, "Name the database: --database-secret-id, or the variable DATABASE_URL."),
        ({"DATABASE_URL": "oracle://x:{password}@h/d"}, "DATABASE_URL has an unknown scheme"),
        ({"DATABASE_URL": "mysql://x:{password}@127.0.0.1:9/d"}, "ConnectionRefusedError: "),
        ({"DATABASE_TLS": "maybe"}, "DATABASE_TLS is wrong: it takes verify, or off"),
    ],
)
def test_no_database(
    variables: dict[str, str], problem: str, openl2m: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(password=leaks.new_password()))
    result = run("import")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(problem)
    assert result.err.count("\n") == 1
    assert not leaks.found_in(result.err)


def test_too_many_tokens(openl2m: Database, aws: AWS, run: Run) -> None:
    openl2m.insert("users_token", [{"user_id": 1, "key": leaks.new_key(), "created": NOW} for _ in range(300)])
    for arguments in (["import", "--dry-run"], ["import"]):
        result = run(*arguments)
        assert (result.code, result.out) == (2, "")
        assert "a secret holds 65,536, which is about " in result.err
    assert run("list", "--json").out == "[]\n"

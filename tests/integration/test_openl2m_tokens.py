"""OpenL2M's own tokens, carried over from its database: they open the API as they opened OpenL2M's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.servers.databases import Database, run_script
from tests.integration.conftest import AWS, NOW, Container, Travel, token_record
from tests.integration.test_database_scripts import take_away
from tests.support import leaks
from tests.support.tokens_command import Run, command, entries, run, text

__all__ = ["run"]  # a fixture

Start = Callable[..., Container]
EXPIRES = datetime(2026, 11, 23, 12, 0, 30, 500_000, UTC)


@pytest.fixture
def importer(database: Database, aws: AWS) -> Iterator[str]:
    """The secret of a user that may import, of an OpenL2M database on every engine in turn."""
    aws.put_database(database.secret())
    if database.server:
        run_script(database, "token_import_user")
    name = f"{aws.database_secret}-import"
    aws.client.create_secret(Name=name, SecretString=json.dumps(_importing(database).secret()))
    yield name
    if database.server:
        take_away(database, "token_import_user")


def _importing(database: Database) -> Database:
    return replace(database, user=f"{database.user}_import")


@pytest.fixture
def openl2m(sqlite_db: Database, aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Database:
    """OpenL2M's database as an SQLite file, named by DATABASE_URL, with a user alice."""
    aws.put_database(sqlite_db.secret())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{sqlite_db.name}")
    sqlite_db.insert("auth_user", [{"id": 1, "username": "alice", "is_active": True}])
    return sqlite_db


def add(database: Database, number: int, **row: Any) -> str:
    key = str(row.get("key") or leaks.new_key())
    database.insert("users_token", [{"id": number, "user_id": 1, "created": NOW, "key": key, **row}])
    return key


def test_tokens_of_every_engine(
    database: Database, importer: str, aws: AWS, travel: Travel, new_container: Start
) -> None:
    database.insert(
        "auth_user",
        [{"id": 1, "username": "alice", "is_active": True}, {"id": 2, "username": "bob", "is_active": False}],
    )
    everywhere = add(database, 3, description="Grafana’s")
    expiring = add(database, 4, expires=EXPIRES)
    bound = add(database, 5, allowed_ips="10.1.1.9/8, 2001:db8::/32 , nonsense", write_enabled=True)
    inactive = add(database, 6, user_id=2)
    aws.put_tokens(token_record(leaks.new_key(), name="grafana"))
    before = text(aws)

    dry = command("import", "--dry-run", "--database-secret-id", importer)

    assert (dry.code, text(aws)) == (0, before)
    result = command("import", "--database-secret-id", importer)
    assert (result.code, result.out) == (0, dry.out)
    assert result.out.splitlines() == [
        "added    openl2m-3-alice",
        "added    openl2m-4-alice",
        "added    openl2m-5-alice",
        "added    openl2m-6-bob",
        "4 added, 0 changed, 0 revoked, 0 kept, 0 unchanged",
    ]
    assert result.err == "token 5 of alice: these allowed addresses cannot be read, and permit nobody: 'nonsense'\n"
    assert [{**entry, "sha256": ""} for entry in entries(aws)[1:]] == [
        {
            "name": name,
            "sha256": "",
            "created": "2026-11-23T12:00:00.250000Z",
            "expires": expires,
            "allowed_ips": allowed,
            "active": active,
            "description": description,
            "source": "openl2m",
        }
        for name, expires, allowed, active, description in (
            ("openl2m-3-alice", None, [], True, "Grafana’s"),
            ("openl2m-4-alice", "2026-11-23T12:00:30.500000Z", [], True, ""),
            ("openl2m-5-alice", None, ["10.1.1.9/8", "2001:db8::/32"], True, ""),
            ("openl2m-6-bob", None, [], False, ""),
        )
    ]
    container = new_container()
    statuses = [container.get(key).status for key in (everywhere, expiring, bound, inactive)]
    assert statuses == [200, 200, 401, 401]
    assert container.get(bound, client="10.2.3.4").status == 200
    travel(31)
    assert [container.get(key).status for key in (everywhere, expiring)] == [200, 401]

    written = text(aws)
    again = command("import", "--database-secret-id", importer)
    assert again.out == "0 added, 0 changed, 0 revoked, 0 kept, 4 unchanged\n"
    assert text(aws) == written
    assert not leaks.found_in(written + result.out + result.err + again.err)


def test_the_apis_own_user_may_not_import(server_db: Database, aws: AWS) -> None:
    server_db.insert("auth_user", [{"id": 1, "username": "alice", "is_active": True}])
    add(server_db, 1)
    aws.put_database(server_db.secret())
    result = command("import", "--database-secret-id", aws.database_secret)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(("1142: ", "1143: ", "42501: "))
    assert "infra/database/token_import_user.*.sql makes one for the import." in result.err
    assert result.err.count("\n") == 1


def test_what_openl2m_changes(openl2m: Database, aws: AWS, travel: Travel, new_container: Start, run: Run) -> None:
    keys = [add(openl2m, number) for number in (1, 2, 3)]
    aws.put_tokens(token_record(leaks.new_key(), name="mine"), token_record("1" * 40, name="made here", source="cli"))
    run("import")
    openl2m.execute("UPDATE users_token SET expires = '2027-01-01 00:00:00', description = 'new' WHERE id = 1")
    openl2m.execute("DELETE FROM users_token WHERE id = 2")
    openl2m.execute("UPDATE auth_user SET username = 'bob'")
    add(openl2m, 4)
    before = text(aws)
    dry = run("import", "--dry-run")
    assert text(aws) == before
    assert run("import").out == dry.out
    assert dry.out.splitlines() == [
        "added    openl2m-4-bob",
        "changed  openl2m-1-alice: expires, description",
        "revoked  openl2m-2-alice: OpenL2M no longer has it",
        "1 added, 1 changed, 1 revoked, 0 kept, 1 unchanged",
    ]
    assert [entry.get("active") for entry in entries(aws)] == [None, None, True, False, True, True]
    assert [new_container().get(key).status for key in keys] == [200, 401, 200]

    openl2m.execute("UPDATE auth_user SET is_active = 0")
    assert "changed  openl2m-3-alice: active" in run("import").out
    assert [new_container().get(key).status for key in keys] == [401] * 3

    openl2m.execute("UPDATE auth_user SET is_active = 1")
    add(openl2m, 2, key=keys[1])
    assert "0 added, 4 changed, 0 revoked" in run("import").out
    assert [new_container().get(key).status for key in keys] == [200] * 3


def test_what_the_operator_ended_stays_ended(
    openl2m: Database, aws: AWS, travel: Travel, new_container: Start, run: Run
) -> None:
    revoked, rotated, kept_a_day, off_there = (add(openl2m, number) for number in (1, 2, 3, 4))
    run("import")
    run("revoke", "openl2m-1-alice")
    new = run("rotate", "openl2m-2-alice").keys["openl2m-2-alice"]
    run("rotate", "openl2m-3-alice", "--keep-old", "24h")
    openl2m.execute("DELETE FROM users_token WHERE id = 4")
    run("import")
    run("revoke", "openl2m-4-alice")
    add(openl2m, 4, key=off_there)
    travel(86400)
    for arguments in (["import"], ["prune"], ["import"]):
        assert run(*arguments).code == 0
        statuses = [new_container().get(key).status for key in (revoked, rotated, kept_a_day, off_there, new)]
        assert statuses == [401, 401, 401, 401, 200]
    assert run("import").out.splitlines()[-1] == "0 added, 0 changed, 0 revoked, 4 kept, 0 unchanged"


@pytest.mark.parametrize(
    ("listed", "carried", "permitted", "refused", "told"),
    [
        ("", [], ["10.1.1.1", "2001:db8::1"], [], ""),
        ("127.0.0.1/255.0.0.0,::1", ["127.0.0.1/255.0.0.0", "::1"], ["127.9.9.9", "::1"], ["10.1.1.1"], ""),
        ("10.0.0.0/8,", ["10.0.0.0/8"], ["10.1.1.1"], ["203.0.113.7"], ""),
        ("127, 10.0.0.0/8", ["10.0.0.0/8"], ["10.1.1.1"], ["127.0.0.1"], "'127'"),
        ("nonsense", ["nonsense"], [], ["10.1.1.1", "::1"], "'nonsense'"),
        ("10.0.0.0/8;::1", ["10.0.0.0/8;::1"], [], ["10.1.1.1"], "'10.0.0.0/8;::1'"),
        (" ", [""], [], ["10.1.1.1"], "''"),
    ],
)
def test_allowed_addresses(
    listed: str,
    carried: list[str],
    permitted: list[str],
    refused: list[str],
    told: str,
    openl2m: Database,
    aws: AWS,
    new_container: Start,
    run: Run,
) -> None:
    key = add(openl2m, 1, allowed_ips=listed)
    result = run("import")
    assert entries(aws)[0]["allowed_ips"] == carried
    expected = f"token 1 of alice: these allowed addresses cannot be read, and permit nobody: {told}\n" if told else ""
    assert result.err == expected
    container = new_container()
    assert {container.get(key, client=client).status for client in permitted} <= {200}
    assert {container.get(key, client=client).status for client in refused} <= {401}


def test_rows_that_cannot_be_carried_over(openl2m: Database, aws: AWS, run: Run) -> None:
    upper = leaks.remember(leaks.new_key().upper() + "A")[-40:]
    add(openl2m, 1, key=leaks.remember(upper))
    add(openl2m, 2, key=leaks.remember(leaks.new_key()[:39]))
    add(openl2m, 3)
    openl2m.execute("UPDATE users_token SET expires = 'infinity' WHERE id = 3")
    add(openl2m, 4)
    add(openl2m, 5, key="")
    result = run("import")
    assert result.code == 0
    hashed = (
        "If this version of OpenL2M stores hashes instead of keys, as NetBox does since 4.5, they cannot be imported: "
        "create a token with `openl2m-stats tokens create` instead"
    )
    assert result.err.splitlines() == [
        "token 1 of alice is left out: its key has capital letters, and the API accepts lowercase hex digits only",
        f"token 2 of alice is left out: its key is not 40 lowercase hex digits. {hashed}",
        "token 3 of alice is left out: its times cannot be read",
        f"token 5 of alice is left out: OpenL2M's database does not have its key. {hashed}",
    ]
    assert [entry["name"] for entry in entries(aws)] == ["openl2m-4-alice"]
    assert not leaks.found_in(result.out + result.err + text(aws))


def test_a_token_whose_key_is_replaced_by_a_hash_stays(
    openl2m: Database, aws: AWS, run: Run, new_container: Any
) -> None:
    """OpenL2M still accepts it. What OpenL2M does not have any more, or its user may not use, stops."""
    keys = {number: add(openl2m, number) for number in (1, 2, 11)}
    assert run("import").code == 0
    openl2m.execute("UPDATE users_token SET key = 'pbkdf2$' || id WHERE id = 1")
    openl2m.execute("DELETE FROM users_token WHERE id = 11")
    result = run("import")
    assert result.code == 0
    assert "openl2m-1-alice: its key in OpenL2M can no longer be read" in result.out
    assert [new_container().get(keys[number]).status for number in (1, 2, 11)] == [200, 200, 401]

    openl2m.execute("UPDATE auth_user SET is_active = 0")
    assert run("import").code == 0
    assert [new_container().get(keys[number]).status for number in (1, 2)] == [401, 401]

"""The check of the database secret."""

import json
from dataclasses import replace

import pytest

from openl2m_stats.doctor.database_secret import check_database_secret
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check

SERVER = {"engine": "postgres", "host": "db.example.test", "username": "ann", "password": "x", "dbname": "openl2m"}


@pytest.mark.parametrize(
    ("secret", "seen"),
    [
        (SERVER, "postgres at db.example.test port 5432, user ann with a password, database openl2m"),
        (
            {**SERVER, "host": "/run/postgresql", "port": 5433},
            "postgres at /run/postgresql/.s.PGSQL.5433, user ann with a password, database openl2m",
        ),
        ({"engine": "sqlite", "dbname": "/x"}, "sqlite, the file /x"),
    ],
)
def test_what_it_describes(secret: dict[str, object], seen: str, aws: AWS, knowing: Knowing) -> None:
    aws.put_database(secret)
    known = knowing()
    finding = check_database_secret(known)
    assert (finding.state, finding.seen, finding.advice) == ("ok", seen, "")
    assert known.named == known.session.server
    known.session.close()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("{{{}", "the database secret is not JSON"),
        ('{{"engine": "postgres", "password": "{}"}}', "the database secret has no usable 'host'"),
        ('{{"username": "a", "password": "{}"}}', "DatabaseEngine and DatabaseHost"),
        ('{{"engine": "{}"}}', "'engine' of the database secret is none of mysql, "),
    ],
)
def test_a_malformed_one(secret: str, words: str, aws: AWS, knowing: Knowing) -> None:
    aws.put_database(secret.format(leaks.new_password()))
    finding = check_database_secret(knowing())
    check(finding, "FAIL", words, '{"engine", "host"')
    assert not leaks.found_in(str(finding))
    # `make run`'s is none that RDS manages.
    assert "RDS manages" in finding.advice
    assert "RDS manages" not in check_database_secret(knowing(local=True)).advice


def test_no_such_secret_and_none_with_a_value(aws: AWS, knowing: Knowing) -> None:
    check(check_database_secret(knowing()), "FAIL", f"{aws.database_secret} has no value", '{"engine", "host"')
    seen = "elsewhere cannot be read: ResourceNotFoundException"
    advice = "It does not exist in us-east-1: look at DATABASE_SECRET_ID"
    check(check_database_secret(knowing(DATABASE_SECRET_ID="elsewhere")), "FAIL", seen, advice)


def test_a_rotation_in_progress(aws: AWS, knowing: Knowing) -> None:
    aws.put_database(SERVER)
    assert "rotated" not in check_database_secret(knowing()).seen
    for password, rotated in (("x", False), (leaks.new_password(), True)):
        pending = json.dumps({**SERVER, "password": password})
        aws.client.put_secret_value(SecretId=aws.database_secret, SecretString=pending, VersionStages=["AWSPENDING"])
        finding = check_database_secret(knowing())
        assert finding.state == "ok"
        assert finding.seen.endswith("; its password is being rotated (AWSPENDING)") == rotated


def test_another_way_to_it(aws: AWS, knowing: Knowing) -> None:
    """Such as a tunnel. The name in the secret still counts."""
    aws.put_database(SERVER)
    known = knowing()
    login: dict[str, str | int] = {**SERVER, "host": "127.0.0.1", "port": 5433}
    known.setup = replace(known.setup, login=login)
    seen = "postgres at 127.0.0.1 port 5433, user ann with a password, database openl2m"
    check(check_database_secret(known), "ok", f"{seen}, by --database-url instead of db.example.test")
    assert (known.named.host, known.session.server.host) == ("db.example.test", "127.0.0.1")

"""DATABASE_URL: what it says, and what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from openl2m_stats.database_url import DatabaseURLError, parse_database_url
from tests.support import leaks

LOGIN = {"username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db/openl2m", {"engine": "postgres", "host": "db", "dbname": "openl2m"}),
        ("postgres://u:p@db:6432", {"engine": "postgres", "host": "db", "port": 6432}),
        ("mysql://u:p@[::1]:3307/o", {"engine": "mysql", "host": "::1", "port": 3307, "dbname": "o"}),
        ("mysql://u:p@/o?unix_socket=/run/mysqld.sock", {"engine": "mysql", "host": "/run/mysqld.sock", "dbname": "o"}),
        (
            "mysql://u:p@db/o?host=other&port=3307",
            {"engine": "mysql", "host": "other", "port": 3307, "dbname": "o"},
        ),
        ("postgresql://u:p@/o?host=/run/PG", {"engine": "postgres", "host": "/run/PG", "dbname": "o"}),
        ("postgresql://u:p@%2Frun%2FPG:5433/o", {"engine": "postgres", "host": "/run/PG", "port": 5433, "dbname": "o"}),
        (
            "postgresql://u:p@db/o?options=-csearch_path%3Dnetops",
            {"engine": "postgres", "host": "db", "dbname": "o", "search_path": "netops"},
        ),
        (
            "postgresql://u:p@db/o?options=-c%20search_path=net%5C%20ops,public",
            {"engine": "postgres", "host": "db", "dbname": "o", "search_path": "net ops,public"},
        ),
    ],
)
def test_what_a_url_says(url: str, expected: dict[str, Any]) -> None:
    named = parse_database_url(url)
    assert named.secret == {**LOGIN, **expected}
    assert named.variables == {}


@pytest.mark.parametrize("mode", ["allow", "prefer", "require", "verify-ca", "verify-full"])
def test_tls_is_verified_whatever_else_is_wanted(mode: str) -> None:
    assert parse_database_url(f"postgresql://u:p@db/o?sslmode={mode}").variables == {}


def test_tls_can_be_off_on_loopback(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.touch()
    url = f"postgresql://u:p@127.0.0.1/o?sslmode=disable&sslrootcert={authority}"
    assert parse_database_url(url).variables == {"DATABASE_TLS": "off", "DATABASE_CA_FILE": str(authority)}


ESCAPE = "write @ as %40, / as %2F, # as %23"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        # Passwords that are not escaped; {} is part of them.
        ("postgresql://u:{}@ss/w#1@db:5432/o", ESCAPE),
        ("postgresql://u:{}/w@db:5432/o", ESCAPE),
        ("postgresql://u:12/{}@db:5432/o", ESCAPE),
        ("postgresql://u:{}#1@db:5432/o", ESCAPE),
        ("postgresql://u:{}?1@db:5432/o", ESCAPE),
        ("postgresql://u:{}?sslmode=1@db:5432/o", ESCAPE),
        ("postgresql://u:{}[1@db:5432/o", ESCAPE),
        ("postgresql://u:{}@db:5432x/o", ESCAPE),
        # Parameters.
        ("postgresql://u:{}@db/o?connect_timeout=5", "the parameter 'connect_timeout', but it takes only host, port"),
        ("mysql://u:{}@db/o?ssl-mode=REQUIRED", "the parameter 'ssl-mode'"),
        ("mysql://u:{}@db/o?charset=utf8", "the parameter 'charset'"),
        ("mysql://u:{}@db/o?charset", "not name=value"),
        ("mysql://u:{}@db/o?port=", "port without a value"),
        ("mysql://u:{}@db/o?port=1&port=2", "a parameter twice"),
        ("mysql://u:{}@db/o?port=http", "it takes 1 to 65535"),
        ("mysql://u:{}@db/o?port=65536", "it takes 1 to 65535"),
        ("mysql://u:{}@/o?unix_socket=mysqld.sock", "begins with /"),
        ("postgresql://u:{}@/o?unix_socket=/run", "host=/folder"),
        ("mysql://u:{}@db/o?options=-csearch_path=netops", "for PostgreSQL only"),
        ("postgresql://u:{}@db/o?options=-cstatement_timeout=5s", "it takes -csearch_path"),
        ("postgresql://u:{}@db/o?options=-csearch_path=a%20-cstatement_timeout=5s", "it takes -csearch_path"),
        ("postgresql://u:{}@db/o?sslmode=off", "sslmode: it takes one of disable"),
        ("postgresql://u:{}@db/o?sslmode=disable", "loopback and Unix sockets only"),
        ("postgresql://u:{}@db/o?sslrootcert=/nowhere.pem", "sslrootcert: it takes a file"),
        # The rest.
        ("oracle://u:{}@db/o", "an unknown scheme"),
        ("mysql://:{}@db/o", "no host or no user"),
        ("mysql://u:{}@/o", "no host or no user"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(url: str, words: str) -> None:
    password = leaks.new_password()
    with pytest.raises(DatabaseURLError) as caught:
        parse_database_url(url.format(password))
    assert caught.value.message.startswith("DATABASE_URL ")
    assert words in caught.value.message
    assert password not in caught.value.message

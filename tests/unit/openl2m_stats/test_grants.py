"""The GRANT statements, and the words for the engines, which are those of the database secret, too."""

import pytest

from openl2m_stats import grants
from openl2m_stats.cli import main
from stats.database.engines import MYSQL, POSTGRESQL
from stats.numbers import catalogue


@pytest.mark.parametrize(
    ("word", "same"),
    [
        *((word, "mysql") for word in MYSQL),
        *((word, "postgresql") for word in POSTGRESQL),
    ],
)
def test_words_for_engines(word: str, same: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grants", "--engine", same]) == 0
    printed = capsys.readouterr().out
    assert main(["grants", "--engine", word]) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("engine", "user", "identifier"),
    [
        ("mysql", "stats", "`stats`"),
        ("mysql", "stats@10.0.%", "`stats`@`10.0.%`"),
        ("mysql", "a`b@c", "`a``b`@`c`"),
        ("postgresql", 'a"b@c', '"a""b@c"'),
    ],
)
def test_users_are_quoted(engine: str, user: str, identifier: str) -> None:
    assert grants.quoted(engine, user) == identifier


def test_a_statement_for_each_table() -> None:
    columns = {"switches_log": ["id", "timestamp"], "auth_user": ["id"]}
    assert grants.lines("postgresql", "stats", columns, '"net"') == [
        'GRANT SELECT (id, timestamp) ON "net".switches_log TO "stats";',
        'GRANT SELECT (id) ON "net".auth_user TO "stats";',
    ]


def test_every_column_of_the_catalogue_is_granted_to_every_user() -> None:
    printed = grants.script("mysql", ["one", "two"])
    for table, names in catalogue.columns().items():
        for user in ("one", "two"):
            assert f"GRANT SELECT ({', '.join(names)}) ON {table} TO `{user}`;\n" in printed


def test_a_schema_is_quoted_for_psql() -> None:
    printed = grants.script("postgresql", schema="it's \\ net")
    assert printed.startswith("\\set ON_ERROR_STOP on\n\\set schema 'it\\'s \\\\ net'\nBEGIN;\n")
    assert printed.endswith("COMMIT;\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--schema", "net"], "--schema: only PostgreSQL has schemas in a database"),
        (["--user", ""], "--user: it takes the name of a database user"),
        (["--schema", "a\nb"], "--schema: it takes the name of a schema"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grants", "--engine", "mysql", *arguments]) == 2
    assert message in capsys.readouterr().err

"""The operator's table of database errors covers what the function knows."""

from openl2m_stats.database_errors import ERRORS, REQUESTS, remedy
from stats.database import mysql, postgresql
from stats.database.driver import DatabaseError, Kind

CODES = [code for error in ERRORS for code in error.codes]
NO_CODE = {"0"}  # what PyMySQL raises on a closed connection


def test_every_code_has_one_meaning() -> None:
    assert len(CODES) == len(set(CODES))


def test_every_code_that_the_function_knows_has_a_remedy() -> None:
    assert set(mysql.KINDS) | set(postgresql.KINDS) <= set(CODES) | NO_CODE


def test_every_class_has_a_text() -> None:
    assert set(REQUESTS) == set(Kind)


def test_an_unknown_code_has_the_remedy_of_its_class() -> None:
    assert "openl2m-stats grants" in remedy(DatabaseError("1370", "", Kind.FORBIDDEN))
    assert "documentation" in remedy(DatabaseError("1370", ""))

"""What each error of a server or of PyMySQL calls for, and how a statement gets its time limit."""

import re
import ssl

import pymysql
import pytest

from stats.database.driver import Kind
from stats.database.mysql import ENGINE, KINDS, _limited_mariadb, _limited_mysql


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1045, Kind.DENIED),
        (3024, Kind.CANCELLED),
        (1969, Kind.CANCELLED),
        (1146, Kind.ABSENT),
        (1142, Kind.FORBIDDEN),
        (2013, Kind.GONE),
        (0, Kind.GONE),
        (1064, Kind.OTHER),
    ],
)
def test_an_error_is_explained_by_its_number(code: int, kind: Kind) -> None:
    assert ENGINE.explain(pymysql.OperationalError(code, "the message")) == (kind, str(code), "the message")
    assert ENGINE.explain(pymysql.OperationalError(code)) == (kind, str(code), "")


def test_every_number_is_one() -> None:
    assert all(code.isdigit() for code in KINDS)


@pytest.mark.parametrize(("error", "text"), [(pymysql.InternalError("Packet"), "Packet"), (pymysql.DataError(), "")])
def test_an_error_without_a_number_is_of_a_driver_that_understood_nothing(error: Exception, text: str) -> None:
    assert ENGINE.explain(error) == (Kind.GONE, type(error).__name__, text)


@pytest.mark.parametrize("error", [ssl.SSLError(1, "handshake"), IndexError("what was read"), AssertionError()])
def test_whatever_else_the_driver_raises_ends_the_session(error: Exception) -> None:
    kind, code, text = ENGINE.explain(error)
    assert (kind, code) == (Kind.GONE, type(error).__name__)
    assert "what was read" not in text


@pytest.mark.parametrize(("seconds", "milliseconds"), [(9.8765, 9876), (0.001, 1), (0.0001, 1), (0, 1), (-1, 1)])
def test_a_limit_is_never_0_which_is_none(seconds: float, milliseconds: int) -> None:
    sql = "SELECT (SELECT 1)"
    assert _limited_mysql(sql, seconds) == f"SELECT /*+ MAX_EXECUTION_TIME({milliseconds}) */ (SELECT 1)"
    limited = re.fullmatch(r"SET STATEMENT max_statement_time=([0-9.]+) FOR (.*)", _limited_mariadb(sql, seconds))
    assert limited
    assert limited[2] == sql
    assert float(limited[1]) * 1000 == pytest.approx(milliseconds, abs=1)
    assert float(limited[1]) > 0


def test_what_is_no_select_stays_as_it_is() -> None:
    assert _limited_mysql("SHOW INDEX FROM switches_log", 5) == "SHOW INDEX FROM switches_log"

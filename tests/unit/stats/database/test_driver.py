"""What becomes of a driver's error, and what a log may say of a server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stats.base.deadline import Deadline
from stats.database.driver import (
    DatabaseError,
    Engine,
    Explanation,
    Kind,
    Server,
    explain_other,
    explaining,
    is_answer,
    without_offset,
)

SERVER = Server("mysql", "db.example.com", 3306, "reader", "a-password", "openl2m")


class DriverError(Exception):
    """What a driver raises."""


def explain(error: Exception) -> Explanation:
    return Kind(error.args[0]), "1234", "the text" if isinstance(error, DriverError) else "another"


def never(*_: Any) -> Any:
    raise AssertionError


ENGINE = Engine(3306, without_offset, never, explain)


def raised(error: BaseException, seconds: float = 10) -> DatabaseError:
    """Return what the error of a block becomes whose time ends in so many seconds."""
    with pytest.raises(DatabaseError) as failure, explaining(ENGINE, Deadline.after(seconds)):
        raise error
    return failure.value


@pytest.mark.parametrize("kind", Kind)
def test_a_drivers_error_has_the_engines_explanation(kind: Kind) -> None:
    error = raised(DriverError(kind))
    assert (error.code, error.kind) == ("1234", kind)
    assert error.text.endswith("the text")
    assert str(error) == f"1234: {error.text}"
    # The driver's own error may quote what it was sent.
    assert error.__suppress_context__
    assert error.__cause__ is None


def test_what_an_operator_can_repair_comes_with_a_hint() -> None:
    assert "openl2m-stats doctor" in raised(DriverError("absent")).text
    assert "openl2m-stats grants" in raised(DriverError("forbidden")).text
    assert raised(DriverError("other")).text == "the text"


def test_whatever_fails_after_the_deadline_is_a_time_limit() -> None:
    error = raised(DriverError("gone"), seconds=0)
    assert (error.code, error.kind) == ("timeout", Kind.CANCELLED)


def test_a_database_error_stays_as_it_is() -> None:
    error = DatabaseError("bad secret", "no host")
    assert raised(error, seconds=0) is error
    assert error.kind == Kind.OTHER


def test_a_signal_is_no_error_of_the_database() -> None:
    with pytest.raises(KeyboardInterrupt), explaining(ENGINE, Deadline.after(10)):
        raise KeyboardInterrupt


def test_other_errors_end_the_session_and_quote_nothing_that_was_sent() -> None:
    assert explain_other(ConnectionResetError("reset by peer")) == (
        Kind.GONE,
        "ConnectionResetError",
        "reset by peer",
    )
    assert explain_other(RuntimeError("a text"))[2] == "a text"
    with pytest.raises(UnicodeEncodeError) as failure:
        "a-pässword\ud800".encode()
    kind, code, text = explain_other(failure.value)
    assert (kind, code) == (Kind.GONE, "UnicodeEncodeError")
    assert "ssword" not in text


def test_an_answer_is_all_but_a_connection_that_failed() -> None:
    assert [kind for kind in Kind if not is_answer(explain)(DriverError(kind))] == [Kind.GONE]


def test_a_server_shows_its_place_without_its_user_or_password() -> None:
    assert "a-password" not in repr(SERVER)
    assert SERVER.place == {"engine": "mysql", "host": "db.example.com", "port": 3306, "name": "openl2m"}


@pytest.mark.parametrize(
    ("engine", "host", "address"),
    [
        ("mysql", "db.example.com", "db.example.com:5"),
        ("postgres", "/run/postgresql/.s.PGSQL.5432", "/run/postgresql/.s.PGSQL.5432"),
        ("sqlite", "", "a.sqlite3"),
    ],
)
def test_an_address_is_a_host_a_socket_or_a_file(engine: str, host: str, address: str) -> None:
    assert Server(engine, host, 5, "", None, "a.sqlite3").address == address


def test_an_instant_is_written_without_an_offset() -> None:
    instant = datetime(2025, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
    assert without_offset(instant) == "'2025-11-23 12:00:00.000005'"
    assert without_offset(instant.replace(microsecond=0)) == "'2025-11-23 12:00:00'"

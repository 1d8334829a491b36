"""What each error of PostgreSQL or of pg8000 calls for, and how instants are written."""

import ssl
from datetime import UTC, datetime, timedelta, timezone

import pg8000.native
import pytest
from scramp import ScramException

from stats.database.driver import Kind
from stats.database.postgresql import ENGINE, KINDS


def answered(code: str | None) -> pg8000.native.DatabaseError:
    """Return what pg8000 raises for an ErrorResponse."""
    fields = {"S": "ERROR", "M": "the message", "D": "a detail that may quote rows"}
    return pg8000.native.DatabaseError({**fields, "C": code} if code else fields)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("28P01", Kind.DENIED),
        ("57014", Kind.CANCELLED),
        ("42P01", Kind.ABSENT),
        ("42501", Kind.FORBIDDEN),
        ("57P01", Kind.GONE),
        ("08006", Kind.GONE),  # of the class of connections' errors, whatever its number
        ("08P01", Kind.GONE),
        ("22012", Kind.OTHER),
        ("XX000", Kind.OTHER),
    ],
)
def test_an_answer_is_explained_by_its_code(code: str, kind: Kind) -> None:
    assert ENGINE.explain(answered(code)) == (kind, code, "the message")


def test_every_code_has_a_length_of_five_and_an_answer_without_one_is_another() -> None:
    assert {len(code) for code in KINDS} == {5}
    assert ENGINE.explain(answered(None))[0] == Kind.OTHER


def test_a_server_that_does_not_prove_itself_is_no_connection_that_died() -> None:
    assert ENGINE.explain(ScramException("no proof")) == (Kind.OTHER, "ScramException", "no proof")


def test_a_connection_that_fails_says_why() -> None:
    error = pg8000.native.InterfaceError("network error")
    assert ENGINE.explain(error) == (Kind.GONE, "InterfaceError", "network error")
    error.__cause__ = ConnectionResetError("reset by peer")
    assert ENGINE.explain(error)[2] == "network error reset by peer"


@pytest.mark.parametrize("error", [ssl.SSLError(1, "handshake"), IndexError("what was read"), KeyError(b"x")])
def test_whatever_else_the_driver_raises_ends_the_session(error: Exception) -> None:
    kind, code, text = ENGINE.explain(error)
    assert (kind, code) == (Kind.GONE, type(error).__name__)
    assert "what was read" not in text


def test_an_instant_has_its_offset() -> None:
    instant = datetime(2025, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
    assert ENGINE.literal(instant) == "'2025-11-23 12:00:00.000005+00:00'"
    other = instant.astimezone(timezone(timedelta(hours=-8)))
    assert ENGINE.literal(other) == "'2025-11-23 04:00:00.000005-08:00'"

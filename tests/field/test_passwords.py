"""Passwords as people really choose them, and verifiers as other tools make them."""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.servers.databases import Database
from stats.database import scram
from tests.integration.conftest import AWS
from tests.support import leaks

PASSWORDS = {
    "an emoji": "correct🐎battery",
    "a tab": "left\tright",
    "a line break": "above\nbelow",
    "Hebrew beside Latin": "שלום and goodbye",
    "Hebrew alone": "שלום",
    "Hebrew before a digit": "שלום1",
    "a zero-width space, pasted from a web page": "pass\u200bword",
    "a soft hyphen": "pass\u00adword",
    "nothing but a soft hyphen": "\u00ad",
    "a no-break space": "pass\u00a0word",
    "a ligature": "ﬁnd me",
    "full-width letters": "ｐａｓｓ",
    "an accent of its own": "cafe\u0301",
    "a character that is newer than SASLprep": "ẞ𞤀",
    "a private character": "\ue000",
    "a character that becomes a prohibited one": "a\u2100b\u0340",
    "quotes and a backslash": "'\"\\",
}


@pytest.fixture
def log_in(postgresql: Database, aws: AWS, new_container: Any) -> Callable[[str], int]:
    """Return a function that asks with a password, and returns the status."""
    key = aws.new_token()

    def ask(password: str) -> int:
        aws.put_database(postgresql.secret(password=leaks.remember(password)))
        container = new_container()
        try:
            status: int = container.get(key).status
        finally:
            container.close()
        return status

    return ask


def set_password(database: Database, password: str) -> None:
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT quote_literal(%s)", [password])
        cursor.execute(f"ALTER ROLE {database.user} PASSWORD {cursor.fetchone()[0]}")
        connection.commit()


@pytest.mark.parametrize("name", PASSWORDS)
def test_psql_logs_in_and_so_do_we(name: str, postgresql: Database, log_in: Callable[[str], int]) -> None:
    """psql logs in with the password, and the function answered 503 with a ScramException."""
    set_password(postgresql, PASSWORDS[name])
    assert log_in(PASSWORDS[name]) == 200


def verifier(password: str, iterations: int, salt: bytes) -> str:
    """Return a password as PostgreSQL stores it."""
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(key, b"Client Key", "sha256")).digest()
    texts = [base64.b64encode(each).decode() for each in (salt, stored, hmac.digest(key, b"Server Key", "sha256"))]
    return f"SCRAM-SHA-256${iterations}:{texts[0]}${texts[1]}:{texts[2]}"


@pytest.mark.parametrize(
    ("iterations", "salt"),
    [(1, bytes(16)), (1024, bytes(16)), (4095, bytes(16)), (100_000, bytes(16)), (4096, b"salty"), (4096, bytes(64))],
)
def test_a_verifier_that_another_tool_made(
    iterations: int, salt: bytes, postgresql: Database, log_in: Callable[[str], int]
) -> None:
    """Infrastructure code set the verifier, with few iterations because PgBouncer was slow."""
    password = leaks.new_password()
    postgresql.execute(f"ALTER ROLE {postgresql.user} PASSWORD '{verifier(password, iterations, salt)}'")
    assert log_in(password) == 200
    assert log_in(leaks.new_password()) == 503


def test_a_verifier_with_absurdly_many_iterations_is_refused_at_once() -> None:
    """A server that is not ours could keep the function busy for minutes."""
    client = scram.Client(["SCRAM-SHA-256"], "password", None)
    nonce = client.get_client_first().partition("r=")[2]
    with pytest.raises(Exception, match="must not be > 10000000"):
        client.set_server_first(f"r={nonce}more,s={base64.b64encode(bytes(16)).decode()},i=100000000")


def test_a_server_that_does_not_know_the_password_is_not_believed(postgresql: Database) -> None:
    """Whoever answers in the server's place must prove that it has the verifier."""
    client = scram.Client(["SCRAM-SHA-256"], "password", None)
    nonce = client.get_client_first().partition("r=")[2]
    client.set_server_first(f"r={nonce}more,s={base64.b64encode(b'salty').decode()},i=1")
    client.get_client_final()
    with pytest.raises(Exception, match="server signature doesn't match"):
        client.set_server_final(f"v={base64.b64encode(bytes(32)).decode()}")


def test_passwords_are_prepared_as_the_server_prepares_them(postgresql: Database) -> None:
    """The next password that somebody reports is one of these: the server itself says how it hashes each."""
    unusual = st.text(
        st.one_of(
            st.sampled_from("aZ1 \t\u00a0\u00ad\u200b\u2007\ufeffשא1ا٠ﬁⅨ\u0340\u0301\u180eẞ\U0001f600\ue000\u2100"),
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        ),
        min_size=1,
        max_size=6,
    )
    with contextlib.closing(postgresql.connect()) as connection:
        cursor = connection.cursor()

        @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(unusual)
        def check(password: str) -> None:
            cursor.execute("SELECT quote_literal(%s)", [password])
            cursor.execute(f"ALTER ROLE {postgresql.user} PASSWORD {cursor.fetchone()[0]}")
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [postgresql.user])
            [stored] = cursor.fetchone()
            _, parameters, _ = stored.split("$")
            iterations, salt = parameters.split(":")
            decoded = scram.prepared(password).decode()
            assert stored == verifier(decoded, int(iterations), base64.b64decode(salt))

        check()

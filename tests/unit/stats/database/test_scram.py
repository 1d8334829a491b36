"""What becomes of a password before it is hashed, and logins that scramp's own client refuses."""

import base64
import hashlib
import hmac

import pytest
from scramp import ScramException

from stats.database.scram import Client, prepared


@pytest.mark.parametrize(
    ("password", "sent"),
    [
        ("a password", "a password"),
        ("tab\tand\x7f", "tab\tand\x7f"),  # ASCII is never prepared
        ("pa\u00a0ss", "pa ss"),  # a space of another kind
        ("pa\u200bss", "pa ss"),
        ("pa\u00adss", "pass"),  # mapped to nothing
        ("\u00aa\u2168", "aIX"),  # NFKC
        ("\u00ad", "\u00ad"),  # nothing would be left
        ("\u00aa\u0007", "\u00aa\u0007"),  # a control character
        ("\u00aa\ue000", "\u00aa\ue000"),  # private use
        ("\u00aa\U000e0001", "\u00aa\U000e0001"),  # a tag
        ("\u00aa\u0221", "\u00aa\u0221"),  # not assigned in Unicode 3.2
        ("\u0627\u0628\u00aa", "\u0627\u0628\u00aa"),  # from right to left, and not to the end
        ("\u0627\ufe8e", "\u0627\u0627"),  # from right to left throughout
        ("\u0627a\ufe8e", "\u0627a\ufe8e"),  # from left to right in between
        ("\u06271\ufe8e", "\u06271\u0627"),  # a digit is neither
    ],
)
def test_a_password_is_prepared_where_that_accepts_it(password: str, sent: str) -> None:
    assert prepared(password) == sent.encode()


@pytest.mark.parametrize(("iterations", "salt"), [(4096, bytes(16)), (1, bytes(16)), (4096, b"a"), (1, b"a")])
def test_few_iterations_and_a_short_salt_log_in(iterations: int, salt: bytes) -> None:
    stored_key, server_key = keys("pässword", salt, iterations)
    client = Client(["SCRAM-SHA-256"], "pässword", None)
    first = client.get_client_first()
    nonce = first.rpartition("r=")[2] + "server"
    server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
    client.set_server_first(server_first)
    final = client.get_client_final()
    message = f"{first.removeprefix('n,,')},{server_first},{final.rpartition(',p=')[0]}"
    client.set_server_final(f"v={signature(server_key, message)}")
    assert proves(final, stored_key, message)


def keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return the stored key and the server's key of a verifier (RFC 5802, section 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key, server_key = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    return hashlib.sha256(client_key).digest(), server_key


def signature(key: bytes, message: str) -> str:
    return base64.b64encode(hmac.digest(key, message.encode(), "sha256")).decode()


def proves(final: str, stored_key: bytes, message: str) -> bool:
    """Return whether a client's last message proves that it has the password."""
    proof = base64.b64decode(final.rpartition(",p=")[2])
    mask = hmac.digest(stored_key, message.encode(), "sha256")
    return hashlib.sha256(bytes(one ^ two for one, two in zip(proof, mask, strict=True))).digest() == stored_key


@pytest.mark.parametrize("first", ["r={}x,s=AAAA,i=0", "r={}x,s=AAAA,i=many", "r={}x,s=AAAA", "e=other-error", ""])
def test_what_is_no_first_message_is_refused(first: str) -> None:
    client = Client(["SCRAM-SHA-256"], "password", None)
    nonce = client.get_client_first().rpartition("r=")[2]
    with pytest.raises(ScramException):
        client.set_server_first(first.format(nonce))


def test_a_nonce_of_another_and_too_many_iterations_are_refused() -> None:
    for message in ("r=another,s=AAAA,i=4096", "r={}x,s=AAAA,i=999999999"):
        client = Client(["SCRAM-SHA-256"], "password", None)
        nonce = client.get_client_first().rpartition("r=")[2]
        with pytest.raises(ScramException):
            client.set_server_first(message.format(nonce))


def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    client = Client(["SCRAM-SHA-256"], "password", None)
    nonce = client.get_client_first().rpartition("r=")[2]
    client.set_server_first(f"r={nonce}x,s=AAAA,i=1")
    client.get_client_final()
    with pytest.raises(ScramException):
        client.set_server_final(f"v={signature(b'another', '')}")

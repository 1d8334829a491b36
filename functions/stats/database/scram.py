"""SCRAM logins to PostgreSQL with the passwords and verifiers that libpq accepts and scramp refuses.

scramp follows RFC 4013 and RFC 7677 to the letter. libpq sends a password that SASLprep refuses as it is, and so does
the server when it makes the verifier. libpq accepts verifiers with fewer than 4096 iterations, or with a short salt,
which other tools make. scramp has no option for either, so this is a subclass of its client.
"""

import base64
import re
import stringprep
import unicodedata
from typing import Any

from scramp import ScramClient

_SERVER_FIRST = re.compile(r"r=([^,]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,8})")
_LEAST_ITERATIONS = 4096
_A_SALT = base64.b64encode(bytes(16)).decode()
_PROHIBITED = (
    stringprep.in_table_a1,  # not assigned
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Client(ScramClient):  # type: ignore[misc] # scramp has no type hints
    """A scramp client that accepts any password, and any iteration count and salt of the server."""

    def __init__(self, mechanisms: list[str], password: str, channel_binding: tuple[str, Any] | None) -> None:
        # The server knows the user from the startup message and ignores this name, which scramp would prepare.
        super().__init__(mechanisms, "user", "", channel_binding)
        self.password = prepared(password)

    def set_server_first(self, message: str) -> None:
        """Read the server's first message: nonce, salt and iterations."""
        found = _SERVER_FIRST.fullmatch(message)
        if found is None:
            super().set_server_first(message)
            return
        nonce, salt, iterations = found.groups()
        # scramp still checks the nonce and limits the iterations; what else it would refuse is replaced for it.
        super().set_server_first(f"r={nonce},s={_A_SALT},i={max(int(iterations), _LEAST_ITERATIONS)}")
        self.server_first, self.salt, self.iterations = message, base64.b64decode(salt), int(iterations)


def prepared(password: str) -> bytes:
    """Return a password as PostgreSQL and libpq hash it: after SASLprep, or unchanged if SASLprep rejects it."""
    if password.isascii():
        return password.encode()
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each
        for each in password
        # U+200B is in both tables; PostgreSQL maps it to a space.
        if stringprep.in_table_c12(each) or not stringprep.in_table_b1(each)
    )
    # PostgreSQL checks for prohibited characters before it normalizes.
    if not mapped or any(prohibits(each) for prohibits in _PROHIBITED for each in mapped) or not _reads_one_way(mapped):
        return password.encode()
    return unicodedata.normalize("NFKC", mapped).encode()


def _reads_one_way(text: str) -> bool:
    """Return whether a text satisfies RFC 3454's rules for right-to-left scripts."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))

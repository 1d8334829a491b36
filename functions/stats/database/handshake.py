"""A database server's TLS, without a login: the certificate that it presents."""

import ssl
import struct
from typing import Any

from stats.base.deadline import Deadline
from stats.database.driver import Server
from stats.database.engines import POSTGRESQL
from stats.database.socket import Transport, open_transport

_POSTGRESQL_SSL_REQUEST = struct.pack("!II", 8, 80877103)
# Length and number of the packet; protocol 4.1, TLS and secure connection; the largest packet; utf8mb4; zeros.
_MYSQL_SSL_REQUEST = struct.pack("<HBBIIB23x", 32, 0, 1, 0x8A00, 1 << 24, 45)
_MYSQL_TLS = 0x0800


class NoTLSError(Exception):
    """The server does not speak TLS."""


def shake_hands(server: Server, context: ssl.SSLContext, host: str, deadline: Deadline) -> dict[str, Any]:
    """Return the server's certificate, verified for a host, in the form of SSLSocket.getpeercert().

    Raise OSError, including ssl.SSLError, NoTLSError, or IndexError or ValueError for a malformed greeting.
    """

    def use(transport: Transport) -> dict[str, Any]:
        (_ask_postgresql if server.engine in POSTGRESQL else _ask_mysql)(transport)
        with context.wrap_socket(transport.driver_socket, server_hostname=host) as connection:
            transport.duplicate.close()
            return connection.getpeercert() or {}

    return open_transport(server.host, server.port, deadline, use)


def _ask_postgresql(transport: Transport) -> None:
    transport.driver_socket.sendall(_POSTGRESQL_SSL_REQUEST)
    if _receive(transport, 1) != b"S":
        raise NoTLSError


def _ask_mysql(transport: Transport) -> None:
    length = int.from_bytes(_receive(transport, 4)[:3], "little")
    greeting = _receive(transport, length)
    if greeting[0] == 0xFF:  # such as 1129, too many failed connections from this machine
        raise OSError(greeting[3:].decode(errors="replace"))
    # After the version, which ends with a zero: the connection's number, 8 bytes of the challenge, and a zero.
    flags = greeting.index(0, 1) + 14
    if not int.from_bytes(greeting[flags : flags + 2], "little") & _MYSQL_TLS:
        raise NoTLSError
    transport.driver_socket.sendall(_MYSQL_SSL_REQUEST)


def _receive(transport: Transport, length: int) -> bytes:
    received = b""
    while len(received) < length:
        more = transport.driver_socket.recv(length - len(received))
        if not more:
            raise ConnectionError("the server closed the connection, or did not answer in time")
        received += more
    return received

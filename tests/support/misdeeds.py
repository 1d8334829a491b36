"""What a proxy may do to a connection, instead of relaying it."""

import select
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass

_TICK_SECONDS = 0.01
# However long a client waits, a test that shows that it waits too long is to end.
PATIENCE_SECONDS = 30
NOISE = bytes(range(256)) * 16


@dataclass(frozen=True)
class Exchange:
    """A connection at the moment when its client said what a trap waits for.

    `data` is what the client has just said, and the server has not heard yet. `over` is set when the trap is
    taken away.
    """

    client: socket.socket
    server: socket.socket
    data: bytes
    over: threading.Event


# Returns whether the connection is relayed from here on; if not, it ends.
Misdeed = Callable[[Exchange], bool]


def stay_silent(exchange: Exchange) -> bool:
    """Answer nothing."""
    exchange.over.wait(PATIENCE_SECONDS)
    return False


def delay(seconds: float) -> Misdeed:
    """Answer so much later."""

    def misdeed(exchange: Exchange) -> bool:
        exchange.over.wait(seconds)
        return True

    return misdeed


def drip(seconds: float) -> Misdeed:
    """Answer byte by byte, with a pause after each."""

    def misdeed(exchange: Exchange) -> bool:
        exchange.server.sendall(exchange.data)
        while not exchange.over.is_set():
            # What the client says meanwhile waits for the server too.
            readable, _, _ = select.select([exchange.server, exchange.client], [], [], _TICK_SECONDS)
            if exchange.client in readable:
                exchange.server.sendall(exchange.client.recv(65536) or _hung_up())
            if exchange.server in readable:
                for byte in exchange.server.recv(65536) or _hung_up():
                    exchange.client.sendall(bytes([byte]))
                    exchange.over.wait(seconds)
        return False

    return misdeed


def reset(exchange: Exchange) -> bool:
    """End the connection by a reset (RST)."""
    exchange.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def say(answer: bytes) -> Misdeed:
    """Give this answer in the place of the server's, and end the connection."""

    def misdeed(exchange: Exchange) -> bool:
        exchange.client.sendall(answer)
        return False

    return misdeed


def present(certificate: tuple[bytes, bytes]) -> Misdeed:
    """Take the server's place in the TLS handshake that the client begins, with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(certificate))
        file.flush()
        context.load_cert_chain(file.name)

    def misdeed(exchange: Exchange) -> bool:
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(heard, said, server_side=True)
        heard.write(exchange.data)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                exchange.client.sendall(said.read())
                heard.write(exchange.client.recv(65536) or _hung_up())
            except ssl.SSLError:  # the client has seen who this is
                return False

    return misdeed


def _hung_up() -> bytes:
    raise ConnectionResetError("the other side has hung up")

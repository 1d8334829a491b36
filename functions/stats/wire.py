"""The wire to a database server: a socket that is shut down at a deadline, and the trust in its TLS."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Any, Literal

# A context: required and verified. None: used if the server offers it, unverified. False: not used.
TLS = ssl.SSLContext | Literal[False] | None


@dataclass(frozen=True)
class Wire:
    """A connected socket, and a duplicate of it.

    The driver owns the socket and wraps it for TLS; the duplicate stays ours, and shutting it down ends
    the connection that both stand for, whoever waits for it and in whatever layer.
    """

    driver_socket: socket.socket
    duplicate: socket.socket

    def close(self) -> None:
        """Close the connection; the driver's socket may be closed already."""
        self.duplicate.close()
        self.driver_socket.close()

    def close_after(self, say_goodbye: Callable[[], None]) -> None:
        """Let the driver take its leave of the server, then close the connection."""
        try:
            say_goodbye()
        finally:
            self.close()


def is_unix_socket(host: str) -> bool:
    """Tell whether the host is a path of a Unix domain socket."""
    return host.startswith("/")


def is_local(host: str) -> bool:
    """Tell whether nobody can sit between this process and the host: a Unix socket or a loopback address."""
    if is_unix_socket(host) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def open_socket(host: str, port: int, deadline: float) -> Wire:
    """Connect to `host:port`, or to the Unix socket at `host`. Raise OSError, TimeoutError at the deadline."""
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.settimeout(_left(deadline))
            connected.connect(address)
            connected.settimeout(None)
            if family != socket.AF_UNIX:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return Wire(connected, connected.dup())
        except OSError as error:
            connected.close()
            failure = error
    raise failure or OSError(f"{host} has no address")


def _addresses(host: str, port: int) -> Iterator[tuple[socket.AddressFamily, Any]]:
    if is_unix_socket(host):
        yield socket.AF_UNIX, host
    else:
        for family, *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            yield family, address


@contextlib.contextmanager
def shutdown_at(deadline: float, wire: Wire) -> Iterator[None]:
    """Run the block; at the deadline shut the wire down, so that whatever waits for it fails.

    A driver's own timeout is for each receive: a server that sends a byte now and then outlives it.
    A block that fails leaves the wire closed.
    """

    def shut_down() -> None:
        with contextlib.suppress(OSError):  # the server may be gone already
            wire.duplicate.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline - time.monotonic(), shut_down)
    timer.daemon = True
    try:
        timer.start()
        yield
    except BaseException:
        wire.close()
        raise
    finally:
        timer.cancel()


@cache  # reading the hundred certificates of RDS takes as long as many a statement
def trust(host: str, ca_file: str, *, off: bool) -> TLS:
    """Return how TLS is used with a host. Raise OSError or ssl.SSLError when the CA file cannot be used.

    Certificate and name are verified against the file's authorities, unless the host is local.
    """
    if is_unix_socket(host) or off:
        return False
    if is_local(host):
        return None
    context = ssl.create_default_context(cafile=ca_file)
    # Chains of managed databases do not always satisfy RFC 5280's form, which Python 3.13 checks by default.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this request is used up")
    return left

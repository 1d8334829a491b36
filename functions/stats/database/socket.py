"""The transport to a database server: a socket that is shut down at a deadline, and the verification of its TLS."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Literal, TypeVar

from stats.base.deadline import Deadline, within

T = TypeVar("T")

# A context: required and verified. None: used if the server offers it, unverified. False: not used.
TLS = ssl.SSLContext | Literal[False] | None


@dataclass(frozen=True)
class Transport:
    """A connected socket, and a duplicate of it.

    The driver owns the socket and wraps it for TLS. The duplicate stays ours: shutting it down ends the connection of
    both, even while the driver waits for it.
    """

    driver_socket: socket.socket
    duplicate: socket.socket

    def close(self) -> None:
        """Close the connection; the driver's socket may be closed already."""
        self.duplicate.close()
        self.driver_socket.close()

    def close_after(self, say_goodbye: Callable[[], None]) -> None:
        """Let the driver log out, then close the connection."""
        try:
            say_goodbye()
        finally:
            self.close()


def is_unix_socket(host: str) -> bool:
    """Return whether the host is a path of a Unix domain socket."""
    return host.startswith("/")


def is_local(host: str) -> bool:
    """Return whether the host is on this machine: a Unix socket or a loopback address, with nobody in between."""
    if is_unix_socket(host) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def open_transport(
    host: str,
    port: int,
    deadline: Deadline,
    use: Callable[[Transport], T],
    is_answer: Callable[[Exception], bool] = lambda _: False,
) -> T:
    """Connect to `host:port`, or to the Unix socket at `host`; return the result of `use` with the transport.

    `use` starts TLS and logs in. If the host has several addresses, each gets an equal share of the remaining time for
    that. If one fails, the next is tried, unless `is_answer` returns that the error is the server's own answer, such as
    a refused login. Raise OSError, or what `use` raises; no socket stays open then.
    """
    failure: Exception | None = None
    try:
        addresses = _addresses(host, port, deadline)
        for number, (family, address) in enumerate(addresses):
            share = deadline.share(1 / (len(addresses) - number))
            try:
                return _use(family, address, share, use)
            except Exception as error:  # with a broken server, a driver may raise anything
                if is_answer(error) and not share.passed:
                    raise
                failure = error
        raise failure or OSError(f"{host} has no address")
    finally:
        del failure  # breaks a reference cycle: failure, this frame


def _use(family: socket.AddressFamily, address: Any, deadline: Deadline, use: Callable[[Transport], T]) -> T:
    transport = _connect(family, address, deadline)
    try:
        with shutdown_at(deadline, transport):
            return use(transport)
    except BaseException:
        transport.close()
        raise


def _connect(family: socket.AddressFamily, address: Any, deadline: Deadline) -> Transport:
    left = deadline.left
    if not left:
        raise TimeoutError("the time for this request is used up")
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(left)
        connected.connect(address)
        connected.settimeout(None)
        if family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _keep_alive(connected)
        return Transport(connected, connected.dup())
    except BaseException:
        connected.close()
        raise


def _addresses(host: str, port: int, deadline: Deadline) -> Sequence[tuple[socket.AddressFamily, Any]]:
    if is_unix_socket(host):
        return [(socket.AF_UNIX, host)]
    resolve = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = resolve(flags=socket.AI_NUMERICHOST)  # makes no request, and so needs no thread
    except socket.gaierror:
        found = within(deadline, resolve)
    return [(family, address) for family, *_, address in found]


def _keep_alive(connected: socket.socket) -> None:
    """Detect within a few seconds that the peer has died during a statement, unlike a slow statement.

    The system acknowledges probes, whatever the server is busy with. TCP_USER_TIMEOUT bounds data that is never
    acknowledged, which probes do not.
    """
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 2000}
    for name, value in options.items():
        if hasattr(socket, name):  # not every system has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@contextlib.contextmanager
def shutdown_at(deadline: Deadline, transport: Transport) -> Iterator[None]:
    """Run the block; at the deadline shut the transport down, so that every wait for it fails.

    A driver's own timeout is for each receive: a server that sends a byte now and then outlives it.
    """

    def shut_down() -> None:
        with contextlib.suppress(OSError):  # the server may have closed it already
            transport.duplicate.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline.left, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@cache  # reading RDS's hundred certificates takes as long as a statement
def trust(host: str, ca_file: str, *, off: bool) -> TLS:
    """Return the TLS to use with a host. Raise OSError or ssl.SSLError if the CA file cannot be used.

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

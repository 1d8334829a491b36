"""A TCP proxy on loopback that counts what a client waits for, and misbehaves when told to."""

import contextlib
import select
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.misdeeds import PATIENCE_SECONDS, Exchange, Misdeed

_TICK_SECONDS = 0.01
_ACCEPT_SECONDS = 0.05  # how long it takes to notice that no more connections are to be accepted
_BACKLOG = 128
# Given what a client has said before on its connection, and what it says now.
Moment = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, eq=False)
class Trap:
    """A misdeed, done once to each connection at a certain moment."""

    moment: Moment
    misdeed: Misdeed
    over: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Relays every connection to `target`.

    `connections` counts those that clients opened. `flights` counts how often a client spoke after the server
    had: each is one wait for the network. `sent` holds all that clients sent. While `hanging`, what the server
    says is held back; while `drip_seconds` is not 0, each of its bytes waits that long.
    """

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.target = target
        self.connections = 0
        self.flights = 0
        self.sent = b""
        self.hanging = False
        self.drip_seconds = 0.0
        self._traps: list[Trap] = []
        self._forgotten: dict[socket.socket, threading.Event] = {}
        self._accepting = True
        self._turn = threading.Lock()  # to accept, or to stop accepting
        self._ended = threading.Event()
        self._open: dict[socket.socket, socket.socket] = {}  # client: server
        self._threads: list[threading.Thread] = []
        # Only a port that was asked for outlasts a pause in listening.
        with socket.create_server((host, 0)) as probe:
            address = probe.getsockname()
        self._listener = socket.create_server(address, backlog=_BACKLOG)
        self._listener.settimeout(_ACCEPT_SECONDS)  # a client may be gone before it is accepted
        self.host, self.port = address

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            while thread.is_alive():
                self.cut()  # anew: a connection may just have been accepted
                thread.join(_ACCEPT_SECONDS)
        self._listener.close()

    def cut(self) -> None:
        """End every connection that is open."""
        for pair in list(self._open.items()):
            for each in pair:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def trapped(self, moment: Moment, misdeed: Misdeed) -> Iterator[None]:
        """Do a misdeed to every connection whose client comes to that moment."""
        trap = Trap(moment, misdeed)
        self._traps.append(trap)
        try:
            yield
        finally:
            self._traps.remove(trap)
            trap.over.set()

    @contextlib.contextmanager
    def forgetting(self) -> Iterator[None]:
        """Let the connections that are open now carry nothing any more, without ending them: they are half-open."""
        over = threading.Event()
        forgotten = list(self._open)
        self._forgotten |= dict.fromkeys(forgotten, over)
        try:
            yield
        finally:
            for each in forgotten:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            over.set()

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse new connections."""
        with self._not_accepting():
            self._listener.shutdown(socket.SHUT_RDWR)
            try:
                yield
            finally:
                self._listener.listen(_BACKLOG)

    @contextlib.contextmanager
    def ignoring(self) -> Iterator[threading.Event]:
        """Leave new connections without an answer, until the event is set; clients knock again every second."""
        ignoring, over = threading.Event(), threading.Event()

        def ignore() -> None:
            with self._not_accepting(), full(self._listener):
                ignoring.set()
                over.wait()

        thread = threading.Thread(target=ignore)
        thread.start()
        ignoring.wait()
        try:
            yield over
        finally:
            over.set()
            thread.join()

    @contextlib.contextmanager
    def _not_accepting(self) -> Iterator[None]:
        with self._turn:
            self._accepting = False
        try:
            yield
        finally:
            self._accepting = True

    def _run(self, target: object, *args: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            readable, _, _ = select.select([self._listener] if self._accepting else [], [], [], _ACCEPT_SECONDS)
            with self._turn, contextlib.suppress(OSError):
                if readable and self._accepting:
                    client, _ = self._listener.accept()
                    self.connections += 1
                    self._run(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self.target) as server:
            self._open[client] = server
            try:
                self._pump(client, server)
            finally:
                del self._open[client]
                self._forgotten.pop(client, None)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        server_spoke = True
        said = b""
        sprung: list[Trap] = []
        for source in _readable(client, server):
            data = source.recv(65536)
            forgotten = self._forgotten.get(client)
            if forgotten:
                forgotten.wait(PATIENCE_SECONDS)
                return
            if not data:
                return
            if source is client:
                self.flights += server_spoke
                self.sent += data
                for trap in self._traps:
                    if trap not in sprung and trap.moment(said, data):
                        sprung.append(trap)
                        if not trap.misdeed(Exchange(client, server, data, trap.over)):
                            return
                said += data
                server.sendall(data)
            else:
                self._pass_on(data, client)
            server_spoke = source is server

    def _pass_on(self, data: bytes, client: socket.socket) -> None:
        while self.hanging and not self._ended.wait(_TICK_SECONDS):
            pass
        if not self.drip_seconds:
            client.sendall(data)
            return
        for byte in data:
            client.sendall(bytes([byte]))
            if self._ended.wait(self.drip_seconds):
                return


@contextlib.contextmanager
def full(listener: socket.socket) -> Iterator[None]:
    """Fill the queue of a listener that nobody accepts from: whoever knocks then gets no answer at all."""
    listener.listen(0)
    with contextlib.ExitStack() as visitors:
        accepted = 0
        while True:
            visitor = visitors.enter_context(socket.socket())
            visitor.settimeout(0.1)
            try:
                visitor.connect(listener.getsockname())
            except TimeoutError:
                break
            accepted += 1
        try:
            yield
        finally:
            for _ in range(accepted):
                listener.accept()[0].close()
            listener.listen(_BACKLOG)


@contextlib.contextmanager
def silent_host(host: str, port: int) -> Iterator[None]:
    """Let nobody answer at an address of this machine."""
    with socket.create_server((host, port)) as listener, full(listener):
        yield


def _readable(*sockets: socket.socket) -> Iterator[socket.socket]:
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                yield next(each for each in sockets if each is key.fileobj)

"""A TCP proxy on loopback that counts what a client waits for, and misbehaves when told to."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_TICK_SECONDS = 0.01


class Proxy:
    """Relays every connection to `target`.

    `connections` counts those that clients opened. `flights` counts how often a client spoke after the server
    had: each is one wait for the network. `sent` holds all that clients sent. While `hanging`, what the server
    says is held back; while `drip_seconds` is not 0, each of its bytes waits that long.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.connections = 0
        self.flights = 0
        self.sent = b""
        self.hanging = False
        self.drip_seconds = 0.0
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End every connection that is open."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _run(self, target: object, *args: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._run(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self.target) as server:
            self._open |= {client, server}
            try:
                self._pump(client, server)
            finally:
                self._open -= {client, server}

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        server_spoke = True
        for source in _readable(client, server):
            data = source.recv(65536)
            if not data:
                return
            if source is client:
                self.flights += server_spoke
                self.sent += data
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


def _readable(*sockets: socket.socket) -> Iterator[socket.socket]:
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                yield next(each for each in sockets if each is key.fileobj)

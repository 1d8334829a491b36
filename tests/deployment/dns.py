"""A name server for which every name of Amazon's is this machine, and no other name exists."""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator

_TYPE_A = 1
_HEADER = struct.Struct("!HHHHHH")
_ANSWER, _NO_SUCH_NAME = 0x8180, 0x8183
_LOOPBACK = bytes([127, 0, 0, 1])


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        query, connection = self.request
        identifier, *_ = _HEADER.unpack_from(query)
        labels, position = [], _HEADER.size
        while length := query[position]:
            labels.append(query[position + 1 : position + 1 + length].decode().lower())
            position += 1 + length
        [kind] = struct.unpack_from("!H", query, position + 1)
        question = query[_HEADER.size : position + 5]
        ours = labels[-2:] == ["amazonaws", "com"]
        # The answer's name is a pointer to the question's; it may be kept for 5 seconds.
        record = b"\xc0\x0c" + struct.pack("!HHIH", _TYPE_A, 1, 5, 4) + _LOOPBACK if ours and kind == _TYPE_A else b""
        header = _HEADER.pack(identifier, _ANSWER if ours else _NO_SUCH_NAME, 1, 1 if record else 0, 0, 0)
        connection.sendto(header + question + record, self.client_address)


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Answer on port 53 of loopback, on a thread."""
    with socketserver.ThreadingUDPServer(("127.0.0.1", 53), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()

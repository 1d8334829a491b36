"""How long this process was kept from running: on a busy machine, that is the machine's doing and not the code's."""

import threading
import time
from types import TracebackType
from typing import Self

_TICK_SECONDS = 0.02


class Stalls:
    """While the context lasts, `longest_seconds` is how late a thread that only sleeps has woken up at most."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._over.wait(_TICK_SECONDS):
            now = time.monotonic()
            self.longest_seconds = max(self.longest_seconds, now - before - _TICK_SECONDS)
            before = now

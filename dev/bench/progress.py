"""How far a long run is, on standard error: a bar on a terminal, else a line a step."""

import sys

_WIDTH = 20


class Progress:
    """Counts steps of about the same length."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._begun = 0
        self._text = ""

    def begin(self, text: str) -> None:
        """Begin the next step."""
        self._text = text
        self._begun += 1
        if sys.stderr.isatty():
            self.at(0)
        else:
            print(f"{self._begun}/{self._steps} {text}", file=sys.stderr, flush=True)

    def at(self, part: float) -> None:
        """Tell how much of the step is done, 0 to 1."""
        if sys.stderr.isatty():
            filled = int((self._begun - 1 + part) / self._steps * _WIDTH)
            bar = "#" * filled + "." * (_WIDTH - filled)
            print(f"\r\033[K[{bar}] {self._text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line to what comes next."""
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

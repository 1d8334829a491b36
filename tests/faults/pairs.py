"""What happens when two dependencies are silent or slow at once: it follows from the rows of both."""

from dataclasses import dataclass

from tests.faults.table import NO_SECRETS, ROWS, Answer, Row, both
from tests.faults.world import BUCKET, CONNECT, LOGIN, NAME, REGISTRY, SECRET, STATEMENT, TLS

# In the order in which a new connection passes them.
_STAGES = {NAME, CONNECT, TLS, LOGIN, STATEMENT}


@dataclass(frozen=True)
class Pair:
    """Two dependencies that fail at once."""

    first: Row
    second: Row

    @property
    def rows(self) -> tuple[Row, Row]:
        return self.first, self.second

    def answer(self, held: str, seconds: float) -> Answer | None:
        """Return the answer with this REQUEST_TIMEOUT_SECONDS; None where another cell is the same."""
        dependencies = {row.dependency for row in self.rows}
        if held == "snapshot" and BUCKET in dependencies:
            return None  # a snapshot that cannot be read is none: "nothing"
        if held == "start" and not dependencies <= {REGISTRY, SECRET}:
            return None  # a start asks nothing else: the rows
        if held == "start":
            return NO_SECRETS.start
        answers = [row.outcome_within(seconds).of(held) for row in self.rows]
        return both(*[answer for answer in answers if answer])


def _pairs() -> tuple[Pair, ...]:
    rows = [row for row in ROWS if row.fault in {"silent", "slow"}]
    pairs = [Pair(first, second) for place, first in enumerate(rows) for second in rows[place + 1 :]]
    return tuple(
        pair
        for pair in pairs
        if pair.first.dependency != pair.second.dependency
        # After a stage that stays silent no other one is reached.
        and not (pair.first.fault == "silent" and {pair.first.dependency, pair.second.dependency} <= _STAGES)
    )


PAIRS = _pairs()

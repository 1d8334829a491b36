"""What becomes of a notice when the topic fails; tests/integration/test_notices.py tries each row.

The snapshot is written whatever happens. A notice that SNS has refused is sent by the next run. One that SNS may have
sent is never sent again: it is lost if SNS did not carry it out.
"""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["sent by the next run", "sent once", "lost"]

UNREACHABLE, REFUSED = "unreachable", "refused"
_NEXT: Fate = "sent by the next run"
MESSAGE, METRIC = "notice failed", "NoticeFailure"


@dataclass(frozen=True)
class TopicRow:
    """A fault of the topic, in words, what the test's gate does for it, and what becomes of the notice."""

    fault: str
    meaning: str
    gate: int | str
    fate: Fate


ROWS = (
    TopicRow("refused", "SNS refuses the connection, or its name is unknown", REFUSED, "sent by the next run"),
    TopicRow(
        "unreachable", "SNS cannot be reached, as from subnets without a way to it", UNREACHABLE, "sent by the next run"
    ),
    TopicRow("denied", "HTTP 403: the role or the key of the topic forbids it", 403, "sent by the next run"),
    TopicRow("absent", "HTTP 404: there is no such topic", 404, "sent by the next run"),
    TopicRow("throttled", "too many calls for AWS", 400, "sent by the next run"),
    TopicRow("busy", "HTTP 503", 503, "sent by the next run"),
    TopicRow("5xx", "HTTP 500: SNS does not say what it has done", 500, "lost"),
    TopicRow("silent", "there is no answer, and SNS has done nothing", "silent", "lost"),
    TopicRow("slow", "the answer comes too late", "slow", "sent once"),
    TopicRow("reset", "the connection is reset before the answer", "reset", "sent once"),
    TopicRow("garbage", "the answer is noise", "garbage", "sent once"),
)

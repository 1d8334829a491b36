"""Claiming, publishing and taking back. tests/history_checker has several runs at once, and failures everywhere."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from stats.aws.bucket import StorageError
from stats.aws.topic import Topic, TopicError
from stats.base.deadline import Deadline
from stats.notices.sending import send, writer_of
from stats.snapshots.store import Snapshots
from tests.support.past import Past
from tests.support.sqlite_app import deadline_at, new_settings

URL = "https://stats.example.com/"


class RecordingTopic(Topic):
    """Keeps the subjects. `fault` is what a message raises; `left` are the seconds that each had."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__("topic")
        self.subjects: list[str] = []
        self.left: list[float] = []
        self.fault = fault

    def publish(self, subject: str, _text: str, _attributes: Mapping[str, str], deadline: Deadline) -> None:
        """Keep a subject, or raise the fault."""
        self.left.append(deadline.left)
        if self.fault:
            raise self.fault
        self.subjects.append(subject)


def run(past: Past, topic: Topic, seconds: float = 10, **changes: str) -> None:
    facts = past.facts(switches=50)
    deadline = deadline_at(facts.now, seconds)
    send(new_settings(**changes), Snapshots(past.bucket, past.zone), facts.snapshot, topic, deadline)


@pytest.fixture
def past() -> Past:
    past = Past()
    past.put(past.now - past.now.replace(day=3), switches=100)
    return past


def entries(past: Past) -> Any:
    return json.loads(past.bucket.s3.objects["p/notices.json"])["entries"]


def test_all_that_is_due_is_sent_once(past: Past) -> None:
    topic = RecordingTopic()
    run(past, topic, STACK_LABEL="Campus")
    run(past, topic)
    assert topic.subjects == [
        "OpenL2M Campus: Switches fell from 100 to 50",
        "OpenL2M Campus: no numbers from Monday, 23 February to Sunday, 1 March",
    ]


def test_what_sns_refuses_is_sent_by_the_next_run(past: Past) -> None:
    topic = RecordingTopic(TopicError("topic: NotFound", refused=True))
    with pytest.raises(TopicError, match=r"^topic: NotFound$"):
        run(past, topic)
    assert entries(past) == {}
    topic.fault = None
    run(past, topic)
    assert len(topic.subjects) == 2


def test_what_may_have_been_sent_is_not_sent_again(past: Past) -> None:
    topic = RecordingTopic(TopicError("topic: ReadTimeoutError", refused=False))
    with pytest.raises(TopicError, match="so this may not have been sent: OpenL2M: Switches fell from 100 to 50"):
        run(past, topic)
    topic.fault = None
    run(past, topic)
    assert topic.subjects == ["OpenL2M: no numbers from Monday, 23 February to Sunday, 1 March"]


def test_what_cannot_be_taken_back_is_named(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stats.aws.bucket.time.sleep", lambda _: None)

    class Failing(RecordingTopic):
        def publish(self, *_: Any) -> None:
            past.bucket.s3.faults["p/notices.json"] = ConnectionError("no route")
            raise TopicError("topic: NotFound", refused=True)

    with pytest.raises(
        StorageError, match=r"^topic: NotFound, and .*, so this will not be sent: OpenL2M: Switches fell"
    ):
        run(past, Failing())


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("drop switches", {}),
        ("drop switches", {"since": "2026-03-03T12:00:00Z", "from": "many", "to": 50}),
        ("drop switches", {"since": "noon", "from": 100, "to": 50}),
        ("silence", {"since": "2026-03-03T12:00:00Z"}),
        ("silence", {"since": "2026-03-03T12:00:00Z", "totals": {"logins": "1"}}),
        ("summary", {"week": 9}),
    ],
)
def test_an_entry_of_another_form_is_named_and_stays(name: str, entry: dict[str, Any], past: Past) -> None:
    """Another version wrote it, or somebody edited it."""
    content = json.dumps({"as_of": None, "entries": {name: entry, "another version's": {}}, "said": []}).encode()
    past.bucket.s3.objects["p/notices.json"] = content
    topic = RecordingTopic()
    with pytest.raises(StorageError, match=rf"^notices\.json: {name!r} has another form$"):
        run(past, topic)
    assert (past.bucket.s3.objects["p/notices.json"], topic.subjects) == (content, [])


@pytest.mark.parametrize(("seconds", "sent"), [(2.9, 0), (3.5, 2)])
def test_nothing_is_claimed_without_the_time_to_send_it(seconds: float, sent: int, past: Past) -> None:
    topic = RecordingTopic()
    run(past, topic, seconds)
    assert len(topic.subjects) == sent
    assert ("p/notices.json" in past.bucket.s3.objects) == bool(sent)
    assert all(left < seconds - 0.9 for left in topic.left)  # a second stays for taking it back


@pytest.mark.parametrize(
    ("changes", "url"),
    [({}, URL), ({"PAGE_ENABLED": "false"}, None), ({"API_ENABLED": "false"}, None), ({"PUBLIC_URL": ""}, None)],
)
def test_notices_link_to_the_page_where_there_is_one(changes: dict[str, str], url: str | None) -> None:
    settings = new_settings(**{"PUBLIC_URL": URL, "STACK_LABEL": "Campus", **changes})
    assert writer_of(settings).url == url
    assert writer_of(settings).label == "Campus"

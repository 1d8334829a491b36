"""Notices through the snapshot function, boto's own client, and moto's S3, SNS and a subscriber."""

import contextlib
import json
import random
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.faults.notices import MESSAGE, METRIC, REFUSED, ROWS, UNREACHABLE, TopicRow
from tests.integration.conftest import AWS, Travel
from tests.integration.test_start import imported
from tests.support.databases import ROOT
from tests.support.s3 import S3
from tests.support.snapshots import at
from tests.support.sns import Topic, new_topic
from tests.support.workers import workers

MONDAY = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)


@pytest.fixture
def topic(aws: AWS, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Topic]:
    with new_topic() as topic:
        topic.subscribe(**getattr(request, "param", {}))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", topic.url)
        monkeypatch.setenv("NOTIFY_TOPIC_ARN", topic.arn)
        monkeypatch.setenv("STACK_LABEL", "Campus Zürich")
        monkeypatch.setenv("PUBLIC_URL", "https://stats.example.com/")
        yield topic


@pytest.fixture
def switches(aws: AWS, sqlite_db: Database) -> Database:
    aws.put_database(sqlite_db.secret())
    sqlite_db.insert("switches_switch", [{}] * 20)
    return sqlite_db


def hours(number: float) -> datetime:
    return MONDAY + timedelta(hours=number)


def test_a_drop_and_its_end_are_mailed_once_each(
    switches: Database, s3: S3, topic: Topic, travel: Travel, new_schedule: Any
) -> None:
    take = new_schedule()

    def run(number: float) -> list[str]:
        travel(hours(number))
        assert take(at(hours(number).replace(second=0).isoformat()))["written"]
        return [message["Subject"] for message in topic.received()]

    assert run(0) == ["OpenL2M Campus Z?rich: no numbers from Monday, 16 November to Sunday, 22 November"]
    assert run(1) == []
    switches.execute("DELETE FROM switches_switch WHERE id > 10")
    assert run(24) == ["OpenL2M Campus Z?rich: Switches fell from 20 to 10"]
    assert run(25) == []
    switches.insert("switches_switch", [{}] * 9)
    assert run(26) == ["OpenL2M Campus Z?rich: Switches back at 19"]
    assert run(27) == []
    state = json.loads(s3.objects["snapshots/notices.json"])
    assert [each["subject"] for each in state["said"]] == [
        "OpenL2M Campus Zürich: no numbers from Monday, 16 November to Sunday, 22 November",
        "OpenL2M Campus Zürich: Switches fell from 20 to 10",
        "OpenL2M Campus Zürich: Switches back at 19",
    ]
    assert state["entries"] == {"summary": {"monday": "2026-11-23"}}


[POLICY] = re.findall(r"--attribute-value '(.*)'", (ROOT / "docs/notices.md").read_text())


@pytest.mark.parametrize("topic", [{"FilterPolicy": POLICY}], indirect=True)
def test_subscribers_can_choose_by_the_kind(
    switches: Database, topic: Topic, travel: Travel, new_schedule: Any
) -> None:
    take = new_schedule()
    for number in (0, 24):
        travel(hours(number))
        take({})
        switches.execute("DELETE FROM switches_switch WHERE id > 10")
    assert [message["Subject"] for message in topic.received()] == [
        "OpenL2M Campus Z?rich: Switches fell from 20 to 10"
    ]


def test_a_message_names_its_kind(switches: Database, topic: Topic, travel: Travel, new_schedule: Any) -> None:
    travel(MONDAY)
    new_schedule()({})
    [message] = topic.received()
    assert message["MessageAttributes"] == {"notice": {"Type": "String", "Value": "summary"}}
    assert message["Message"].endswith("docs/notices.md.\n")


@contextlib.contextmanager
def failing(topic: Topic, gate: int | str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the topic fail."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        address = server.getsockname()
        if gate == UNREACHABLE:  # a full queue: further connections have no answer
            for _ in range(4):
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(address)
        elif gate == REFUSED:
            server.close()
        if gate in {UNREACHABLE, REFUSED}:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", f"http://127.0.0.1:{address[1]}")
        else:
            topic.fault = gate
        yield
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", topic.url)
    topic.recover()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_a_topic_that_fails_costs_no_snapshot_and_sends_nothing_twice(
    row: TopicRow,
    switches: Database,
    topic: Topic,
    new_schedule: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with failing(topic, row.gate, monkeypatch):
        assert new_schedule()({})["written"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [name for line in lines for name in (METRIC, "SnapshotWritten") if name in line] == [
        METRIC,
        "SnapshotWritten",
    ]
    [error] = [line for line in lines if line.get("level") == "ERROR"]
    assert error["message"] == MESSAGE
    assert topic.arn in error["error"]
    assert ("may not have been sent" in error["error"]) == (row.fate != "sent by the next run")
    at_once = len(topic.received())
    new_schedule()({})
    later = len(topic.received())
    assert (at_once, later) == {"sent by the next run": (0, 1), "sent once": (1, 0), "lost": (0, 0)}[row.fate]


@pytest.mark.parametrize("failing", [0.0, 0.1])
def test_runs_at_the_same_time_send_one_message(
    failing: float, switches: Database, s3: S3, topic: Topic, travel: Travel, new_schedule: Any
) -> None:
    """Also where S3 fails, answers twice, or breaks the connection after it has written."""
    chance = random.Random(1)
    travel(hours(-24))
    new_schedule()({})
    topic.received()
    switches.execute("DELETE FROM switches_switch WHERE id > 10")
    with workers(4, "stats.schedule") as writers:
        s3.fault = lambda *_: chance.choice((409, 412, 503, "broken")) if chance.random() < failing else None
        for _ in range(3):
            for number, writer in enumerate(writers):
                writer.hand([({}, MONDAY + timedelta(seconds=number))])
            for writer in writers:
                with contextlib.suppress(AssertionError):  # the run of a bucket that failed
                    writer.collect()
        s3.recover()
        writers[0].hand([({}, hours(1))])
        writers[0].collect()
    assert sorted(message["Subject"] for message in topic.received()) == [
        "OpenL2M Campus Z?rich: Switches fell from 20 to 10",
        "OpenL2M Campus Z?rich: the week to Sunday, 22 November",
    ]


@pytest.mark.parametrize("number", range(5, 15))  # from the snapshot's last write to the claim
@pytest.mark.parametrize("fault", [412, 503, "broken"])
def test_s3_that_fails_at_any_call_sends_nothing_twice_and_the_next_run_what_is_left(
    number: int, fault: int | str, switches: Database, s3: S3, topic: Topic, travel: Travel, new_schedule: Any
) -> None:
    travel(MONDAY)
    take = new_schedule()
    s3.fail(number, fault)
    with contextlib.suppress(Exception):  # a StorageError of this container's own modules
        take({})
    s3.recover()
    travel(hours(1))
    take({})
    assert len(topic.received()) == 1


def test_only_a_stack_with_notices_imports_them(switches: Database, s3: S3, topic: Topic, monkeypatch: Any) -> None:
    program = "import stats.schedule; stats.schedule.handler({}, None)"
    ours = {"stats.aws.topic", "stats.notices"}
    assert imported(program) >= ours
    assert not imported("import stats.schedule") & ours
    monkeypatch.delenv("NOTIFY_TOPIC_ARN")
    assert not imported(program) & ours


def test_a_damaged_record_is_left_alone_and_costs_no_snapshot(
    switches: Database, s3: S3, topic: Topic, new_schedule: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.objects = {"snapshots/notices.json": b"{}"}
    assert new_schedule()({})["written"]
    assert "snapshots/notices.json is not a valid record of notices" in capsys.readouterr().out
    assert s3.objects["snapshots/notices.json"] == b"{}"
    assert topic.received() == []

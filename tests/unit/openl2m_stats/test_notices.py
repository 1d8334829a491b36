"""`openl2m-stats notices --dry-run`: what the snapshot function would say, and that it says nothing itself."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Command, Ended, Travel, command, new_schedule
from tests.support.s3 import S3
from tests.support.sns import Topic, new_topic

__all__ = ["command", "new_schedule"]  # fixtures

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SUMMARY = "OpenL2M: no numbers from Monday, 16 November to Sunday, 22 November"


@pytest.fixture
def topic(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    with new_topic() as topic:
        topic.subscribe()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", topic.url)
        yield topic


@pytest.fixture
def notices(command: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    monkeypatch.setenv("TIME_ZONE", "UTC")
    return lambda *arguments: command("notices", *arguments)


@pytest.fixture
def take(aws: AWS, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any) -> Callable[[float, int], None]:
    """Return a function that takes a snapshot, some hours after noon, of so many VLANs."""
    aws.put_database(sqlite_db.secret())
    sqlite_db.insert("switches_vlan", [{}] * 20)
    taking: list[Any] = []

    def run(hours: float, vlans: int) -> None:
        taking.append(taking[0] if taking else new_schedule())
        sqlite_db.execute(f"DELETE FROM switches_vlan WHERE id > {vlans}")
        travel(NOON + timedelta(hours=hours))
        taking[0]({})

    return run


def test_it_shows_what_would_be_said_and_says_nothing(
    take: Any, topic: Topic, s3: S3, notices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(-24, 20)
    take(0, 10)
    before = s3.objects
    done = notices("--dry-run")
    assert (done.code, done.err) == (0, "")
    first, second, _, subject, *lines = done.out.splitlines()
    assert first == "By the newest snapshot, of 2026-11-25T12:00:00Z, 2 notices would be sent."
    assert second == "Notices are off: neither NotifyTopicArn nor NotifyEmail is set."
    assert subject == "Subject: OpenL2M: Vlans fell from 20 to 10"
    assert "Vlans: 10, yesterday 20 (-10, -50 %)" in lines
    assert "Subject: OpenL2M: the week to Sunday, 22 November" not in lines
    assert f"Subject: {SUMMARY}" in lines
    monkeypatch.setenv("NOTIFY_TOPIC_ARN", topic.arn)
    assert "No topic" not in notices("--dry-run").out
    assert (s3.objects, topic.received()) == (before, [])


def test_json_has_what_was_said_before(
    take: Any, topic: Topic, s3: S3, notices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_TOPIC_ARN", topic.arn)
    take(0, 20)
    [message] = topic.received()
    assert message["Subject"] == SUMMARY
    printed = json.loads(notices("--dry-run", "--json").out)
    [said] = printed.pop("said")
    assert printed == {"as_of": "2026-11-25T12:00:00Z", "topic": topic.arn, "notices": []}
    assert (said["subject"], said["at"]) == (SUMMARY, "2026-11-25T12:00:00Z")
    take(24, 10)
    topic.received()
    s3.objects = {key: content for key, content in s3.objects.items() if not key.endswith("notices.json")}
    found = json.loads(notices("--dry-run", "--json").out)["notices"]
    assert [(each["notice"], each["subject"]) for each in found] == [
        ("drop", "OpenL2M: Vlans fell from 20 to 10"),
        ("summary", SUMMARY),
    ]
    assert all(each["text"].endswith("\n") for each in found)
    assert notices("--dry-run").out.startswith(
        "By the newest snapshot, of 2026-11-26T12:00:00Z, 2 notices would be sent."
    )


def test_without_the_flag_it_does_nothing(notices: Any) -> None:
    done = notices()
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("use --dry-run to see what it would send now\n")


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        ({}, "There is no snapshot yet."),
        ({"snapshots/latest.json": b"{"}, "snapshots/latest.json is not a valid snapshot"),
    ],
)
def test_what_cannot_be_judged(objects: dict[str, bytes], text: str, s3: S3, notices: Any) -> None:
    s3.objects = objects
    assert notices("--dry-run") == (2, "", f"{text}\n")


def test_a_bucket_that_is_not_there(s3: S3, notices: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "no-such-bucket")
    done = notices("--dry-run")
    assert (done.code, done.out) == (2, "")
    assert "NoSuchBucket" in done.err


def test_a_stack_is_judged_by_the_variables_of_its_snapshot_function(
    take: Any, s3: S3, notices: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that function knows the topic and the page's address."""
    take(-24, 20)
    take(0, 10)
    asked: list[tuple[str, str]] = []
    variables = {
        "TIME_ZONE": "UTC",
        "SNAPSHOT_BUCKET": s3.bucket,
        "STACK_LABEL": "Campus",
        "PUBLIC_URL": "https://x/",
    }
    make = boto3.Session.client

    class CloudFormation:
        meta = boto3.client("sts").meta

        def describe_stacks(self, **_: Any) -> Any:
            return {"Stacks": [{"Outputs": []}]}

        def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803 boto's
            asked.append((StackName, LogicalResourceId))
            return {"StackResourceDetail": {"PhysicalResourceId": "function"}}

    class Lambda:
        meta = boto3.client("sts").meta

        def get_function_configuration(self, **_: Any) -> Any:
            return {"Environment": {"Variables": variables}}

    fakes = {"cloudformation": CloudFormation, "lambda": Lambda}
    monkeypatch.setattr(
        boto3.Session,
        "client",
        lambda self, name, *rest, **more: fakes[name]() if name in fakes else make(self, name, *rest, **more),
    )
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    done = notices("--dry-run", "--stack", "openl2m-stats")
    assert (done.code, done.err) == (0, "")
    assert asked == [("openl2m-stats", "SnapshotFunction")]
    assert "Subject: OpenL2M Campus: Vlans fell from 20 to 10" in done.out
    assert "The page: https://x/#database.vlans" in done.out

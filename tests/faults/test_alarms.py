"""Each alarm fires during its fault and ends after the cure, by what the real functions write in the meantime."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.faults.alarms import SHOWN, Shown
from tests.faults.conftest import NewWorld
from tests.faults.course import Course
from tests.faults.table import ENGINES
from tests.support.alarms import ALARM, OK, of_template, period, series, states
from tests.support.sns import new_topic
from tests.support.stack import load

BEFORE, DURING, AFTER = 3, 3, 4


@pytest.fixture
def queue(moto_url: str) -> Iterator[Any]:
    """The queue of failed snapshots."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    found: Any = session.resource("sqs", endpoint_url=moto_url).create_queue(QueueName="failures")
    yield found
    found.delete()


def test_every_alarm_is_shown_once() -> None:
    resources = load()["Resources"]
    alarms = [name for name, resource in resources.items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    assert Counter(each.alarm for each in SHOWN) == Counter(alarms)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.alarm)
def test_alarm_fires_and_ends(shown: Shown, new_world: NewWorld, queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = new_world(ENGINES[0])
    for name, value in shown.variables.items():
        monkeypatch.setenv(name, value)
    alarm = of_template(**shown.given)[shown.alarm]
    topic = world.stack.enter_context(new_topic())
    if shown.notices:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", topic.url)
        monkeypatch.setenv("NOTIFY_TOPIC_ARN", topic.arn)
    course = Course(world, queue, topic, monkeypatch, key=world.key, path=shown.path)
    world.stack.callback(course.close)
    began = time.time()

    def pass_periods(number: int) -> None:
        for _ in range(number):
            begun = time.time()
            shown.step(course)
            world.clock.shift(begun + period(alarm) - time.time())

    pass_periods(BEFORE)
    with shown.trouble(course):
        begun = time.time()
        pass_periods(DURING)
    ended = time.time()
    pass_periods(AFTER)
    found = states(alarm, series(alarm, course.points, began, time.time() - 1))
    before, during = (int(at // period(alarm) - began // period(alarm)) for at in (begun, ended))
    assert ALARM not in found[:before], found
    assert ALARM in found[before:during], found
    assert found[-1] == OK, found

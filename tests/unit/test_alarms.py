"""The template's alarms, against what the code counts in each row of the fault table and what docs/operate.md says."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import notices
from tests.faults.table import HELD, ROWS, Answer
from tests.support.alarms import ALARM, NO_DATA, OK, metrics, of_template, states
from tests.support.stack import ROOT, Decider, load, parameters

OPERATE = (ROOT / "docs/operate.md").read_text()
NAMESPACE = "OpenL2MStats"
TOPIC = "arn:aws:sns:us-east-1:111122223333:operators"
# What is counted and has no alarm of its own, and why.
NO_ALARM = {
    "CacheHit": "good",
    "CacheMiss": "good",
    "CacheSnapshot": "good",
    "ReadTime": "good",
    "SnapshotWritten": "good",
    "Failure": "each is a 5xx, which ApiErrorsAlarm watches",
    "Refused": "each is a 4xx, which ClientErrorsAlarm watches",
    "RegistryStale": "counted beside RegistryFailure",
    "SnapshotFailure": "each is an error of the snapshot function, which SnapshotsMissedAlarm watches",
}


ALARMS = of_template()
OWN = {metric: name for name, alarm in ALARMS.items() for namespace, metric in metrics(alarm) if namespace == NAMESPACE}


def counted() -> set[str]:
    """Return the names of the metrics that the code counts, all of which docs/operate.md has."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "functions/stats").rglob("*.py")]
    constants = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    texts = {value for value in constants if isinstance(value, str)}
    section = OPERATE[OPERATE.index("## CloudWatch metrics") :]
    documented = {
        name for row in re.findall(r"^\| (`[A-Z].*?) \|", section, re.MULTILINE) for name in row.split("`")[1::2]
    }
    like_ours = re.compile("(Cache|Database|Secret|Registry|Snapshot|History|Statistics|Notice)[A-Z][a-zA-Z]+")
    fields = {"SecretString", "SecretBinary"}  # of Secrets Manager's answers
    assert not {text for text in texts if like_ours.fullmatch(text)} - documented - fields
    assert documented <= texts
    return documented & texts


def test_every_metric_is_watched_or_needs_no_alarm() -> None:
    assert counted() - OWN.keys() == NO_ALARM.keys()
    assert OWN.keys() <= counted()


def answers() -> Iterator[Any]:
    for row in ROWS:
        for outcome in (row.outcome, row.default):
            for held in HELD:
                answer = outcome.of(held) if outcome else None
                if answer and (answer.metrics or answer.status == 503):
                    yield pytest.param(answer, id=f"{row.dependency} {row.fault}, {held}")


BEFORE, DURING, AFTER = 3, 4, 4


def course(value: float, *, otherwise: float | None = None) -> list[float | None]:
    """Return what is counted in each period: nothing, then a fault's, then nothing."""
    return [*[otherwise] * BEFORE, *[value] * DURING, *[otherwise] * AFTER]


def assert_fires_and_ends(alarm: dict[str, Any], series: dict[str, list[float | None]]) -> None:
    found = states(alarm, series)
    assert ALARM not in found[:BEFORE]
    assert found[BEFORE + DURING - 1] == ALARM
    assert found[-1] == OK


@pytest.mark.parametrize("answer", list(answers()))
def test_each_fault_fires_an_alarm_that_ends_with_it(answer: Answer) -> None:
    """By what the row counts, one call a period; tests/faults shows that the row counts it."""
    fired = {OWN[metric] for metric in answer.metrics if metric in OWN}
    for name in fired:
        series = {metric: course(1) for metric in answer.metrics}
        assert_fires_and_ends(ALARMS[name], series)
    if answer.status >= 500:
        assert_fires_and_ends(ALARMS["ApiErrorsAlarm"], {"5xx": course(1, otherwise=0)})
    else:
        assert fired or answer.metrics == {"Refused"}


@pytest.mark.parametrize("row", notices.ROWS, ids=lambda row: row.fault)
def test_a_topic_that_fails_fires_an_alarm_that_ends_with_it(row: notices.TopicRow) -> None:
    """Also a single time: what is lost is not sent later. tests/integration/test_notices.py counts them."""
    alarm = ALARMS[OWN[notices.METRIC]]
    assert_fires_and_ends(alarm, {notices.METRIC: course(1)})
    assert states(alarm, {notices.METRIC: [None, 1, None]}) == [OK, ALARM, OK], row


@pytest.mark.parametrize("name", OWN.values())
def test_alarm_on_what_is_counted_fires_and_ends(name: str) -> None:
    [(_, metric)] = metrics(ALARMS[name])
    assert_fires_and_ends(ALARMS[name], {metric: course(1)})
    assert metrics(ALARMS[name])[NAMESPACE, metric] == [{"Name": "service", "Value": "openl2m-stats"}]


@pytest.mark.parametrize("name", ["DatabaseFailuresAlarm", "DatabaseSecretFailuresAlarm", "SnapshotReadFailuresAlarm"])
def test_a_single_failure_is_no_alarm_where_another_source_takes_over(name: str) -> None:
    [(_, metric)] = metrics(ALARMS[name])
    assert ALARM not in states(ALARMS[name], {metric: [None, 1, None, None, None, 1, None]})


MINUTE_OF_FIVE = 5


@pytest.mark.parametrize(
    ("refused", "expected"),
    [(MINUTE_OF_FIVE, OK), (300, OK), (600, ALARM)],
    ids=["a poller with a revoked token", "one a second", "a flood of two a second"],
)
def test_flood_of_refused_calls_is_seen(refused: int, expected: str) -> None:
    assert states(ALARMS["ClientErrorsAlarm"], {"4xx": [0, refused]})[-1] == expected
    assert states(ALARMS["ClientErrorsAlarm"], {"4xx": [0, refused, 0]})[-1] == OK


@pytest.mark.parametrize("limit", [1, 100, 250])
def test_traffic_near_the_limit_is_seen(limit: int) -> None:
    """All callers share the limit: above it, everyone may get 429."""
    alarm = of_template(ThrottlingRate=limit)["RequestsNearLimitAlarm"]
    most = 300 * limit
    assert states(alarm, {"Count": [None, 0.79 * most, 0.81 * most, most, 0.5 * most, None]}) == [
        *(OK, OK, ALARM, ALARM, OK, OK)
    ]


NO_RUN, GOOD, FAILED = (None, None), (1, 0), (3, 3)


def missed(*runs: tuple[int | None, int | None], fills_nothing: bool) -> list[str]:
    series = {"Invocations": [run[0] for run in runs], "Errors": [run[1] for run in runs]}
    return states(ALARMS["SnapshotsMissedAlarm"], series, fills_nothing=fills_nothing)


@pytest.mark.parametrize("fills_nothing", [True, False])
def test_first_deployment_raises_no_alarm_on_missed_snapshots(fills_nothing: bool) -> None:
    found = missed(NO_RUN, NO_RUN, *[GOOD] * 6, fills_nothing=fills_nothing)
    assert ALARM not in found
    assert found[2:] == [OK] * 6


@pytest.mark.parametrize("fills_nothing", [True, False])
@pytest.mark.parametrize("trouble", [NO_RUN, FAILED], ids=["no run", "failing runs"])
def test_missed_snapshots_fire_after_three_periods(trouble: tuple[int | None, int | None], fills_nothing: bool) -> None:
    found = missed(*[GOOD] * 4, trouble, trouble, fills_nothing=fills_nothing)
    assert found == [OK] * 6
    found = missed(*[GOOD] * 4, *[trouble] * 3, fills_nothing=fills_nothing)
    assert found[-1] == ALARM
    # A run that comes late, or a data point, is none.
    assert ALARM not in missed(GOOD, GOOD, trouble, GOOD, GOOD, trouble, GOOD, GOOD, fills_nothing=fills_nothing)


@pytest.mark.parametrize("trouble", [NO_RUN, FAILED], ids=["no run", "failing runs"])
def test_missed_snapshots_stay_an_alarm_until_they_come_again(trouble: tuple[int | None, int | None]) -> None:
    found = missed(*[GOOD] * 4, *[trouble] * 20, *[GOOD] * 3, fills_nothing=True)
    assert set(found[6:24]) == {ALARM}
    assert found[-1] == OK


def test_snapshots_that_fail_from_the_first_run_on_fire() -> None:
    assert missed(NO_RUN, *[FAILED] * 4, fills_nothing=True)[-1] == ALARM
    assert missed(NO_RUN, NO_RUN, fills_nothing=True) == [NO_DATA] * 2


@pytest.mark.parametrize("minutes", load()["Parameters"]["SnapshotMinutes"]["AllowedValues"])
def test_alarm_on_missed_snapshots_follows_the_schedule(minutes: str) -> None:
    alarm = of_template(SnapshotMinutes=minutes)["SnapshotsMissedAlarm"]
    [period] = {entry["MetricStat"]["Period"] for entry in alarm["Metrics"] if "MetricStat" in entry}
    assert (period, alarm["DatapointsToAlarm"]) == (int(minutes) * 60, 3)
    # What CloudWatch takes: a day in all, or seven where a period is at least an hour.
    assert period <= 86400
    assert period * alarm["EvaluationPeriods"] <= (86400 if period < 3600 else 604800)
    template = load()
    decider = Decider(template, parameters(template, {"SnapshotMinutes": minutes}))
    assert decider.resolve(template["Outputs"]["SnapshotsMissedSeconds"]["Value"]) == period * 3


def test_functions_alarms_watch_the_alias() -> None:
    for name, function in (("FunctionErrorsAlarm", "StatsFunction"), ("FunctionThrottlesAlarm", "StatsFunction")):
        [dimensions] = metrics(ALARMS[name]).values()
        assert dimensions == [
            {"Name": "FunctionName", "Value": {"Ref": function}},
            {"Name": "Resource", "Value": f"${{{function}}}:live"},
        ]


@pytest.mark.parametrize(
    ("given", "topic"),
    [
        ({}, None),
        ({"AlarmTopicArn": TOPIC}, TOPIC),
        ({"NotifyEmail": "network@example.com"}, {"Ref": "NotifyTopic"}),
        ({"NotifyEmail": "network@example.com", "AlarmTopicArn": TOPIC}, TOPIC),
        ({"NotifyEmail": "network@example.com", "NotifyTopicArn": TOPIC}, {"Ref": "NotifyTopic"}),
        ({"NotifyTopicArn": TOPIC}, None),
    ],
)
def test_every_alarm_is_sent_when_it_begins_and_when_it_ends(given: dict[str, str], topic: Any) -> None:
    for alarm in of_template(**given).values():
        for actions in ("AlarmActions", "OKActions"):
            assert alarm.get(actions) == ([topic] if topic else None)


def test_operators_find_every_alarm_in_their_page() -> None:
    page = OPERATE[: OPERATE.index("### What fires and ends each alarm")]
    rows = re.findall(r"^\| `(\w+Alarm)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(ALARMS)
    assert all(len(meaning) > 20 and len(remedy) > 10 for _, meaning, remedy in rows)

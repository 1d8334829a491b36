"""`openl2m-stats status`: what a stack is doing now, on one page."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed import published
from openl2m_stats.deployed.condition import check_stack
from openl2m_stats.deployed.queue import Queue
from openl2m_stats.deployed.stack import ALIAS, Account, Description, StackError, named, reading
from openl2m_stats.findings import Finding, Findings, print_findings
from openl2m_stats.parameters import of_stack
from stats.aws.bucket import Bucket, StorageError
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.base.settings import OPTIONS
from stats.base.zones import time_zone
from stats.snapshots.store import Snapshots

_SECONDS = 10
_NAMES_A_TIME = 100  # CloudWatch's limit
# The same in every deployment, or shown elsewhere.
_NOT_SHOWN = {"DATABASE_CA_FILE", "DATABASE_TLS", "SNAPSHOT_BUCKET", "STACK_LABEL", "TOKENS_SECRET_ID"}


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all settings, alarms and numbers.")
@of_stack
def command(stack: str | None, as_json: bool) -> int:
    """Show a deployed stack's state.

    It shows the versions that answer, the settings in effect, the newest snapshot with its numbers, failed runs and
    alarms. It changes nothing. The exit code is 1 if a line says FAIL: a deployment failed, snapshots have stopped, an
    alarm is on, or a part cannot be read.
    """
    with reading(named(stack)):
        account = Account.of()
        described = account.describe(named(stack))
    shown: dict[str, Any] = {"stack": described.name, "region": described.region, "status": described.status}
    shown["url"] = described.outputs.get("Url")
    title = f"the stack {described.name} in {described.region}, {shown['url'] or 'which has no address yet'}"
    return print_findings(title, _look(account, described, shown), shown if as_json else None)


def _look(account: Account, stack: Description, shown: dict[str, Any]) -> Findings:
    yield "stack", check_stack(stack)
    for name, look in _PARTS.items():
        try:
            yield name, look(account, stack, shown)
        except AWS_ERRORS as error:
            yield name, Finding("FAIL", f"it cannot be read: {explain(error)}")
        except (StackError, StorageError) as error:
            yield name, Finding("FAIL", str(error).rstrip("."))


def _versions(account: Account, stack: Description, shown: dict[str, Any]) -> Finding:
    api, snapshots = published.functions(account, stack)
    shown["versions"] = {
        which: {"function": each.name, "live": each.live, "deployed": each.deployed}
        for which, each in (("api", api), ("snapshots", snapshots))
    }
    seen = f"API {api.live}, snapshots {snapshots.live}"
    if (api.live, snapshots.live) == (api.deployed, snapshots.deployed) and not (api.shifted or snapshots.shifted):
        return Finding("ok", f"{seen}, as deployed")
    seen = f"{seen}; deployed were {api.deployed} and {snapshots.deployed}"
    if api.shifted or snapshots.shifted:
        return Finding("warn", f"{seen}; other versions get a part of the calls")
    return Finding("warn", seen, "The functions were rolled back: the next deployment moves them forward again.")


def _settings(account: Account, stack: Description, shown: dict[str, Any]) -> Finding:
    name = stack.output("StatsFunctionName")
    found = account.awslambda.get_function_configuration(FunctionName=name, Qualifier=ALIAS).get("Environment", {})
    if "Error" in found:
        raise StackError(f"it cannot be read without kms:Decrypt on KmsKeyArn ({found['Error'].get('ErrorCode')})")
    variables: Mapping[str, str] = found.get("Variables", {})
    shown["settings"] = {name: variables.get(name) or option.default for name, option in OPTIONS.items()}
    own = [
        f"{name}={value}"
        for name, value in shown["settings"].items()
        if name not in _NOT_SHOWN and value != OPTIONS[name].default
    ]
    return Finding("ok", ", ".join(own))


def _snapshot(_account: Account, stack: Description, shown: dict[str, Any]) -> Finding:
    bucket = Bucket(stack.output("SnapshotBucketName"), stack.parameters["SnapshotPrefix"], attempts=2)
    zone = time_zone(stack.parameters["TimeZone"])
    newest = Snapshots(bucket, zone).latest(Deadline.after(_SECONDS))
    if newest is None:
        return Finding("warn", "there is none yet", "`openl2m-stats snapshot` takes one, or says why it cannot.")
    age = int((datetime.now(UTC) - newest.taken_at).total_seconds())
    most = int(stack.outputs.get("SnapshotsMissedSeconds", 900))
    taken_at = timestamp(newest.taken_at.replace(microsecond=0))
    shown["snapshot"] = {"taken_at": taken_at, "age_seconds": age, "time_zone": newest.zone.key}
    shown["numbers"] = newest.document
    seen = f"the newest is of {taken_at}, {age:,} s ago"
    if age > most:
        advice = "`openl2m-stats snapshot` takes one, or says why it cannot."
        return Finding("FAIL", f"{seen}, more than the {most:,} s that are allowed", advice)
    return Finding("ok", seen)


def _numbers(_account: Account, _stack: Description, shown: dict[str, Any]) -> Finding:
    if "numbers" not in shown:
        return Finding("skip", "there is no snapshot to read them from")
    inventory = shown["numbers"].get("database", {})
    return Finding("ok", ", ".join(f"{each['label']} {each['value']:,}" for each in inventory.values()))


def _failures(account: Account, stack: Description, shown: dict[str, Any]) -> Finding:
    waiting, hidden = Queue(account.client("sqs"), stack.output("SnapshotFailuresUrl")).waiting()
    shown["failures"] = {"waiting": waiting, "being_replayed": hidden}
    if waiting or hidden:
        seen = f"{waiting + hidden:,} snapshot run{'s' if waiting + hidden > 1 else ''} failed at every attempt"
        return Finding("warn", seen, "`openl2m-stats failures list` shows them.")
    return Finding("ok", "none")


def _alarms(account: Account, stack: Description, shown: dict[str, Any]) -> Finding:
    names = account.resources(stack.name, "AWS::CloudWatch::Alarm")
    client = account.client("cloudwatch")
    alarms = [
        alarm
        for start in range(0, len(names), _NAMES_A_TIME)
        for alarm in client.describe_alarms(AlarmNames=names[start : start + _NAMES_A_TIME])["MetricAlarms"]
    ]
    shown["alarms"] = [
        {
            "name": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "since": timestamp(alarm["StateUpdatedTimestamp"].replace(microsecond=0)),
            "means": alarm.get("AlarmDescription", ""),
        }
        for alarm in sorted(alarms, key=lambda alarm: alarm["AlarmName"])
    ]
    on = [f"{each['name']} since {each['since']}" for each in shown["alarms"] if each["state"] == "ALARM"]
    if on:
        advice = "docs/operate.md says what each means, and what to do."
        return Finding("FAIL", f"{len(on)} of {len(alarms)}: {', '.join(on)}", advice)
    return Finding("ok", f"none of {len(alarms)}")


_PARTS: Mapping[str, Callable[[Account, Description, dict[str, Any]], Finding]] = {
    "versions": _versions,
    "settings": _settings,
    "snapshot": _snapshot,
    "numbers": _numbers,
    "failed runs": _failures,
    "alarms": _alarms,
}

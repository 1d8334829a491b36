"""`openl2m-stats notices --dry-run`: shows the notices that the snapshot function would send now."""

import json

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.function import variables_of
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import WrongUsage, of_stack, time_zone_option
from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.base.settings import Settings, SettingsError, load
from stats.notices import said
from stats.notices.due import all_due
from stats.notices.facts import Facts
from stats.notices.sending import writer_of
from stats.snapshots.store import Snapshot, open_snapshots

_SECONDS = 30
_NO_TOPIC = "Notices are off: neither NotifyTopicArn nor NotifyEmail is set."


@click.command(name="notices")
@click.option("--dry-run", is_flag=True, help="Send nothing. Required: the command cannot send.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the earlier notices.")
@time_zone_option
@of_stack
def command(stack: str | None, time_zone: str | None, dry_run: bool, as_json: bool) -> None:
    """Show the notices that would be sent now.

    It evaluates the newest snapshot, sends nothing and does not read the database. The snapshot function sends the
    notices, after each snapshot.
    """
    if not dry_run:
        text = "only the snapshot function sends notices: use --dry-run to see what it would send now"
        raise WrongUsage(text, click.get_current_context())
    try:
        settings = load(variables_of(stack, time_zone, "SNAPSHOT_BUCKET", function="SnapshotFunction"))
        newest, state, notices = _read(settings)
    except (SettingsError, StorageError) as error:
        raise Failed(str(error)) from None
    except AWS_ERRORS as error:
        raise Failed(f"The snapshots cannot be read. {explain(error)}") from None
    as_of = timestamp(newest.taken_at.replace(microsecond=0))
    if as_json:
        found = [{"notice": each.kind, "subject": each.subject, "text": each.text} for each in notices]
        print(json.dumps({"as_of": as_of, "topic": settings.notify_topic_arn, "notices": found, "said": state.claims}))
        return
    print(
        f"By the newest snapshot, of {as_of}, {len(notices) or 'no'} notice{'s' * (len(notices) != 1)} would be sent."
    )
    if not settings.notify_topic_arn:
        print(_NO_TOPIC)
    for each in notices:
        print(f"\nSubject: {each.subject}\n\n{each.text}", end="")


def _read(settings: Settings) -> tuple[Snapshot, said.State, list[said.Notice]]:
    """Return the newest snapshot, the record of notices, and the notices that are due."""
    deadline, snapshots = Deadline.after(_SECONDS), open_snapshots(settings, attempts=3)
    newest = snapshots.latest(deadline) if snapshots else None
    if snapshots is None or newest is None:
        raise StorageError("There is no snapshot yet.")
    state, _ = said.read(snapshots.bucket, deadline)
    return newest, state, all_due(state, Facts(snapshots, newest, deadline), writer_of(settings))

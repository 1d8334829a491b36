"""`openl2m-stats history list`, `rebuild` and `restore`, and the group of these and `reencrypt`."""

import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.function import variables_of
from openl2m_stats.errors import Failed
from openl2m_stats.history.archive import Archive, Rows
from openl2m_stats.history.reencrypting import reencrypt
from openl2m_stats.parameters import Parsed, of_stack, time_zone_option
from stats.aws.bucket import StorageError
from stats.base.instants import timestamp
from stats.base.settings import Settings, SettingsError, load
from stats.snapshots import months


def _month(text: str) -> str:
    try:
        return f"{datetime.strptime(text, '%Y-%m'):%Y-%m}"  # noqa: DTZ007 a month has no offset
    except ValueError:
        raise ValueError("it takes a month, such as 2026-11") from None


_MONTH = Parsed("MONTH", _month)


@click.group(name="history", no_args_is_help=False, commands=[reencrypt])
def command() -> None:
    """Show the history in S3, and repair it."""


@contextlib.contextmanager
def _archive(stack: str | None, time_zone: str | None) -> Iterator[tuple[Settings, Archive]]:
    """Run the block with the bucket of a stack or of this environment; raise its errors as Failed."""
    try:
        settings = load(variables_of(stack, time_zone, "SNAPSHOT_BUCKET"))
        yield settings, Archive(settings)
    except (SettingsError, StorageError) as error:
        raise Failed(str(error)) from None
    except AWS_ERRORS as error:
        raise Failed(f"The history cannot be read. {explain(error)}") from None


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@time_zone_option
@of_stack
def list_(stack: str | None, time_zone: str | None, as_json: bool) -> int:
    """List the months with their snapshots and gaps.

    It counts the days with a snapshot, backfilled days and gaps. The exit code is 1 if a month is damaged.
    """
    with _archive(stack, time_zone) as (settings, archive):
        found = {month: archive.month(month).rows for month in archive.months()}
        yesterday = datetime.now(settings.time_zone).date() - timedelta(days=1)
    first = min((day for rows in found.values() for day in rows or ()), default="")
    listed = [_counted(month, rows, first, yesterday) for month, rows in found.items()]
    if as_json:
        print(json.dumps(listed))
    elif not listed:
        print("There is no history yet.")
    else:
        print("month    snapshots  backfilled  gaps")
        for each in listed:
            if each["damaged"]:
                print(f"{each['month']}  damaged: openl2m-stats history rebuild {each['month']}")
            else:
                print(f"{each['month']}  {each['snapshots']:>9}  {each['backfilled']:>10}  {each['gaps']:>4}")
    return int(any(each["damaged"] for each in listed))


def _counted(month: str, rows: Rows | None, first: str, yesterday: date) -> dict[str, Any]:
    """Return the number of a month's days by kind; a gap is a day between the history's first and yesterday."""
    if rows is None:
        return {"month": month, "damaged": True, "snapshots": None, "backfilled": None, "gaps": None}
    backfilled = sum(map(months.is_backfilled, rows.values()))
    begin = date.fromisoformat(f"{month}-01")
    days = (f"{begin + timedelta(days=number)}" for number in range(31))
    gaps = sum(day[:7] == month and first < day <= f"{yesterday}" and day not in rows for day in days)
    return {
        "month": month,
        "damaged": False,
        "snapshots": len(rows) - backfilled,
        "backfilled": backfilled,
        "gaps": gaps,
    }


@command.command()
@click.argument("month", type=_MONTH, required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@time_zone_option
@of_stack
def rebuild(stack: str | None, time_zone: str | None, month: str | None, yes: bool) -> int:
    """Rebuild MONTH, or all months, from the single snapshots.

    Each day gets its last snapshot. Days without single snapshots stay as they are. A damaged month starts from its
    last good version. The exit code is 1 if a damaged month could not be repaired.
    """
    with _archive(stack, time_zone) as (settings, archive):
        keys = archive.keys(month)
        what = f"{month or 'all months'} of s3://{settings.snapshot_bucket}/{settings.snapshot_prefix}history/"
        print(f"Rebuilding {what} from {len(keys):,} snapshots", file=sys.stderr, flush=True)
        if month is None and not yes and sys.stdin.isatty():
            click.confirm("Continue?", abort=True, err=True)
        rows = _rows_by_month(archive, keys)
        named = [month] if month else sorted({*rows, *archive.months()})
        return max((_rebuild(archive, each, rows.get(each, {})) for each in named), default=0)


def _rows_by_month(archive: Archive, keys: list[str]) -> dict[str, Rows]:
    """Return for each month a row for each day, from the day's last snapshot."""
    rows: dict[str, Rows] = {}
    skipped = 0
    stderr = sys.stderr if sys.stderr.isatty() else io.StringIO()
    with click.progressbar(archive.snapshots(keys), len(keys), "Snapshots", file=stderr) as snapshots:
        for snapshot in snapshots:
            if snapshot is None:
                skipped += 1
                continue
            month = rows.setdefault(snapshot.day[:7], {})
            if months.replaces(snapshot.row, month.get(snapshot.day), snapshot.day):
                month[snapshot.day] = snapshot.row
    if skipped:
        print(f"{skipped:,} objects were left out: they are not snapshots, or have expired", file=sys.stderr)
    return rows


def _rebuild(archive: Archive, month: str, new: Rows) -> int:
    now = archive.month(month)
    begun = ""
    if now.rows is None:
        version = archive.last_good(month)
        if not version and not new:
            print(f"{month}: damaged, without a good version and without single snapshots")
            return 1
        archive.replace(month, version[1] if version else new, now)
        begun = f"was damaged, starts from {f'the version of {_time(version[0])}' if version else 'nothing'}, "
        now = archive.month(month)
    archive.put(month, new)
    rows = archive.month(month).rows or {}
    changed = Counter(row != (now.rows or {}).get(day) for day, row in rows.items())
    print(f"{month}: {begun}{changed[True]} rows changed, {changed[False]} unchanged")
    return 0


@command.command()
@click.argument("month", type=_MONTH)
@time_zone_option
@of_stack
def restore(stack: str | None, time_zone: str | None, month: str) -> None:
    """Restore a damaged or deleted MONTH.

    It writes the last good version. The bucket keeps old versions for 90 days.
    """
    with _archive(stack, time_zone) as (_, archive):
        now = archive.month(month)
        if now.stored and now.rows is not None:
            print(f"{month} is not damaged: nothing to restore.")
            return
        version = archive.last_good(month)
        if version is None:
            raise Failed(f"{month} has no good version: `openl2m-stats history rebuild {month}` restores what it can.")
        if not archive.replace(month, version[1], now):
            raise Failed(f"{month} was written by somebody else at the same time: look at `history list`.")
    read_since = f"`openl2m-stats history rebuild {month}` adds the days that were read since."
    print(f"{month}: restored the version of {_time(version[0])}, {len(version[1])} days. {read_since}")


def _time(instant: datetime) -> str:
    return timestamp(instant.replace(microsecond=0))

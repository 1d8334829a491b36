"""`openl2m-stats backfill`: rows of the history for days without a snapshot, from OpenL2M's log."""

import contextlib
import io
import json
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import groupby

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.backfill.log import Log, backfilled_row, last_second
from openl2m_stats.database_url import DatabaseURL, parse_database_url
from openl2m_stats.deployed.function import variables_of
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import Parsed, is_given, of_stack, time_zone_option
from openl2m_stats.session import log_span, open_session
from stats.aws.bucket import Bucket, StorageError
from stats.aws.secrets import SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.base.settings import Settings, SettingsError, load
from stats.base.telemetry import logger
from stats.database.driver import DatabaseError
from stats.snapshots import months

_MOST_DAYS = 3660
_ATTEMPTS = 3  # of each call to S3
_SECONDS = 30  # to read a secret or a month, or to write one with all tries
# The results for a day.
_WRITTEN, _TO_WRITE, _UNCHANGED = "written", "to be written", "unchanged"
_WITH_SNAPSHOT, _BEFORE_LOG = "with a snapshot", "before the log begins"


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_DAYS):
        raise ValueError(f"it takes a number from 1 to {_MOST_DAYS}")
    return int(text)


@click.command(name="backfill")
@click.option("--days", type=Parsed("N", _days), default=180, show_default=True, help="How many days, up to yesterday.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    metavar="URL",
    help="OpenL2M's database. [default: the database secret; without --env and --stack, first DATABASE_URL]",
)
@time_zone_option
@of_stack
def command(stack: str | None, days: int, dry_run: bool, database_url: str | None, time_zone: str | None) -> None:
    """Add past days to the history, from OpenL2M's log.

    Days with a snapshot do not change. The log has usage only, no inventory. Each day gets the numbers as of 23:59:59
    in OpenL2M's time zone, as far back as the log reaches. Run it as often as you like, from where the database can be
    reached.
    """
    logger.setLevel("CRITICAL")  # this command reports problems itself
    if stack and database_url and not is_given("database_url"):
        print("DATABASE_URL is not used: the stack names the database, or --database-url does.", file=sys.stderr)
        database_url = None
    try:
        named = parse_database_url(database_url) if database_url else None
        needed = ["SNAPSHOT_BUCKET"] if named else ["SNAPSHOT_BUCKET", "DATABASE_SECRET_ID"]
        settings = load({**variables_of(stack, time_zone, *needed), **(named.variables if named else {})})
        bucket = Bucket(str(settings.snapshot_bucket), settings.snapshot_prefix, _ATTEMPTS)
        session = open_session(_login(settings, named), settings)
        server = session.server
        where = server.database if server.engine == "sqlite" else f"{server.database} at {server.host}"
        to = f"s3://{settings.snapshot_bucket}/{settings.snapshot_prefix}history/"
        zone = settings.time_zone
        print(f"From the {server.engine} database {where} to {to}, by days of {zone.key}", file=sys.stderr, flush=True)
        with contextlib.closing(session):
            oldest = log_span(session.read, session.dialect).oldest
            done = _backfill(Log(session.read, zone), oldest, bucket, days, dry_run)
    except (DatabaseError, SettingsError, StorageError) as error:
        raise Failed(str(error)) from None
    print(f"{days} {'day' if days == 1 else 'days'}: {_listed(done)}.{' Nothing was written.' if dry_run else ''}")


def _login(settings: Settings, named: DatabaseURL | None) -> str | bytes:
    if named:
        return json.dumps(named.secret)
    try:
        return SecretStore().get(settings.database_secret_id, Deadline.after(_SECONDS))
    except SecretUnavailableError as error:
        problem = str(error)
    except AWS_ERRORS as error:  # no client: no region, no such profile, an endpoint that is not a URL
        problem = explain(error)
    raise Failed(f"{settings.database_secret_id} cannot be read: {problem}")


def _backfill(log: Log, oldest: datetime | None, bucket: Bucket, count: int, dry_run: bool) -> Counter[str]:
    """Write the rows month by month; return the number of days by result. `oldest` is the log's first time."""
    today = datetime.now(log.zone).date()
    days = [today - timedelta(days=ago) for ago in range(count, 0, -1)]
    days_by_key = {key: list(group) for key, group in groupby(days, lambda day: months.key_of(f"{day}"))}
    # Read all months first, to report a damaged one before writing anything.
    rows = {key: _month(bucket, key) for key in days_by_key}
    done: Counter[str] = Counter()
    terminal = sys.stderr.isatty()
    with click.progressbar(length=count, label="Days", file=sys.stderr if terminal else io.StringIO()) as progress:
        for key, days_of_month in days_by_key.items():
            new, became = {}, Counter[str]()
            for day in days_of_month:
                what, row = _row_of(day, rows[key].get(f"{day}"), log, oldest)
                became[what] += 1
                if what == _TO_WRITE:
                    new[f"{day}"] = row
                progress.update(1)
            if new and not dry_run:
                months.put(bucket, key, new, Deadline.after(_SECONDS))
                became[_WRITTEN] = became.pop(_TO_WRITE)
            if not terminal:
                print(f"{days_of_month[0]:%Y-%m}: {_listed(became)}", file=sys.stderr, flush=True)
            done += became
    return done


def _month(bucket: Bucket, key: str) -> dict[str, months.Row]:
    stored = bucket.get(key, Deadline.after(_SECONDS))
    try:
        return months.parse(stored) if stored else {}
    except StorageError as error:
        month = key.removeprefix("history/").removesuffix(".json")
        advice = f"`openl2m-stats history rebuild {month}` repairs it"
        raise Failed(f"{error}, and nothing was written: {advice}.") from None


def _row_of(day: date, present: months.Row | None, log: Log, oldest: datetime | None) -> tuple[str, months.Row]:
    """Return the result for a day, and its row; `present` is its row in the history."""
    if present and not months.is_backfilled(present):
        return _WITH_SNAPSHOT, present
    now = last_second(day, log.zone)
    if oldest is None or oldest > now:
        return (_UNCHANGED, present) if present else (_BEFORE_LOG, {})
    values, known = log.usage(now, oldest), present["values"] if present else {}
    if present and present["taken_at"] == timestamp(now):
        # Keep the numbers of an earlier run that the log no longer covers.
        values = {key: known.get(key) if value is None else value for key, value in values.items()}
    if present and any(value is not None and values.get(key) is None for key, value in known.items()):
        return _UNCHANGED, present  # of another instant, such as the end of the day in UTC, it has more
    if all(value is None for value in values.values()):
        return _BEFORE_LOG, {}
    row = backfilled_row(day, log.zone, values)
    return (_UNCHANGED if row == present else _TO_WRITE), row


def _listed(done: Counter[str]) -> str:
    return ", ".join(
        f"{done[what]} {what}" for what in (_WRITTEN, _TO_WRITE, _UNCHANGED, _WITH_SNAPSHOT, _BEFORE_LOG) if done[what]
    )

"""`openl2m-stats backfill`: rows of the history for days without a snapshot, as OpenL2M's log tells them."""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import click

from openl2m_stats.backfill.log import Log, backfilled_row, last_second
from openl2m_stats.database_url import DatabaseURL, parse_database_url
from openl2m_stats.deployed.stack import AWS_ERRORS, explain
from openl2m_stats.doctor import setups
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import Parsed, WrongUsage, of_stack
from openl2m_stats.session import open_session
from stats.aws.bucket import Bucket, StorageError
from stats.aws.secrets import SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.base.settings import Settings, SettingsError, load
from stats.base.telemetry import logger
from stats.database.driver import DatabaseError
from stats.snapshots import months

_MOST_DAYS = 3660
_ATTEMPTS = 3  # of each call to S3
_SECONDS = 30  # for a secret, for reading a month, and for writing one with all tries
# What becomes of a day.
_WRITTEN, _TO_WRITE, _UNCHANGED = "written", "to be written", "unchanged"
_TAKEN, _UNTOLD = "with a snapshot", "before the log begins"


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
    help="OpenL2M's database. [default: DATABASE_URL, or the database secret]",
)
@of_stack
def command(stack: str | None, days: int, dry_run: bool, database_url: str | None) -> None:
    """Add past days to the history, from OpenL2M's log.

    Days with a snapshot do not change. The log has usage only, no inventory. Each day gets the numbers as of 23:59:59
    UTC, as far back as the log reaches. Run it as often as you like, from where the database can be reached.
    """
    logger.setLevel("CRITICAL")  # what the function would log is told in words here
    try:
        named = parse_database_url(database_url) if database_url else None
        settings = load(_variables(stack, named))
        bucket = Bucket(str(settings.snapshot_bucket), settings.snapshot_prefix, _ATTEMPTS)
        session = open_session(_login(settings, named), settings)
        server = session.server
        where = server.database if server.engine == "sqlite" else f"{server.database} at {server.host}"
        to = f"s3://{settings.snapshot_bucket}/{settings.snapshot_prefix}history/"
        print(f"From the {server.engine} database {where} to {to}", file=sys.stderr, flush=True)
        with contextlib.closing(session):
            done = _backfill(Log(session.read, settings.time_zone), bucket, days, dry_run)
    except (DatabaseError, SettingsError, StorageError) as error:
        raise Failed(str(error)) from None
    print(f"{days} {'day' if days == 1 else 'days'}: {_listed(done)}.{' Nothing was written.' if dry_run else ''}")


def _variables(stack: str | None, named: DatabaseURL | None) -> Mapping[str, str]:
    """Return the function's variables, as the stack or this environment has them."""
    variables = setups.of_stack(stack).variables if stack else setups.with_ca_file(os.environ)
    if not variables.get("SNAPSHOT_BUCKET") or not (named or variables.get("DATABASE_SECRET_ID")):
        raise WrongUsage(
            "name the stack (--env or --stack), or set SNAPSHOT_BUCKET and DATABASE_SECRET_ID",
            click.get_current_context(),
        )
    # The settings take two secrets.
    return {
        "DATABASE_SECRET_ID": "unused",
        "TOKENS_SECRET_ID": "unused",
        **variables,
        **(named.variables if named else {}),
    }


def _login(settings: Settings, named: DatabaseURL | None) -> str | bytes:
    if named:
        return json.dumps(named.secret)
    try:
        return SecretStore().get(settings.database_secret_id, Deadline.after(_SECONDS))
    except SecretUnavailableError as error:
        problem = str(error)
    except AWS_ERRORS as error:  # no client can be made: no region, no such profile, an endpoint that is no URL
        problem = explain(error)
    raise Failed(f"{settings.database_secret_id} cannot be read: {problem}")


def _backfill(log: Log, bucket: Bucket, count: int, dry_run: bool) -> Counter[str]:
    """Write what the log tells, a month at a time; return how many days became what."""
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=ago) for ago in range(count, 0, -1)]
    days_by_key = {key: list(group) for key, group in groupby(days, lambda day: months.key_of(f"{day}"))}
    # All are read first: of a damaged one, the operator hears before anything is written.
    held = {key: _month(bucket, key) for key in days_by_key}
    oldest = log.oldest()
    done: Counter[str] = Counter()
    terminal = sys.stderr.isatty()
    with click.progressbar(length=count, label="Days", file=sys.stderr if terminal else io.StringIO()) as progress:
        for key, days_of_month in days_by_key.items():
            new, became = {}, Counter[str]()
            for day in days_of_month:
                what, row = _tell(day, held[key].get(f"{day}"), log, oldest)
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
        raise Failed(f"{error}, and nothing was written: restore its last good version first.") from None


def _tell(day: date, held: months.Row | None, log: Log, oldest: datetime | None) -> tuple[str, months.Row]:
    """Return what becomes of a day whose row is `held`, and its row."""
    if held and not months.is_backfilled(held):
        return _TAKEN, held
    now = last_second(day)
    told = log.usage(now, oldest) if oldest and oldest <= now else {}
    # What an earlier run was told stays where the log no longer reaches back.
    earlier = held["values"] if held else {}
    values = {key: earlier.get(key) if value is None else value for key, value in told.items()} or earlier
    if all(value is None for value in values.values()):
        return _UNTOLD, {}
    row = backfilled_row(day, values)
    return (_UNCHANGED if row == held else _TO_WRITE), row


def _listed(done: Counter[str]) -> str:
    return ", ".join(
        f"{done[what]} {what}" for what in (_WRITTEN, _TO_WRITE, _UNCHANGED, _TAKEN, _UNTOLD) if done[what]
    )

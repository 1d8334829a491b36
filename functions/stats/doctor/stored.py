"""The token secret and the bucket: what the function's role may read and, without writing anything, write."""

from stats.aws.bucket import StorageError, Stored
from stats.aws.secrets import NoValueError
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.doctor.findings import Check, Finding, Known
from stats.snapshots import months
from stats.snapshots.store import Snapshots, hour_prefix
from stats.tokens.registry import parse_document, parse_entries

_NOTHING = Stored("", b"", '"nothing"')
_PROBE = "doctor"  # no object is ever stored at this key
_NO_BUCKET = Finding("ok", "SNAPSHOT_BUCKET is not set: the API does without")


def _read_tokens(known: Known, deadline: Deadline) -> Finding:
    try:
        text = known.store.get(known.app.settings.tokens_secret_id, deadline)
        tokens, malformed = parse_entries(parse_document(text)["tokens"])
    except NoValueError:
        return Finding("warn", "it has no value: every caller gets 401", "no token")
    except ValueError as error:
        return Finding("FAIL", f"it is not a token list: {error}", "malformed")
    if malformed:
        return Finding("warn", f"{len(tokens)} tokens, {len(malformed)} malformed entries", "malformed")
    if not tokens:
        return Finding("warn", "it has no tokens: every caller gets 401", "no token")
    return Finding("ok", f"{len(tokens)} token{'s' if len(tokens) > 1 else ''}")


def _read_newest(known: Known, deadline: Deadline) -> Finding:
    if known.app.snapshots is None:
        return _NO_BUCKET
    newest = known.app.snapshots.latest(deadline)
    if newest is None:
        return Finding("warn", "there is none yet", "none")
    age = (deadline.now - newest.taken_at).total_seconds()
    return Finding("ok", f"the newest is of {timestamp(newest.taken_at.replace(microsecond=0))}, {age:,.0f} s ago")


def _read_history(known: Known, deadline: Deadline) -> Finding:
    if known.app.snapshots is None:
        return _NO_BUCKET
    month = f"{deadline.now.astimezone(known.app.settings.time_zone):%Y-%m}"
    stored = known.app.snapshots.bucket.get(months.key_of(month), deadline.share(1 / 3))
    days = len(months.parse(stored)) if stored else 0
    listed, single = _read_single(known.app.snapshots, deadline)
    return Finding("ok", f"{days} days of {month}; single snapshots: {listed} in this hour{single}")


def _read_single(snapshots: Snapshots, deadline: Deadline) -> tuple[int, str]:
    """Return how many single snapshots this hour has, and that one of them can be read."""
    [keys] = snapshots.bucket.list_each([hour_prefix(deadline.now)], deadline.share(1 / 2))
    if isinstance(keys, StorageError):
        raise keys
    if keys:
        snapshots.bucket.get(keys[-1], deadline)
    return len(keys), ", the last of which can be read" if keys else ""


def _may_write(known: Known, deadline: Deadline) -> Finding:
    """Attempt a conditional write whose condition is always false, which S3 refuses only after checking the rights."""
    if known.app.snapshots is None:
        return _NO_BUCKET
    if known.app.snapshots.bucket.put(_PROBE, b"", _NOTHING, deadline):
        return Finding("FAIL", f"the store has written {_PROBE} in spite of its condition", "unconditional")
    return Finding("ok", "the role may write; nothing was written")


TOKENS = Check("token secret", _read_tokens)
READING = (Check("snapshot", _read_newest), Check("history", _read_history, "snapshot"))
WRITING = Check("writing", _may_write)

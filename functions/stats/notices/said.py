"""The record of notices, notices.json: a run claims a notice by a conditional write before it publishes it.

    {"id": "…", "as_of": INSTANT, "entries": {"drop switches": {…}, "silence": {…}, "summary": {…}},
     "said": [{"id": "…", "at": INSTANT, "subject": "…"}, …]}

`entries` has the drops and the silence that have begun and not ended, and the last week that was summarized. `said` has
the last claims, so that a run whose write got no response can find out whether its claim was stored. `id` makes every
content unique: S3 refuses a late write, which has the ETag of an earlier content, even if all claims were undone since.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from stats.aws.bucket import Bucket, StorageError, Stored, tries
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant, timestamp
from stats.snapshots import months

KEY = "notices.json"
_MOST_CLAIMS = 50
# Longer than any run. If the last numbers are further ahead, the clock was set back.
_LONGEST_RUN = timedelta(minutes=5)


@dataclass(frozen=True)
class Notice:
    """A message, its kind, and the entries that a claim changes: the new content of each, None to remove it."""

    kind: str
    subject: str
    text: str
    changes: Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class State:
    """The entries, the last claims, and when the newest numbers of a claim were read; None without a claim."""

    entries: Mapping[str, Mapping[str, Any]]
    claims: tuple[Mapping[str, str], ...] = ()
    as_of: datetime | None = None

    def has(self, claim: str) -> bool:
        """Return whether a claim with this id is among the last ones."""
        return any(each["id"] == claim for each in self.claims)

    @property
    def line(self) -> bytes:
        """The state as JSON, with a new id."""
        as_of = timestamp(self.as_of) if self.as_of else None
        content = {"id": secrets.token_hex(8), "as_of": as_of, "entries": self.entries, "said": self.claims}
        return months.line(content)


@dataclass(frozen=True)
class Claim:
    """A notice that only this run publishes, and the entries that it changed, as they were before."""

    id: str
    notice: Notice
    before: Mapping[str, Mapping[str, Any] | None]


def read(bucket: Bucket, deadline: Deadline) -> tuple[State, Stored | None]:
    """Return the state and its object, which is None at first. Raise StorageError, also if it is malformed."""
    stored = bucket.get(KEY, deadline)
    return (_parse(stored) if stored else State({})), stored


def claim(bucket: Bucket, due: Callable[[State], Notice | None], as_of: datetime, deadline: Deadline) -> Claim | None:
    """Claim the notice that is due by the numbers read at `as_of`, and return the claim; None if nothing is due.

    Raise StorageError. Its text names the notice if the outcome of the claim is unknown.
    """
    unknown: list[Claim] = []  # the writes so far, of which one may have been carried out
    try:
        for _ in tries(KEY, deadline):
            try:
                state, stored = read(bucket, deadline)
                won = next((each for each in unknown if state.has(each.id)), None)
                notice = None if won or _is_overtaken(as_of, state) else due(state)
                if notice is None:
                    return won
                new = _claim(notice, state)
                unknown.append(new)
                if bucket.put(KEY, _with(state, new, as_of).line, stored, deadline):
                    return new
            except StorageError:
                if not unknown or deadline.passed:
                    raise
    except StorageError as error:
        if unknown:
            raise StorageError(f"{error}, so this may not be sent: {unknown[-1].notice.subject}") from None
        raise
    return None


def take_back(bucket: Bucket, claim: Claim, deadline: Deadline) -> None:
    """Undo a claim, so that the next run can send the notice. Raise StorageError: then no run sends it."""
    for _ in tries(KEY, deadline):
        try:
            state, stored = read(bucket, deadline)
            if not state.has(claim.id) or bucket.put(KEY, _without(state, claim).line, stored, deadline):
                return
        except StorageError:
            if deadline.passed:
                raise


def _is_overtaken(as_of: datetime, state: State) -> bool:
    """Return whether another run has claimed a notice by newer numbers, which were read during this run."""
    return state.as_of is not None and as_of < state.as_of <= as_of + _LONGEST_RUN


def _claim(notice: Notice, state: State) -> Claim:
    return Claim(secrets.token_hex(8), notice, {name: state.entries.get(name) for name in notice.changes})


def _with(state: State, claim: Claim, as_of: datetime) -> State:
    record = {"id": claim.id, "at": timestamp(as_of), "subject": claim.notice.subject}
    claims = (*state.claims, record)[-_MOST_CLAIMS:]
    return State(_changed(state.entries, claim.notice.changes), claims, as_of)


def _without(state: State, claim: Claim) -> State:
    # What other runs have claimed since stays.
    ours = {
        name: claim.before[name] for name, after in claim.notice.changes.items() if state.entries.get(name) == after
    }
    claims = tuple(each for each in state.claims if each["id"] != claim.id)
    return replace(state, entries=_changed(state.entries, ours), claims=claims)


def _changed(
    entries: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Mapping[str, Any]]:
    return {name: entry for name, entry in {**entries, **changes}.items() if entry is not None}


def _parse(stored: Stored) -> State:
    try:
        content = json.loads(stored.body)
        as_of = content["as_of"]
        state = State(content["entries"], tuple(content["said"]), parse_instant(as_of) if as_of else None)
        for each in state.claims:
            _ = each["id"], each["subject"], parse_instant(each["at"])
        for entry in state.entries.values():
            _ = entry.items()
    except months.MALFORMED:
        raise StorageError(f"{stored.key} is not a valid record of notices") from None
    return state

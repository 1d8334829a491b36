"""What has been said, in notices.json: claimed by a conditional write before it is published.

    {"id": "…", "as_of": INSTANT, "entries": {"drop switches": {…}, "silence": {…}, "summary": {…}},
     "said": [{"id": "…", "at": INSTANT, "subject": "…"}, …]}

`entries` has what goes on, and the last week that was summed up. `said` has the last claims, so that a run whose write
had no answer finds out whether it was the one that claimed. `id` makes each content another one: a write that arrives
late, with the tag of a former content, is refused even when all has been taken back since.
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
# No run lasts as long. Where the last numbers are further ahead, the clock was set back.
_LONGEST_RUN = timedelta(minutes=5)


@dataclass(frozen=True)
class Notice:
    """A message, its kind, and what saying it changes in the entries: the new content of each, None for none."""

    kind: str
    subject: str
    text: str
    changes: Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True)
class State:
    """What has been said, and the instant of the newest numbers that it was said about; None when nothing was."""

    entries: Mapping[str, Mapping[str, Any]]
    claims: tuple[Mapping[str, str], ...] = ()
    as_of: datetime | None = None

    def has(self, claim: str) -> bool:
        """Tell whether a claim with this id is among them."""
        return any(each["id"] == claim for each in self.claims)

    @property
    def line(self) -> bytes:
        """The state as it is stored, unlike any that was stored before."""
        as_of = timestamp(self.as_of) if self.as_of else None
        content = {"id": secrets.token_hex(8), "as_of": as_of, "entries": self.entries, "said": self.claims}
        return months.line(content)


@dataclass(frozen=True)
class Claim:
    """A notice that this run publishes and no other, and the entries as they were before."""

    id: str
    notice: Notice
    before: Mapping[str, Mapping[str, Any] | None]


def read(bucket: Bucket, deadline: Deadline) -> tuple[State, Stored | None]:
    """Return the state and its object. Raise StorageError, also when the object is no such state."""
    stored = bucket.get(KEY, deadline)
    return (_parse(stored) if stored else State({})), stored


def claim(bucket: Bucket, due: Callable[[State], Notice | None], as_of: datetime, deadline: Deadline) -> Claim | None:
    """Claim the notice that is due by the numbers of an instant; None when there is none.

    Raise StorageError. Its text names the notice if it is not known whether that one is claimed.
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
    """Undo a claim, so that the next run can say it. Raise StorageError: then nobody will."""
    for _ in tries(KEY, deadline):
        try:
            state, stored = read(bucket, deadline)
            if not state.has(claim.id) or bucket.put(KEY, _without(state, claim).line, stored, deadline):
                return
        except StorageError:
            if deadline.passed:
                raise


def _is_overtaken(as_of: datetime, state: State) -> bool:
    """Tell whether something was said by newer numbers, which were read while this run went on."""
    return state.as_of is not None and as_of < state.as_of <= as_of + _LONGEST_RUN


def _claim(notice: Notice, state: State) -> Claim:
    return Claim(secrets.token_hex(8), notice, {name: state.entries.get(name) for name in notice.changes})


def _with(state: State, claim: Claim, as_of: datetime) -> State:
    record = {"id": claim.id, "at": timestamp(as_of), "subject": claim.notice.subject}
    claims = (*state.claims, record)[-_MOST_CLAIMS:]
    return State(_changed(state.entries, claim.notice.changes), claims, as_of)


def _without(state: State, claim: Claim) -> State:
    # What others have said since stays.
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
        raise StorageError(f"{stored.key} is no record of notices") from None
    return state

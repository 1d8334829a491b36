"""What happens when a dependency fails: one row for each way in which each dependency can.

A row's outcome has four answers, one for each state that a container may be in when the fault begins:

    nothing     it started well, more than MAX_STALE_SECONDS ago, and has never been asked
    stale       it has answered before, and what it holds is no longer fresh
    snapshot    it started well and has never been asked; the bucket has a snapshot that is no longer fresh
    start       it starts during the fault

An answer tells what the caller gets and what the operator sees of it. Every one leaves within
REQUEST_TIMEOUT_SECONDS + 1 s, a start within START_SECONDS + 1 s, and when the fault is over, all is well again after
`recovery_seconds` without a restart. test_rows.py tries every cell, and docs/architecture.md shows them.
"""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal

from tests.faults import network, services
from tests.faults.network import SLOW_SECONDS, Fault, during, half_open, refused, unresolved
from tests.faults.services import secret_is, secret_refused
from tests.faults.world import BUCKET, CLOCK, CONNECT, DEPENDENCIES, LOGIN, NAME, REGISTRY, SECRET, STATEMENT, TLS

START_SECONDS = 5
# The timeout that most tests run with, and the function's default.
SHORT_SECONDS, DEFAULT_SECONDS = 2, 10

Source = Literal["database", "partial", "stale"]
ENGINES = ("postgresql", "mariadb")


@dataclass(frozen=True)
class Answer:
    """A status, where the numbers of a 200 come from, and what is logged and counted, but for what always is."""

    status: int
    source: Source | None = None
    messages: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """The answers, by what the container holds; None where the fault cannot meet it so."""

    nothing: Answer | None
    stale: Answer | None
    snapshot: Answer | None
    start: Answer | None

    def of(self, held: str) -> Answer | None:
        answer: Answer | None = getattr(self, held)
        return answer


HELD = tuple(field.name for field in fields(Outcome))


@dataclass(frozen=True)
class Row:
    """A fault of a dependency. `default` is what comes of it in DEFAULT_SECONDS, where that differs."""

    dependency: str
    fault: str
    begin: Fault
    outcome: Outcome
    default: Outcome | None = None
    recovery_seconds: float = 1  # the first back-off
    engines: tuple[str, ...] = ENGINES
    every_engine: bool = False  # tried on all that there are, even by the short run

    def outcome_within(self, seconds: float) -> Outcome:
        """Return the outcome with this REQUEST_TIMEOUT_SECONDS."""
        return self.default if self.default and seconds >= DEFAULT_SECONDS else self.outcome


def _failed(message: str, *metrics: str) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset({message}), frozenset(metrics)


FRESH = Answer(200, "database")
_STALE = Answer(200, "stale", *_failed("database failed", "DatabaseFailure", "CacheStale"))
_UNAVAILABLE = Answer(503, None, *_failed("database failed", "DatabaseFailure"))
_PARTIAL = Answer(200, "partial", *_failed("statistics missing", "StatisticsMissing"))
_UNCHECKED = Answer(503, None, *_failed("token registry not readable", "RegistryFailure"))
_OLD_REGISTRY = Answer(200, "database", *_failed("token registry not readable", "RegistryFailure", "RegistryStale"))
_NO_LOGIN = Answer(
    503,
    None,
    frozenset({"database secret not readable", "database failed"}),
    frozenset({"SecretFailure", "DatabaseFailure"}),
)
_OLD_LOGIN = Answer(200, "database", *_failed("database secret not readable", "SecretFailure"))
_NO_SNAPSHOT = Answer(200, "database", *_failed("snapshot not readable", "SnapshotReadFailure"))
_REFUSED = Answer(401, None, *_failed("refused", "Refused"))


def both(one: Answer, other: Answer) -> Answer:
    """Return what two answers make together."""
    if _UNCHECKED in {one, other}:
        return _UNCHECKED  # nothing else is asked then
    messages, metrics = one.messages | other.messages, one.metrics | other.metrics
    if 503 in {one.status, other.status}:
        return Answer(503, None, messages, metrics)
    return Answer(200, "stale" if "stale" in {one.source, other.source} else "database", messages, metrics)


UNNOTICED = Outcome(nothing=FRESH, stale=FRESH, snapshot=FRESH, start=FRESH)
NO_DATABASE = Outcome(nothing=_UNAVAILABLE, stale=_STALE, snapshot=_STALE, start=_UNAVAILABLE)
# Never are statistics given away unchecked, whatever is held.
NO_REGISTRY = Outcome(nothing=_UNCHECKED, stale=_OLD_REGISTRY, snapshot=_OLD_REGISTRY, start=_UNCHECKED)
# The login that worked last is used, or what was read last.
NO_SECRET = Outcome(nothing=_OLD_LOGIN, stale=_OLD_LOGIN, snapshot=_OLD_LOGIN, start=_NO_LOGIN)
_NEITHER_SECRET = Answer(
    503,
    None,
    frozenset({"token registry not readable", "database secret not readable"}),
    frozenset({"RegistryFailure", "SecretFailure"}),
)
_BOTH_OLD = both(_OLD_REGISTRY, _OLD_LOGIN)
# A start reads both; a request without a registry reads nothing else.
NO_SECRETS = Outcome(nothing=_UNCHECKED, stale=_BOTH_OLD, snapshot=_BOTH_OLD, start=_NEITHER_SECRET)
PARTIAL = Outcome(nothing=_PARTIAL, stale=_PARTIAL, snapshot=_PARTIAL, start=_PARTIAL)
NO_BUCKET = Outcome(nothing=_NO_SNAPSHOT, stale=_NO_SNAPSHOT, snapshot=_NO_SNAPSHOT, start=_NO_SNAPSHOT)
NO_TOKENS = Outcome(nothing=_REFUSED, stale=_REFUSED, snapshot=_REFUSED, start=_REFUSED)


def _open(answer: Answer) -> Outcome:
    """Return the outcome of what only a container with an open connection meets."""
    return Outcome(nothing=None, stale=answer, snapshot=None, start=None)


ROWS = (
    Row(NAME, "refused", unresolved(network.name_unknown), NO_DATABASE),
    Row(NAME, "silent", unresolved(network.name_silent), NO_DATABASE),
    Row(NAME, "slow", unresolved(network.name_slow), NO_DATABASE, default=UNNOTICED),
    Row(NAME, "5xx", unresolved(network.name_server_fails), NO_DATABASE),
    Row(NAME, "empty", network.name_without_address, NO_DATABASE),
    Row(CONNECT, "refused", refused(CONNECT), NO_DATABASE),
    Row(CONNECT, "silent", network.unanswered(), NO_DATABASE),
    Row(CONNECT, "slow", network.unanswered(SLOW_SECONDS), NO_DATABASE, default=UNNOTICED),
    Row(TLS, "refused", during(TLS, network.no_tls), NO_DATABASE, engines=("postgresql",)),
    Row(TLS, "silent", during(TLS, network.silent), NO_DATABASE),
    Row(TLS, "slow", during(TLS, network.slow), NO_DATABASE, default=UNNOTICED),
    Row(TLS, "slow by byte", during(TLS, network.slow_by_byte), NO_DATABASE),
    Row(TLS, "reset", during(TLS, network.reset), NO_DATABASE),
    Row(TLS, "garbage", during(TLS, network.garbage), NO_DATABASE),
    Row(TLS, "denied", network.untrusted, NO_DATABASE),
    Row(LOGIN, "silent", during(LOGIN, network.silent), NO_DATABASE),
    Row(LOGIN, "slow", during(LOGIN, network.slow), NO_DATABASE, default=UNNOTICED),
    Row(LOGIN, "slow by byte", during(LOGIN, network.slow_by_byte), NO_DATABASE),
    Row(LOGIN, "reset", during(LOGIN, network.reset), NO_DATABASE),
    Row(LOGIN, "garbage", during(LOGIN, network.garbage), NO_DATABASE),
    Row(LOGIN, "denied", services.password_wrong, NO_DATABASE),
    Row(LOGIN, "too many connections", services.too_many_connections, NO_DATABASE),
    Row(STATEMENT, "silent", during(STATEMENT, network.silent), NO_DATABASE),
    Row(STATEMENT, "slow", during(STATEMENT, network.slow), NO_DATABASE, default=UNNOTICED),
    Row(STATEMENT, "slow by byte", during(STATEMENT, network.slow_by_byte), NO_DATABASE),
    Row(STATEMENT, "reset", during(STATEMENT, network.reset), NO_DATABASE),
    Row(STATEMENT, "garbage", during(STATEMENT, network.garbage), NO_DATABASE),
    Row(STATEMENT, "half-open", half_open(STATEMENT), _open(FRESH)),
    Row(STATEMENT, "denied", services.without_grant, PARTIAL, recovery_seconds=90),
    Row(STATEMENT, "malformed", services.without_table, PARTIAL, recovery_seconds=90, engines=(*ENGINES, "sqlite")),
    Row(STATEMENT, "read-only", services.read_only, UNNOTICED),
    Row(STATEMENT, "cancelled", services.cancelled, NO_DATABASE),
    Row(STATEMENT, "lock", services.locked, NO_DATABASE, engines=(*ENGINES, "sqlite"), every_engine=True),
    Row(REGISTRY, "refused", refused(REGISTRY), NO_SECRETS),
    Row(REGISTRY, "silent", during(REGISTRY, network.silent), NO_REGISTRY),
    Row(REGISTRY, "slow", during(REGISTRY, network.slow), NO_REGISTRY),
    Row(REGISTRY, "slow by byte", during(REGISTRY, network.slow_by_byte), NO_REGISTRY),
    Row(REGISTRY, "reset", during(REGISTRY, network.reset), NO_REGISTRY),
    Row(REGISTRY, "garbage", during(REGISTRY, network.garbage), NO_REGISTRY),
    Row(REGISTRY, "half-open", half_open(REGISTRY), _open(_BOTH_OLD), default=_open(FRESH)),
    Row(REGISTRY, "denied", secret_refused(REGISTRY, 400, "AccessDeniedException"), NO_REGISTRY),
    Row(REGISTRY, "throttled", secret_refused(REGISTRY, 400, "ThrottlingException"), NO_REGISTRY),
    Row(REGISTRY, "5xx", secret_refused(REGISTRY, 500, "InternalServiceError"), NO_REGISTRY),
    Row(REGISTRY, "malformed", secret_is(REGISTRY, "{"), NO_REGISTRY),
    # A token that is not found is looked for again after TOKENS_REFRESH_SECONDS.
    Row(REGISTRY, "empty", secret_is(REGISTRY, '{"tokens": []}'), NO_TOKENS, recovery_seconds=10),
    Row(SECRET, "silent", during(SECRET, network.silent), NO_SECRET),
    Row(SECRET, "slow", during(SECRET, network.slow), NO_SECRET),
    Row(SECRET, "slow by byte", during(SECRET, network.slow_by_byte), NO_SECRET),
    Row(SECRET, "reset", during(SECRET, network.reset), NO_SECRET),
    Row(SECRET, "garbage", during(SECRET, network.garbage), NO_SECRET),
    Row(SECRET, "denied", secret_refused(SECRET, 400, "AccessDeniedException"), NO_SECRET),
    Row(SECRET, "throttled", secret_refused(SECRET, 400, "ThrottlingException"), NO_SECRET),
    Row(SECRET, "5xx", secret_refused(SECRET, 500, "InternalServiceError"), NO_SECRET),
    Row(SECRET, "malformed", secret_is(SECRET, "{"), NO_SECRET),
    Row(SECRET, "empty", secret_is(SECRET, "{}"), NO_SECRET),
    Row(BUCKET, "refused", refused(BUCKET), NO_BUCKET),
    Row(BUCKET, "silent", during(BUCKET, network.silent), NO_BUCKET),
    Row(BUCKET, "slow", during(BUCKET, network.slow), NO_BUCKET),
    Row(BUCKET, "slow by byte", during(BUCKET, network.slow_by_byte), NO_BUCKET),
    Row(BUCKET, "reset", during(BUCKET, network.reset), NO_BUCKET),
    Row(BUCKET, "garbage", during(BUCKET, network.garbage), NO_BUCKET),
    Row(BUCKET, "half-open", half_open(BUCKET), _open(_NO_SNAPSHOT)),
    Row(BUCKET, "denied", services.bucket_answers(403), NO_BUCKET),
    Row(BUCKET, "throttled", services.bucket_answers(503), NO_BUCKET),
    Row(BUCKET, "5xx", services.bucket_answers(500), NO_BUCKET),
    Row(BUCKET, "malformed", services.bucket_holds({"snapshots/latest.json": b"{"}), NO_BUCKET),
    Row(BUCKET, "empty", services.bucket_holds({}), UNNOTICED),
    Row(CLOCK, "back", services.clock_moved(timedelta(hours=-1)), UNNOTICED),
    Row(CLOCK, "forward", services.clock_moved(timedelta(days=1)), UNNOTICED),
)

FAULTS = {
    "refused": "the connection is refused, the name is unknown, or the server speaks no TLS",
    "silent": "there is no answer",
    "slow": f"the answer comes {SLOW_SECONDS} s late",
    "slow by byte": "the answer comes byte by byte, five in a second",
    "reset": "the connection is reset",
    "garbage": "the answer is noise",
    "half-open": "the connection that was open leads nowhere, and nobody said so; a new one is good",
    "denied": "wrong password, missing privilege, untrusted certificate, HTTP 403",
    "throttled": "too many calls for AWS",
    "5xx": "an error of the server's own, for a name server SERVFAIL",
    "malformed": "what is read is not what it should be: broken JSON, a missing table",
    "empty": "there is nothing: no address, no token, no host in the secret, no object",
    "too many connections": "the database takes no more of them",
    "read-only": "the database takes no changes",
    "cancelled": "the server ends the statement",
    "lock": "another session locks the table for longer than the request may take",
    "back": "the clock is set back by an hour",
    "forward": "the clock is set forward by a day",
}


@dataclass(frozen=True)
class Absent:
    """Faults that dependencies cannot have, and why."""

    dependencies: tuple[str, ...]
    faults: tuple[str, ...]
    reason: str


_AWS = (REGISTRY, SECRET, BUCKET)
_DATABASE = (NAME, CONNECT, TLS, LOGIN, STATEMENT)
ABSENT = (
    Absent(DEPENDENCIES[:-1], ("back", "forward"), "Only a clock can be set."),
    Absent(
        (CLOCK,),
        tuple(FAULTS)[:-2],
        "It is read in the function's own process: it can be wrong, but it always answers.",
    ),
    Absent(
        (NAME,),
        ("slow by byte", "reset", "garbage", "half-open", "denied", "throttled", "malformed"),
        "The system's resolver talks to the name servers; the function sees it answer, fail or stay silent.",
    ),
    Absent(
        (CONNECT,),
        ("slow by byte", "reset", "garbage", "half-open", "denied", "throttled", "5xx", "malformed", "empty"),
        "Nothing is said yet: a host accepts, refuses (which is a reset) or stays silent.",
    ),
    Absent(
        (TLS, LOGIN),
        ("half-open", "throttled", "5xx", "malformed", "empty"),
        "The connection is new, and what the peer says is either understood, a refusal, or garbage.",
    ),
    Absent((LOGIN,), ("refused",), "A login that is refused is denied."),
    Absent((STATEMENT,), ("refused",), "A statement that is refused is denied."),
    Absent(
        (STATEMENT,), ("throttled", "5xx"), "Database servers do neither. RDS Proxy makes clients wait, which is slow."
    ),
    Absent((STATEMENT,), ("empty",), "Empty tables are counted like others: the numbers are 0."),
    Absent(
        (NAME, CONNECT, TLS, STATEMENT, *_AWS),
        ("too many connections",),
        "A database server reports this at the login.",
    ),
    Absent(
        (NAME, CONNECT, TLS, LOGIN, *_AWS), ("read-only", "cancelled", "lock"), "Only a statement is affected by these."
    ),
    Absent(
        (SECRET,),
        ("refused", "half-open"),
        "Both secrets are read over the same connections: the token registry's rows show it.",
    ),
)

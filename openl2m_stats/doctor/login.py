"""The login to the database, its clock and its limits."""

import time
from datetime import UTC, datetime

from openl2m_stats.doctor.findings import Finding
from openl2m_stats.session import Session, log_span
from stats.base.instants import timestamp
from stats.doctor.database import MOST_SKEW_SECONDS, clock_sql
from stats.numbers.windows import bounds


def check_clock(session: Session) -> Finding:
    """Compare the database's clock with this machine's. Raise DatabaseError."""
    sql = clock_sql(session.server)
    if sql is None:
        return Finding("ok", "this machine's own")
    before = time.time()
    database = float(session.rows(sql)[0][0])
    ahead = database - (before + time.time()) / 2
    seen = f"the database's is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) > MOST_SKEW_SECONDS:
        return Finding("warn", seen, "Synchronise the one that is wrong: windows are counted from now.")
    return Finding("ok", seen)


def check_time_zone(session: Session) -> Finding:
    """Report when today began, and check that the log's newest entry is not in the future. Raise DatabaseError."""
    now, zone = datetime.now(UTC), session.settings.time_zone
    span = log_span(session.read, session.dialect)
    seen = f"{zone.key}, today began at {bounds(now, zone).today:%Y-%m-%dT%H:%MZ}"
    if span.newest is None:
        seen += "; the log is empty" if not span.without_instant else ""
    else:
        seen += f"; the newest log entry is of {timestamp(span.newest.replace(microsecond=0))}"
    if span.without_instant:
        seen += f"; the times of {span.without_instant:,} entries are not instants, such as 0000-00-00 or infinity"
        return Finding(
            "warn", seen, "Delete these entries: one of infinity counts as made in the last hour, every hour."
        )
    if span.newest and (span.newest - now).total_seconds() > MOST_SKEW_SECONDS:
        advice = "It lies ahead: OpenL2M stores UTC, so its server's clock is wrong, or this machine's."
        return Finding("warn", seen, advice)
    return Finding("ok", seen)


def check_time_limit(session: Session) -> Finding:
    """Check that the server ends a statement that the function no longer waits for. Raise DatabaseError."""
    if session.dialect != "postgresql":
        return Finding("ok", "each statement has its own")
    rows = session.rows(
        "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout')"
    )
    limits = {name: int(setting) for name, setting in rows}
    limit, of_session = limits["statement_timeout"], limits.get("transaction_timeout", 0)  # PostgreSQL 17 and newer
    timeout, user = session.settings.request_timeout_seconds, session.server.user.replace('"', '""')
    seen = f"statement_timeout is {limit / 1000:g} s, REQUEST_TIMEOUT_SECONDS {timeout}".replace(" is 0 s", " is off")
    remedies = []
    if not 0 < limit <= timeout * 1000:
        remedies.append(f"SET statement_timeout = '{timeout}s'")
        advice = "A statement that the function has given up would run on."
    if 0 < of_session <= (limit or of_session):
        remedies.append("SET transaction_timeout = 0")
        seen += f", transaction_timeout {of_session / 1000:g} s"
        advice = "A statement that takes too long would end the session too, and be sent once more."
    if not remedies:
        return Finding("ok", seen)
    statements = " ".join(f"""ALTER ROLE "{user}" {remedy};""" for remedy in remedies)
    return Finding("warn", seen, f"{advice} As an administrator: {statements}")

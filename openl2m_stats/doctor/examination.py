"""All checks in order; those that depend on a failed one are skipped."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from openl2m_stats.database_errors import remedy
from openl2m_stats.doctor.address import check_address
from openl2m_stats.doctor.aws import check_aws
from openl2m_stats.doctor.database_secret import check_database_secret
from openl2m_stats.doctor.findings import Finding, Known
from openl2m_stats.doctor.history import check_history
from openl2m_stats.doctor.inside import Inside
from openl2m_stats.doctor.log import check_index, check_statement
from openl2m_stats.doctor.login import check_clock, check_time_limit, check_time_zone
from openl2m_stats.doctor.network import check_network, check_tls
from openl2m_stats.doctor.privileges import check_grants, check_least_privilege
from openl2m_stats.doctor.setups import Setup
from openl2m_stats.doctor.snapshot import check_snapshot
from openl2m_stats.doctor.token_secret import check_token_secret
from openl2m_stats.session import Session
from stats.base.settings import SettingsError, load
from stats.database.driver import DatabaseError

_REACHED = (
    "The deployed function reaches it, so the API works. For the remaining checks, run this inside the VPC, or "
    "through a tunnel with --database-url."
)


def _check_settings(known: Known) -> Finding:
    try:
        known.settings = load(known.setup.variables)
    except SettingsError as error:
        return Finding("FAIL", str(error), "docs/configuration.md lists them.")
    if not known.settings.api_enabled:
        return Finding("warn", "API_ENABLED is false", "Every caller gets 401, until it is true again.")
    fresh, most = known.settings.cache_ttl_seconds, known.settings.max_stale_seconds
    return Finding("ok", f"answers are fresh for {fresh} s, served for {most} s at most")


def _check_login(session: Session) -> Finding:
    started = time.monotonic()
    session.rows("SELECT 1")
    return Finding("ok", f"{(time.monotonic() - started) * 1000:,.0f} ms")


def _reading(check: Callable[[Session], Finding]) -> Callable[[Known], Finding]:
    """Return a check of the database that reports database errors as findings."""

    def read_and_check(known: Known) -> Finding:
        try:
            return check(known.session)
        except DatabaseError as error:
            return Finding("FAIL", str(error), remedy(error))

    return read_and_check


# The check's name, the check that it needs, and its function.
_CHECKS: tuple[tuple[str, str, Callable[[Known], Finding]], ...] = (
    ("settings", "", _check_settings),
    ("AWS", "settings", check_aws),
    ("database secret", "AWS", check_database_secret),
    ("network", "database secret", check_network),
    ("TLS", "network", check_tls),
    ("login", "TLS", _reading(_check_login)),
    ("grants", "login", _reading(check_grants)),
    ("least privilege", "login", _reading(check_least_privilege)),
    ("clock", "login", _reading(check_clock)),
    ("time limit", "login", _reading(check_time_limit)),
    ("time zone", "grants", _reading(check_time_zone)),
    ("statement", "grants", _reading(check_statement)),
    ("index", "grants", _reading(check_index)),
    ("token secret", "AWS", check_token_secret),
    ("snapshot", "AWS", check_snapshot),
    ("history", "snapshot", check_history),
)


def examine(setup: Setup, look_inside: Callable[[], Sequence[Inside]]) -> Iterator[tuple[str, Finding]]:
    """Yield each check's name and what it finds, as it is made on this machine.

    `look_inside` returns what the deployed functions find.
    """
    known = Known(setup)
    try:
        yield from _examine(known, look_inside)
    finally:
        if hasattr(known, "session"):
            known.session.close()
    if setup.url:
        yield "address", check_address(setup.url)


def _examine(known: Known, look_inside: Callable[[], Sequence[Inside]]) -> Iterator[tuple[str, Finding]]:
    causes = known.causes
    for name, needed, check in _CHECKS:
        if needed in causes:
            causes[name] = causes[needed]
            yield name, Finding("skip", f"{causes[name]} failed")
            continue
        finding = check(known)
        if finding.state == "FAIL":
            causes[name] = name
            if name == "network" and any(inside.reaches_database for inside in look_inside()):
                finding = replace(finding, state="warn", advice=_REACHED)
        yield name, finding

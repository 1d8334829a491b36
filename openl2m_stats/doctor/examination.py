"""All checks, in their order; what depends on one that failed is left out."""

import time
from collections.abc import Callable, Iterator

from openl2m_stats.doctor.aws import check_aws
from openl2m_stats.doctor.database_secret import check_database_secret
from openl2m_stats.doctor.findings import Finding
from openl2m_stats.doctor.log import check_index, check_statement
from openl2m_stats.doctor.login import check_clock, check_time_limit, check_time_zone, failed
from openl2m_stats.doctor.network import check_network, check_tls
from openl2m_stats.doctor.privileges import check_grants, check_least_privilege
from openl2m_stats.doctor.session import Session, logged_in
from openl2m_stats.doctor.setups import Setup
from openl2m_stats.doctor.snapshot import check_snapshot
from openl2m_stats.doctor.token_secret import check_token_secret
from stats.connection import DatabaseError, Server
from stats.settings import Settings, SettingsError, load

_ASKING: dict[str, Callable[[Session], Finding]] = {
    "least privilege": check_least_privilege,
    "clock": check_clock,
    "time limit": check_time_limit,
}
_READING: dict[str, Callable[[Session], Finding]] = {
    "time zone": check_time_zone,
    "statement": check_statement,
    "index": check_index,
}
_OF_DATABASE = ("network", "TLS", "login", "grants", *_ASKING, *_READING)


def examine(setup: Setup) -> Iterator[Finding]:
    """Yield what each check finds, as it is made."""
    after_settings = ("AWS", "database secret", *_OF_DATABASE, "token secret", "snapshot")
    try:
        settings = load(setup.variables)
    except SettingsError as error:
        yield Finding("FAIL", "settings", str(error), "docs/configuration.md lists them.")
        yield from _skipped(after_settings, "the settings are wrong")
        return
    yield _of_settings(settings)
    finding, store = check_aws()
    yield finding
    if store is None:
        yield from _skipped(after_settings[1:], "AWS cannot be asked")
        return
    finding, server = check_database_secret(settings, store)
    yield finding
    if server is None:
        yield from _skipped(_OF_DATABASE, "it is not known where the database is")
    else:
        yield from _examine_database(server, settings)
    yield check_token_secret(settings, store)
    yield check_snapshot(settings, setup)
    if setup.url:
        yield Finding("ok", "address", setup.url)


def _of_settings(settings: Settings) -> Finding:
    if not settings.api_enabled:
        return Finding("warn", "settings", "API_ENABLED is false", "Every caller gets 401, until it is true again.")
    seen = f"answers are fresh for {settings.cache_ttl_seconds} s, served for {settings.max_stale_seconds} s at most"
    return Finding("ok", "settings", seen)


def _examine_database(server: Server, settings: Settings) -> Iterator[Finding]:
    network = check_network(server)
    yield network
    if network.state == "FAIL":
        yield from _skipped(_OF_DATABASE[1:], "the database is out of reach")
        return
    tls = check_tls(server, settings)
    yield tls
    if tls.state == "FAIL":
        yield from _skipped(_OF_DATABASE[2:], "the function does not log in without TLS")
        return
    started = time.monotonic()
    try:
        with logged_in(server, settings):
            seen = f"{(time.monotonic() - started) * 1000:,.0f} ms"
    except DatabaseError as error:
        yield failed("login", error)
        yield from _skipped(_OF_DATABASE[3:], "the login failed")
        return
    yield Finding("ok", "login", seen)
    grants = _ask("grants", check_grants, server, settings)
    yield grants
    for name, check in _ASKING.items():
        yield _ask(name, check, server, settings)
    if grants.state == "FAIL":
        yield from _skipped(_READING, "the grants do not suffice")
        return
    for name, check in _READING.items():
        yield _ask(name, check, server, settings)


def _ask(name: str, check: Callable[[Session], Finding], server: Server, settings: Settings) -> Finding:
    # Each in a session of its own: one that fails leaves its connection closed.
    try:
        with logged_in(server, settings) as session:
            return check(session)
    except DatabaseError as error:
        return failed(name, error)


def _skipped(names: tuple[str, ...] | dict[str, Callable[[Session], Finding]], reason: str) -> Iterator[Finding]:
    for name in names:
        yield Finding("skip", name, reason)

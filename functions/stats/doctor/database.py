"""Checks of the database, over a session of their own: network, TLS, login, grants, clock, statement."""

import ssl
import time

from stats.base.deadline import Deadline
from stats.database.driver import Server
from stats.database.engines import MYSQL, POSTGRESQL
from stats.database.handshake import NoTLSError, shake_hands
from stats.database.secret import parse_server
from stats.database.socket import Transport, is_unix_socket, open_transport, trust
from stats.doctor.findings import Check, Finding, Known
from stats.numbers import catalogue, query
from stats.numbers.windows import bounds
from stats.reading import find_gaps, readable

MOST_SKEW_SECONDS = 5


def described(server: Server) -> str:
    """Return a description of a server for a finding."""
    if server.engine == "sqlite":
        return f"sqlite, the file {server.database}"
    login = "IAM authentication" if server.password is None else "a password"
    where = server.host if is_unix_socket(server.host) else f"{server.host} port {server.port}"
    return f"{server.engine} at {where}, user {server.user} with {login}, database {server.database}"


def clock_sql(server: Server) -> str | None:
    """Return the SQL that reads a server's time, in seconds since 1970; None for SQLite, which has no clock."""
    if server.engine in MYSQL:
        return "SELECT UNIX_TIMESTAMP(NOW(6))"
    return "SELECT EXTRACT(EPOCH FROM clock_timestamp())" if server.engine in POSTGRESQL else None


def _read_secret(known: Known, deadline: Deadline) -> Finding:
    settings = known.app.settings
    known.secret = known.store.get(settings.database_secret_id, deadline)
    known.server = parse_server(known.secret, settings)
    return Finding("ok", described(known.server))


def _connect(known: Known, deadline: Deadline) -> Finding:
    if known.server.engine == "sqlite":
        return Finding("ok", "not needed: the database is a file")
    started = time.monotonic()
    open_transport(known.server.host, known.server.port, deadline, Transport.close)
    return Finding("ok", f"connected in {_milliseconds(started)}")


def _check_tls(known: Known, deadline: Deadline) -> Finding:
    server, settings = known.server, known.app.settings
    context = trust(server.host, settings.database_ca_file, off=settings.database_tls == "off")
    if not isinstance(context, ssl.SSLContext):
        return Finding("ok", "not needed: the database is on this machine")
    try:
        certificate = shake_hands(server, context, server.host, deadline)
    except NoTLSError:
        return Finding("FAIL", "the server offers no TLS", "no TLS")
    return Finding("ok", f"verified, the certificate expires on {certificate['notAfter']}")


def _log_in(known: Known, deadline: Deadline) -> Finding:
    started = time.monotonic()
    known.database.probe("SELECT 1", deadline)
    return Finding("ok", _milliseconds(started))


def _check_grants(known: Known, deadline: Deadline) -> Finding:
    gaps = find_gaps(lambda sql: known.database.probe(sql, deadline))
    if gaps:
        present = readable(gaps)
        missing = [statistic.key for statistic in catalogue.STATISTICS if statistic not in present]
        seen = f"cannot read {', '.join(gap.name for gap in gaps)}; missing numbers: {', '.join(missing)}"
        return Finding("FAIL", seen, gaps[0].error.code, gaps[0].error.kind)
    columns = catalogue.columns()
    return Finding("ok", f"all {sum(map(len, columns.values()))} columns of {len(columns)} tables can be read")


def _check_clock(known: Known, deadline: Deadline) -> Finding:
    now, zone = deadline.now, known.app.settings.time_zone
    today = f"in {zone.key}, today began at {bounds(now, zone).today:%Y-%m-%dT%H:%MZ}"
    sql = clock_sql(known.server)
    if sql is None:
        return Finding("ok", today)
    before = time.time()
    [(seconds,)] = known.database.read(lambda _engine, _indexes: sql, tuple, deadline)
    ahead = float(seconds) - (before + time.time()) / 2
    seen = f"the database's is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the function's; {today}"
    return Finding("warn", seen, "skew") if abs(ahead) > MOST_SKEW_SECONDS else Finding("ok", seen)


def _read_numbers(known: Known, deadline: Deadline) -> Finding:
    started = time.monotonic()
    known.database.read(query.statement(deadline.now, known.app.settings.time_zone), len, deadline)
    return Finding("ok", _milliseconds(started))


def _milliseconds(started: float) -> str:
    return f"{(time.monotonic() - started) * 1000:,.0f} ms"


SECRET = Check("database secret", _read_secret)
CHECKS = (
    Check("network", _connect, "database secret"),
    Check("TLS", _check_tls, "network"),
    Check("login", _log_in, "TLS", share=1 / 2),
    Check("grants", _check_grants, "login"),
    Check("clock", _check_clock, "login"),
    Check("statement", _read_numbers, "grants", share=1),  # the last
)

"""The network between this machine and the database server, and its TLS."""

import socket
import ssl
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from openl2m_stats.doctor.findings import Finding, Known, listed
from stats.base.deadline import Deadline
from stats.base.settings import Settings
from stats.database.driver import Server
from stats.database.handshake import NoTLSError, shake_hands
from stats.database.socket import Transport, is_local, is_unix_socket, open_transport, trust

_SECONDS = 5.0
_EXPIRES_SOON_DAYS = 30
_PRIVATE = (
    "Its address is private: outside its VPC this is expected, and says nothing about the function. "
    "Run this inside the VPC, or over a VPN or a bastion."
)
_CLOSED = "Does its security group let this machine in on that port, and is it publicly accessible?"
# OpenSSL's error codes for certificates.
_EXPIRED, _HOSTNAME = 10, 62


def check_network(known: Known) -> Finding:
    """Check that the server's name resolves and its port accepts connections."""
    server = known.session.server
    if server.engine == "sqlite":
        if Path(server.database).is_file():
            return Finding("ok", "not needed: the database is a file")
        return Finding("FAIL", f"the file {server.database} does not exist", "Look at 'dbname' of the database secret.")
    where = server.host if is_unix_socket(server.host) else f"{server.host} port {server.port}"
    try:
        addresses = _addresses(server)
        started = time.monotonic()
        open_transport(server.host, server.port, Deadline.after(_SECONDS), Transport.close)
    except (socket.gaierror, UnicodeError) as error:
        advice = "Look at 'host' of the database secret. A name of a private zone resolves inside its VPC only."
        return Finding("FAIL", f"{server.host} does not resolve: {_reason(error)}", advice)
    except (ConnectionRefusedError, FileNotFoundError) as error:
        if is_unix_socket(server.host):
            advice = "'host' of the database secret takes the path of a server's socket, on PostgreSQL also its folder."
            return Finding("FAIL", f"{where}: {_reason(error)}", advice)
        advice = "Nothing listens there: look at 'port' of the database secret, and whether the database runs."
        return Finding("FAIL", f"{where} refuses connections", advice)
    except TimeoutError:
        advice = _PRIVATE if all(ip_address(each).is_private for each in addresses) else _CLOSED
        return Finding("FAIL", f"{where} does not answer within {_SECONDS:.0f} s", advice)
    except OSError as error:
        return Finding("FAIL", f"{where}: {_reason(error)}", "Look at 'host' of the database secret.")
    took = f"connected in {(time.monotonic() - started) * 1000:.0f} ms"
    return Finding("ok", ", ".join([listed(addresses, 3) or where, took]))


def _addresses(server: Server) -> list[str]:
    if is_unix_socket(server.host):
        return []
    found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def check_tls(known: Known) -> Finding:
    """Check that the function accepts the server's certificate."""
    server, settings = known.session.server, known.settings
    off = settings.database_tls == "off"
    if off and not is_local(known.named.host):
        return Finding("FAIL", "DATABASE_TLS=off, and the host is not loopback", "Leave DATABASE_TLS out.")
    try:
        context = trust(known.named.host, settings.database_ca_file, off=off)
    except OSError as error:
        seen = f"DATABASE_CA_FILE {settings.database_ca_file} cannot be used: {_reason(error)}"
        return Finding("FAIL", seen, "It must be a file of certificates in PEM form.")
    if not isinstance(context, ssl.SSLContext):
        return Finding("ok", "not needed: nobody can sit between this machine and the database")
    try:
        certificate = shake_hands(server, context, known.named.host, Deadline.after(_SECONDS))
    except NoTLSError:
        advice = "Switch TLS on: the function sends no user name and no password without it."
        return Finding("FAIL", "the server offers no TLS", advice)
    except ssl.SSLCertVerificationError as error:
        return Finding("FAIL", f"the certificate is refused: {error.verify_message}", _advice(error, settings))
    except (OSError, IndexError, ValueError) as error:  # a malformed greeting has no end, or no first byte
        return Finding(
            "FAIL", f"the TLS handshake failed: {_reason(error)}", "Is this a database server of that engine?"
        )
    return _accepted(certificate)


def _advice(error: ssl.SSLCertVerificationError, settings: Settings) -> str:
    if error.verify_code == _HOSTNAME:
        return "'host' of the database secret must be a name in the certificate: the endpoint's own."
    if error.verify_code == _EXPIRED:
        return "Give the server a new certificate; in RDS, choose a current certificate authority for the instance."
    return f"{settings.database_ca_file} lacks its certificate authority; set DATABASE_CA_FILE to another file."


def _accepted(certificate: dict[str, Any]) -> Finding:
    names = listed([value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"], 3)
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (expires - datetime.now(UTC)).days
    seen = f"verified, {names}, expires in {days} days"
    if days < _EXPIRES_SOON_DAYS:
        return Finding("warn", seen, "Renew the server's certificate.")
    return Finding("ok", seen)

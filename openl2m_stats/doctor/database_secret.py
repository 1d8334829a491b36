"""The database secret: is it readable and well-formed, and what does it say?"""

import contextlib

from openl2m_stats.doctor.aws import SECONDS, secret_advice
from openl2m_stats.doctor.findings import Finding
from stats.connection import DatabaseError, Server
from stats.database_server import parse_server
from stats.deadline import Deadline
from stats.secret_store import NoValueError, SecretStore, SecretUnavailableError
from stats.settings import Settings

_NAME = "database secret"
_FORM = 'The secret is RDS\'s JSON: {"engine", "host", "port", "username", "password", "dbname"}.'


def check_database_secret(settings: Settings, store: SecretStore) -> tuple[Finding, Server | None]:
    """Return the finding, and the server that the secret describes."""
    secret_id = settings.database_secret_id
    try:
        text = store.get(secret_id, Deadline.after(SECONDS))
        server = parse_server(text, settings)
    except NoValueError:
        return Finding("FAIL", _NAME, f"{secret_id} has no value", f"Store the login there. {_FORM}"), None
    except SecretUnavailableError as error:
        advice = secret_advice(str(error), "DATABASE_SECRET_ID")
        return Finding("FAIL", _NAME, f"{secret_id} cannot be read: {error}", advice), None
    except DatabaseError as error:
        return Finding("FAIL", _NAME, str(error), _FORM), None
    return Finding("ok", _NAME, _described(server) + _rotation(secret_id, text, store)), server


def _described(server: Server) -> str:
    if server.engine == "sqlite":
        return f"sqlite, the file {server.database}"
    login = "IAM authentication" if server.password is None else "a password"
    where = f"{server.host} port {server.port}"
    return f"{server.engine} at {where}, user {server.user} with {login}, database {server.database}"


def _rotation(secret_id: str, current: str | bytes, store: SecretStore) -> str:
    with contextlib.suppress(SecretUnavailableError):
        if store.get(secret_id, Deadline.after(SECONDS), "AWSPENDING") != current:
            return "; its password is being rotated (AWSPENDING)"
    return ""

"""The database secret: whether it is readable and well-formed, and the server in it."""

import contextlib
import json

from openl2m_stats.doctor.aws import SECONDS, secret_advice
from openl2m_stats.doctor.findings import Finding, Known
from openl2m_stats.session import open_session
from stats.aws.secrets import NoValueError, SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.database.driver import DatabaseError
from stats.doctor.database import described

FORM = 'The secret is RDS\'s JSON: {"engine", "host", "port", "username", "password", "dbname"}.'
_MANAGED = (
    "A secret that RDS manages has only a user and a password: the parameters DatabaseEngine and DatabaseHost (the "
    "variables DATABASE_ENGINE and DATABASE_HOST) name the rest."
)


def check_database_secret(known: Known) -> Finding:
    """Check that the database secret can be read and describes a server; open the session for later checks."""
    secret_id = known.settings.database_secret_id
    try:
        text = known.store.get(secret_id, Deadline.after(SECONDS))
        known.session = open_session(text, known.settings)
        known.named = known.session.server
        through = _through(known)
    except NoValueError:
        return Finding("FAIL", f"{secret_id} has no value", f"Store the login there. {FORM}")
    except SecretUnavailableError as error:
        advice = secret_advice(str(error), "DATABASE_SECRET_ID")
        return Finding("FAIL", f"{secret_id} cannot be read: {error}", advice)
    except DatabaseError as error:
        return Finding("FAIL", str(error), FORM if known.setup.local else f"{FORM} {_MANAGED}")
    return Finding("ok", described(known.session.server) + through + _rotation(secret_id, text, known.store))


def _through(known: Known) -> str:
    """Use another address for the database if one is given, such as a tunnel's, and report it."""
    if known.setup.login is None:
        return ""
    known.session = open_session(json.dumps(known.setup.login), known.settings)
    return f", by --database-url instead of {known.named.host}"


def _rotation(secret_id: str, current: str | bytes, store: SecretStore) -> str:
    with contextlib.suppress(SecretUnavailableError):
        if store.get(secret_id, Deadline.after(SECONDS), "AWSPENDING") != current:
            return "; its password is being rotated (AWSPENDING)"
    return ""

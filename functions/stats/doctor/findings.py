"""A check: its input and its finding.

The function reports and the command advises: a finding has what was seen and the code of an error, never a secret.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from stats.app import App
from stats.aws.secrets import SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.base.remote import RemoteError
from stats.base.telemetry import report_unforeseen
from stats.database.driver import DatabaseError, Server
from stats.database.session import Database


class Finding(NamedTuple):
    """A check's outcome. `code` and `kind` are an error's, for the command to look up what to do."""

    state: Literal["ok", "warn", "FAIL", "skip"]
    seen: str
    code: str = ""
    kind: str = ""


@dataclass
class Known:
    """The input of the checks. A check adds what later ones need."""

    app: App
    store: SecretStore
    database: Database  # a session of its own: the one that serves may have been opened before something broke
    secret: str | bytes = field(init=False)
    server: Server = field(init=False)


class Check(NamedTuple):
    """A check: its name, the check that must pass before it, and the share of the remaining time that it may use."""

    name: str
    make: Callable[[Known, Deadline], Finding]
    needs: str = ""
    share: float = 1 / 3


def find(check: Check, known: Known, deadline: Deadline) -> Finding:
    """Return what a check finds; an exception becomes a finding, too."""
    if deadline.passed:
        return Finding("skip", "no time was left")
    try:
        return check.make(known, deadline.share(check.share))
    except DatabaseError as error:
        return Finding("FAIL", str(error), error.code, error.kind)
    except SecretUnavailableError as error:
        return Finding("FAIL", f"it cannot be read: {error}", str(error))
    except RemoteError as error:
        _, named, code = str(error).rpartition(": ")  # a key and AWS's code, or what is wrong with an object
        return Finding("FAIL", str(error), code if named else "malformed")
    except ssl.SSLCertVerificationError as error:
        return Finding("FAIL", f"the certificate is refused: {error.verify_message}", "certificate")
    except OSError as error:
        return Finding("FAIL", error.strerror or str(error) or type(error).__name__, type(error).__name__)
    except Exception as error:  # noqa: BLE001 its text may quote a secret
        report_unforeseen(error)
        return Finding("FAIL", f"unforeseen {type(error).__name__}; the log says more", "unforeseen")

"""The findings of checks."""

from dataclasses import dataclass, field

from openl2m_stats.doctor.setups import Setup
from openl2m_stats.findings import Finding
from openl2m_stats.session import Session
from stats.aws.secrets import SecretStore
from stats.base.settings import Settings
from stats.database.driver import Server

__all__ = ["Finding", "Known", "listed"]


@dataclass
class Known:
    """The results so far: each check that succeeds adds those that later checks need.

    `causes` names for each check that failed or was skipped the one that failed.
    """

    setup: Setup
    causes: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(init=False)
    store: SecretStore = field(init=False)
    session: Session = field(init=False)
    named: Server = field(init=False)  # in the secret; the session may use another address


def listed(items: list[str], most: int) -> str:
    """Return the items as text, at most `most` of them."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")

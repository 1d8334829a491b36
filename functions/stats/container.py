"""What a container of either function is made of, put together in one place."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stats.authorization import Tokens
from stats.database import Database
from stats.secret_store import SecretStore
from stats.service import Service
from stats.settings import Settings
from stats.snapshots import Snapshots, open_snapshots

if TYPE_CHECKING:
    from stats.history import History


@dataclass(frozen=True)
class Container:
    """The parts that live as long as the container does."""

    settings: Settings
    tokens: Tokens
    database: Database
    snapshots: Snapshots | None
    service: Service

    @cached_property
    def history(self) -> "History | None":
        """The history, imported and made for the first request for it; None where there is no bucket."""
        from stats.history import History

        return History(self.settings, self.snapshots.bucket) if self.snapshots else None


def build(settings: Settings, s3_attempts: int = 1) -> Container:
    """Put the parts together; nothing is read or connected to yet. Each call to S3 is tried `s3_attempts` times."""
    secrets = SecretStore()
    database = Database(settings, secrets)
    snapshots = open_snapshots(settings, s3_attempts)
    return Container(settings, Tokens(settings, secrets), database, snapshots, Service(settings, database, snapshots))

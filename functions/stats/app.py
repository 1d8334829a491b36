"""What a container of either function is made of, put together in one place."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stats.aws.secrets import SecretStore
from stats.base.settings import Settings
from stats.database.session import Database
from stats.service import Service
from stats.snapshots.store import Snapshots, open_snapshots
from stats.tokens.authorization import Tokens

if TYPE_CHECKING:
    from stats.snapshots.history import History


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
        from stats.snapshots.history import History

        return History(self.settings, self.snapshots.bucket) if self.snapshots else None


def build(settings: Settings, s3_attempts: int = 1) -> Container:
    """Put the parts together; nothing is read or connected to yet. Each call to S3 is tried `s3_attempts` times."""
    secrets = SecretStore()
    database = Database(settings, secrets)
    snapshots = open_snapshots(settings, s3_attempts)
    return Container(settings, Tokens(settings, secrets), database, snapshots, Service(settings, database, snapshots))

"""The parts that each function consists of, put together in one place."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from stats.aws.secrets import SecretStore
from stats.base.settings import Settings
from stats.database.session import Database
from stats.reading import Reader
from stats.service import Service
from stats.snapshots.store import Snapshots, open_snapshots
from stats.tokens.authorization import Tokens

if TYPE_CHECKING:
    from stats.snapshots.history import History
    from stats.snapshots.past import Past

# The event that has either function examine itself. API Gateway cannot send it: its events always have a
# requestContext beside whatever a caller chooses. So it comes from who has lambda:InvokeFunction.
DOCTOR_EVENT = {"openl2m-stats": "doctor"}


@dataclass(frozen=True)
class App:
    """The parts that live as long as the execution environment."""

    settings: Settings
    tokens: Tokens
    database: Database
    reader: Reader
    snapshots: Snapshots | None
    service: Service

    @cached_property
    def history(self) -> "History | None":
        """The history, imported by the first request that needs it; None without a bucket."""
        from stats.snapshots.history import History

        return History(self.settings, self.snapshots.bucket) if self.snapshots else None

    @cached_property
    def past(self) -> "Past | None":
        """The single snapshots of the past; imported in the same way, and None without a bucket."""
        from stats.snapshots.past import Past

        return Past(self.snapshots) if self.snapshots else None


def build(settings: Settings, s3_attempts: int = 1) -> App:
    """Put the parts together, without reading or connecting. Each call to S3 has `s3_attempts` attempts."""
    secrets = SecretStore()
    database = Database(settings, partial(secrets.get, settings.database_secret_id))
    snapshots = open_snapshots(settings, s3_attempts)
    reader = Reader(database, settings.time_zone)
    service = Service(settings, reader, snapshots)
    return App(settings, Tokens(settings, secrets), database, reader, snapshots, service)

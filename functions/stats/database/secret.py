"""The database secret: the server it describes, and what to log in with while it is rotated or out of reach."""

from collections.abc import Iterator

from stats.aws.secrets import SecretStore, SecretUnavailableError, Stage
from stats.base.deadline import Deadline
from stats.base.remote import Source
from stats.base.settings import Settings
from stats.database.driver import DatabaseError, Server
from stats.database.server import parse_server

_MAX_AGE_SECONDS = 300
# Reading the secret may take this part of a request's time: what it said before may well still be right.
_SHARE = 1 / 3


class DatabaseSecret:
    """Keeps what the secret said last, and what logged in last."""

    def __init__(self, settings: Settings, secrets: SecretStore) -> None:
        self._settings = settings
        self._secrets = secrets
        self._source = Source(self._current, "database secret not readable", "SecretFailure")
        self._logged_in: Server | None = None
        self._doubted = False

    def prepare(self, deadline: Deadline) -> Server | None:
        """Read the secret ahead of the first login; return what it says, if that can be had."""
        self._source.refresh(deadline)
        return self._source.value

    def logins(self, deadline: Deadline) -> Iterator[Server]:
        """Yield what to log in with, the likeliest first, for as long as logins are refused.

        | attempt       | what                                           | when                                       |
        |---------------|------------------------------------------------|--------------------------------------------|
        | remembered    | the secret as read in the last 5 minutes       | no login has failed since                  |
        | current       | AWSCURRENT, read now                           | always                                     |
        | pending       | AWSPENDING: a rotation has set it already      | AWSCURRENT was read                        |
        | current again | AWSCURRENT, read now: the rotation has ended   | AWSCURRENT was read                        |
        | last good     | what logged in last, and what was read last    | always: Secrets Manager may be out of reach |
        """
        tried: list[Server] = []
        for server in self._attempts(deadline):
            if server is not None and server not in tried:
                tried.append(server)
                yield server

    def unreadable(self) -> DatabaseError:
        """Return the error of a secret that gives nothing to log in with."""
        error = self._source.error
        return error if isinstance(error, DatabaseError) else DatabaseError("database secret not readable", str(error))

    def _attempts(self, deadline: Deadline) -> Iterator[Server | None]:
        age = self._source.age(deadline.now)
        if not self._doubted and age is not None and age <= _MAX_AGE_SECONDS:
            yield self._source.value
        if self._source.refresh(deadline.share(_SHARE)):
            yield self._source.value
            yield self._pending(deadline.share(_SHARE))
            if self._source.refresh(deadline.share(_SHARE)):
                yield self._source.value
        yield self._logged_in
        yield self._source.value

    def accept(self, server: Server) -> None:
        """Note that a login succeeded."""
        self._logged_in, self._doubted = server, False

    def doubt(self) -> None:
        """Note that no login succeeded: the secret is to be read again before the next one."""
        self._doubted = True

    def _current(self, deadline: Deadline) -> Server:
        return self._read(deadline, "AWSCURRENT")

    def _pending(self, deadline: Deadline) -> Server | None:
        try:
            return self._read(deadline, "AWSPENDING")
        except (DatabaseError, SecretUnavailableError):  # mostly, there is none
            return None

    def _read(self, deadline: Deadline, stage: Stage) -> Server:
        text = self._secrets.get(self._settings.database_secret_id, deadline, stage)
        return parse_server(text, self._settings)

"""What to log in to the database with while its secret is rotated, malformed or out of reach, and in which order."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from stats.aws.secrets import Stage
from stats.base.deadline import Deadline
from stats.base.settings import load
from stats.database.driver import DatabaseError
from stats.database.secret import DatabaseSecret, parse_server
from tests.support.secret import Secret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class World:
    """The secret as a container keeps it, and where that is read from."""

    def __init__(self) -> None:
        self.aws = Secret()
        settings = load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens", "DATABASE_NAME": "other"})
        self.secret = DatabaseSecret(settings, partial(self.aws.get, "database"))

    def say(self, user: str, stage: Stage = "AWSCURRENT") -> None:
        secret = {"engine": "mysql", "host": "127.0.0.1", "username": user, "password": "p"}
        self.aws.texts[stage] = json.dumps(secret)

    def logins(self, seconds: float, accepted: str = "") -> list[str]:
        """Log in so many seconds after NOW; return the users that are tried, up to the one that is accepted."""
        tried = []
        for server in self.secret.logins(deadline(seconds)):
            tried.append(server.user)
            if server.user == accepted:
                self.secret.accept(server)
                return tried
        self.secret.doubt()
        return tried


def deadline(seconds: float) -> Deadline:
    started = Deadline.after(9)
    return Deadline(NOW + timedelta(seconds=seconds), started.began, started.ends)


@pytest.fixture
def world() -> World:
    world = World()
    world.say("first")
    return world


def test_the_secret_is_read_ahead(world: World) -> None:
    server = world.secret.prepare(deadline(0))
    assert server is not None
    assert (server.user, server.database) == ("first", "other")
    assert world.logins(0, accepted="first") == ["first"]
    assert world.aws.asked == [("database", "AWSCURRENT")]


def test_a_secret_that_cannot_be_read_ahead_is_left_to_the_first_login(world: World) -> None:
    world.aws.reachable = False
    assert world.secret.prepare(deadline(0)) is None
    world.aws.reachable = True
    assert world.logins(0, accepted="first") == ["first"]


def test_what_was_read_is_believed_for_five_minutes(world: World) -> None:
    assert world.logins(0, accepted="first") == ["first"]
    world.say("second")
    assert world.logins(300, accepted="first") == ["first"]
    assert world.logins(300.1, accepted="second") == ["second"]
    assert world.aws.asked == [("database", "AWSCURRENT")] * 2


def test_what_was_read_is_not_believed_after_the_clock_was_set_back(world: World) -> None:
    assert world.logins(0, accepted="first") == ["first"]
    world.say("second")
    assert world.logins(-1, accepted="second") == ["second"]


def test_what_was_refused_is_not_believed(world: World) -> None:
    assert world.logins(0, accepted="first") == ["first"]
    assert world.logins(1) == ["first"]
    world.say("second")
    assert world.logins(2, accepted="second") == ["second"]
    world.say("third")
    assert world.logins(3, accepted="second") == ["second"]  # a login that succeeds ends the doubt


def test_every_attempt_in_turn_and_none_twice(world: World) -> None:
    assert world.logins(0, accepted="first") == ["first"]
    world.say("second")
    world.say("third", "AWSPENDING")
    world.aws.asked.clear()
    assert world.logins(1) == ["first", "second", "third"]
    assert [stage for _, stage in world.aws.asked] == ["AWSCURRENT", "AWSPENDING", "AWSCURRENT"]


def test_a_rotation_may_end_while_its_version_is_looked_for(world: World) -> None:
    tried = []
    for server in world.secret.logins(deadline(0)):
        tried.append(server.user)
        world.say("second")
    assert tried == ["first", "second"]


@pytest.mark.parametrize("pending", ["{", "{}"])
def test_a_pending_version_that_is_malformed_counts_as_none(pending: str, world: World) -> None:
    world.aws.texts["AWSPENDING"] = pending
    assert world.logins(0) == ["first"]


def test_what_logged_in_last_and_what_was_read_last_outlive_secrets_manager(world: World) -> None:
    assert world.logins(0, accepted="first") == ["first"]
    world.say("second")
    assert world.logins(301) == ["second", "first"]
    world.aws.reachable = False
    assert world.logins(302) == ["first", "second"]
    assert [stage for _, stage in world.aws.asked[-1:]] == ["AWSCURRENT"]  # and no other after that


def test_each_reading_leaves_time_for_the_login(world: World) -> None:
    world.logins(0)
    assert world.aws.seconds == pytest.approx([3, 3, 3], abs=0.5)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, "database secret not readable", "ResourceNotFoundException"),
        ("{", "bad secret", "the database secret is not JSON"),
    ],
)
def test_a_secret_that_gives_nothing_to_log_in_with(text: str | None, code: str, words: str, world: World) -> None:
    world.aws.texts = {} if text is None else {"AWSCURRENT": text}
    assert world.logins(0) == []
    error = world.secret.unreadable()
    assert isinstance(error, DatabaseError)
    assert (error.code, error.text) == (code, words)


@pytest.mark.parametrize("host", ["postgresql://user:hunter2@db.example.com/openl2m", "user:hunter2@db.example.com"])
def test_a_url_is_not_a_host_and_its_password_is_not_repeated(host: str) -> None:
    """Whatever names the host, such as logs, errors, the doctor and snapshots, would name the password, too."""
    text = json.dumps({"engine": "postgres", "host": host, "username": "user", "password": "hunter2"})
    settings = load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens"})
    with pytest.raises(DatabaseError, match="'host' of the database secret is not a host name") as raised:
        parse_server(text, settings)
    assert "hunter2" not in str(raised.value)

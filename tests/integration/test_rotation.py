"""The database password is rotated as Secrets Manager's rotation functions do it, and no caller notices."""

import contextlib
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from dev.servers.databases import Database, run_client, run_script
from openl2m_stats.grants import command as grants
from stats.numbers.catalogue import SERVED
from tests.integration.conftest import AWS, Response
from tests.support import leaks
from tests.support.events import http_api
from tests.support.outages import end_sessions, kill_sessions, wait_until
from tests.support.proxy import Proxy
from tests.support.rotation import NameTooLongError, Rotation, alternating, drop_user, other_user
from tests.support.workers import Worker, workers

ROTATIONS = 20
CONTAINERS = 4


class Callers:
    """Sends requests to every container, one after the other without a pause, and keeps the answers."""

    def __init__(self, containers: Sequence[Worker], event: Any) -> None:
        self._event = event
        self._answers: list[list[Any]] = [[] for _ in containers]
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=each) for each in zip(containers, self._answers, strict=True)
        ]

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def _call(self, container: Worker, answers: list[Any]) -> None:
        while not self._ended.is_set():
            container.hand([(self._event, None)])
            answers += container.collect()
            self._ended.wait(0.02)  # the rest of this machine has work to do too

    def wait_for_answers(self) -> None:
        """Wait until every container has answered a request that was sent after this call."""
        before = [len(answers) for answers in self._answers]
        # The next answer may be to a request that is under way.
        wait_until(lambda: all(len(now) >= then + 2 for now, then in zip(self._answers, before, strict=True)))

    def outcomes(self) -> set[tuple[int, str | None]]:
        return {
            (answer["statusCode"], answer["headers"].get("Cache-Status"))
            for answers in self._answers
            for answer in answers
        }


def put_pending(aws: AWS, secret: dict[str, Any]) -> str:
    """Give the database secret a pending version; return its id."""
    answer = aws.client.put_secret_value(
        SecretId=aws.database_secret, SecretString=json.dumps(secret), VersionStages=["AWSPENDING"]
    )
    version: str = answer["VersionId"]
    return version


def make_current(aws: AWS, version: str) -> None:
    stages = aws.client.describe_secret(SecretId=aws.database_secret)["VersionIdsToStages"]
    [current] = [each for each, names in stages.items() if "AWSCURRENT" in names]
    # In moto, unlike in AWS, there is a moment without a current version: no other thread may run in it.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        aws.client.update_secret_version_stage(
            SecretId=aws.database_secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=version,
            RemoveFromVersionId=current,
        )
    finally:
        sys.setswitchinterval(interval)


def alternate(rotation: Rotation) -> tuple[str, Database]:
    """Take the steps of a rotation up to the last; return the version that is to become current."""
    version, pending = rotation.create()
    rotation.set(pending)
    return version, pending


@pytest.mark.slow
def test_no_caller_notices_that_the_password_is_rotated(
    server_db: Database, aws: AWS, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rotate() -> str:
        password = leaks.new_password()
        version = put_pending(aws, server_db.secret(password=password))
        server_db.set_password(password)
        end_sessions(server_db)
        return version

    assert_that_no_caller_notices(rotate, server_db, aws, monkeypatch)


@pytest.mark.slow
def test_no_caller_notices_that_users_alternate(server_db: Database, aws: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    with short_name(server_db) as database, alternating(aws.client, aws.database_secret, database) as rotation:

        def rotate() -> str:
            version, pending = alternate(rotation)
            end_sessions(pending)
            rotation.database = pending
            return version

        assert_that_no_caller_notices(rotate, database, aws, monkeypatch)


def assert_that_no_caller_notices(
    rotate: Callable[[], str], database: Database, aws: AWS, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_database(database.secret())
    event = http_api(headers=[("Authorization", f"Token {aws.new_token()}")])
    # Every answer is the database's: none that is kept hides a failure.
    monkeypatch.setenv("CACHE_TTL_SECONDS", "0")
    monkeypatch.setenv("MAX_STALE_SECONDS", "0")
    with workers(CONTAINERS, "stats.api") as containers:
        callers = Callers(containers, event)
        with callers.calling():
            callers.wait_for_answers()
            for number in range(ROTATIONS):
                version = rotate()
                if number % 4 < 2:  # else the version becomes current while the containers look for it
                    callers.wait_for_answers()
                make_current(aws, version)
                callers.wait_for_answers()
    assert callers.outcomes() == {(200, "openl2m-stats; fwd=miss")}


@contextlib.contextmanager
def short_name(database: Database) -> Iterator[Database]:
    """Yield the database with a user whose name AWS's function takes on MySQL, too: made by the script, so renamed."""
    named = replace(database, user=f"s{secrets.token_hex(4)}")  # with _clone, 15 characters
    run_script(named, "read_only_user")
    try:
        yield named
    finally:
        drop_user(named)


def test_users_that_alternate_from_the_first_rotation_on(server_db: Database, aws: AWS, new_container: Any) -> None:
    """The first one makes the second user; the next ones return to the first, and to the second."""
    with short_name(server_db) as database, alternating(aws.client, aws.database_secret, database) as rotation:
        aws.put_database(database.secret())
        key = aws.new_token()
        running = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0)
        users = []
        for _ in range(4):
            version, pending = alternate(rotation)
            assert whole(running.get(key))
            make_current(aws, version)
            kill_sessions(rotation.database)
            started = new_container()
            assert whole(started.get(key))
            assert whole(running.get(key))
            rotation.database = pending
            users.append(started.api._app.database.server.user)
        assert users == [f"{database.user}_clone", database.user] * 2


def test_grants_of_an_upgrade_reach_both_users(server_db: Database, aws: AWS, new_container: Any) -> None:
    """With what docs/operate.md has the operator run, whichever user is current."""
    with short_name(server_db) as database, alternating(aws.client, aws.database_secret, database) as rotation:
        _, clone = alternate(rotation)
        users = (database, clone)
        for user in users if database.dialect == "mysql" else users[:1]:
            database.execute(f"REVOKE SELECT (id) ON switches_vlan FROM {user.user}")
        named = [word for user in users for word in ("--user", user.user)]
        printed = CliRunner().invoke(grants, ["--engine", database.dialect, *named], catch_exceptions=False)
        run_client(database, printed.output)
        for user in users:
            aws.put_database(user.secret())
            key = aws.new_token()
            assert whole(new_container(CACHE_TTL_SECONDS=0).get(key))


def whole(response: Response) -> bool:
    return response.status == 200 and sum(map(len, response.json.values())) == len(SERVED)


@pytest.mark.parametrize(("engine", "fits"), [("mysql", False), ("mariadb", True), ("postgres", True)], ids=str)
def test_user_of_the_scripts_is_too_long_for_mysqls_function_only(engine: str, fits: bool) -> None:
    """docs/operate.md names a shorter one."""
    with contextlib.nullcontext() if fits else pytest.raises(NameTooLongError):
        assert other_user("openl2m_stats", engine) == "openl2m_stats_clone"
    assert other_user("l2m_stats", engine) == "l2m_stats_clone"
    assert other_user("l2m_stats_clone", engine) == "l2m_stats"


def test_the_pending_version_is_asked_for_last(
    server_db: Database, aws: AWS, new_container: Any, secrets_manager_proxy: Proxy
) -> None:
    """A pending version may never become current: it is believed only when the current one is refused."""

    def stages_asked_for() -> list[str]:
        bodies = re.findall(rb"\{[^}]*\}", proxy.sent)
        proxy.sent = b""
        requests = [json.loads(body) for body in bodies if aws.database_secret.encode() in body]
        return [request["VersionStage"] for request in requests]

    proxy = secrets_manager_proxy
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0, AWS_ENDPOINT_URL=f"http://{proxy.host}:{proxy.port}")
    assert container.get(key).status == 200
    assert stages_asked_for() == ["AWSCURRENT"]

    password = leaks.new_password()
    version = put_pending(aws, server_db.secret(password=password))
    server_db.set_password(password)
    kill_sessions(server_db)
    assert container.get(key).status == 200
    assert stages_asked_for() == ["AWSCURRENT", "AWSPENDING"]

    make_current(aws, version)
    kill_sessions(server_db)
    assert container.get(key).status == 200
    assert stages_asked_for() == ["AWSCURRENT"]

    kill_sessions(server_db)
    assert container.get(key).status == 200
    assert stages_asked_for() == []


def test_a_rotation_that_ends_while_its_version_is_looked_for(
    server_db: Database, aws: AWS, new_container: Any
) -> None:
    """The pending version becomes current, and is no longer pending, just before it is asked for."""
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200

    password = leaks.new_password()
    version = put_pending(aws, server_db.secret(password=password))
    server_db.set_password(password)
    kill_sessions(server_db)
    asked_for: list[str] = []

    def end_rotation(request: Any, **_: Any) -> None:
        asked_for.append(json.loads(request.body)["VersionStage"])
        if asked_for[-1] == "AWSPENDING":
            make_current(aws, version)
            aws.client.update_secret_version_stage(
                SecretId=aws.database_secret, VersionStage="AWSPENDING", RemoveFromVersionId=version
            )

    events = container.secrets_manager_events
    events.register("before-send.secrets-manager.GetSecretValue", end_rotation)
    assert container.get(key).status == 200
    assert asked_for == ["AWSCURRENT", "AWSPENDING", "AWSCURRENT"]

"""The database password is rotated as Secrets Manager's rotation functions do it, and no caller notices."""

import contextlib
import itertools
import json
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.support.events import http_api
from tests.support.outages import end_sessions, kill_sessions, wait_until
from tests.support.proxy import Proxy
from tests.support.workers import Worker, workers

ROTATIONS = 20
CONTAINERS = 4


@contextlib.contextmanager
def with_clone(database: Database) -> Iterator[Database]:
    """Yield the second user of the strategy of alternating users, made and given its rights as AWS's function does."""
    clone = replace(database, user=f"{database.user}_clone", password=leaks.new_password())
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        if database.dialect == "postgresql":
            cursor.execute(f"CREATE ROLE {clone.user} LOGIN PASSWORD '{clone.password}'")
            cursor.execute(f"GRANT {database.user} TO {clone.user}")
        else:
            cursor.execute(f"CREATE USER {clone.user} IDENTIFIED BY '{clone.password}'")
            cursor.execute(f"SHOW GRANTS FOR {database.user}")
            for (grant,) in cursor.fetchall():
                rights, _, _ = grant.partition(" TO ")
                cursor.execute(f"{rights} TO {clone.user}")
        try:
            yield clone
        finally:
            cursor.execute(f"DROP {'ROLE' if database.dialect == 'postgresql' else 'USER'} {clone.user}")


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


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["single user", "alternating users"])
def test_no_caller_notices_that_the_password_is_rotated(
    strategy: str, server_db: Database, aws: AWS, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_database(server_db.secret())
    event = http_api(headers=[("Authorization", f"Token {aws.new_token()}")])
    # Every answer is the database's: none that is kept hides a failure.
    monkeypatch.setenv("CACHE_TTL_SECONDS", "0")
    monkeypatch.setenv("MAX_STALE_SECONDS", "0")
    with contextlib.ExitStack() as stack:
        users = [server_db]
        if strategy == "alternating users":
            users.insert(0, stack.enter_context(with_clone(server_db)))
        callers = Callers(stack.enter_context(workers(CONTAINERS, "stats.api")), event)
        with callers.calling():
            callers.wait_for_answers()
            for number, user in zip(range(ROTATIONS), itertools.cycle(users), strict=False):
                password = leaks.new_password()
                version = put_pending(aws, user.secret(password=password))
                user.set_password(password)
                end_sessions(user)
                if number % 4 < 2:  # else the version becomes current while the containers look for it
                    callers.wait_for_answers()
                make_current(aws, version)
                callers.wait_for_answers()
    assert callers.outcomes() == {(200, "openl2m-stats; fwd=miss")}


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

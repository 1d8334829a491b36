"""`make doctor`: every check, when all is well and when it is not."""

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
import time_machine
from werkzeug import Request, Response
from werkzeug.serving import make_server

from dev.servers.databases import Database, Server, run_script
from dev.servers.processes import free_port
from openl2m_stats.cli import main
from tests.integration.conftest import AWS, cold_start, token_record
from tests.support import leaks
from tests.support.certificates import new_authority, new_certificate
from tests.support.databases import ROOT, server_database
from tests.support.outages import fake_server, hung, log_locked, slow, table_missing, user_refused
from tests.support.s3 import S3
from tests.support.tls_servers import HOST, TLSServer

OF_DATABASE = [
    "network",
    "TLS",
    "login",
    "grants",
    "least privilege",
    "clock",
    "time limit",
    "time zone",
    "statement",
    "index",
]
NAMES = ["settings", "AWS", "database secret", *OF_DATABASE, "token secret", "snapshot"]


@dataclass(frozen=True)
class Report:
    """What a run printed, and its exit code."""

    code: int
    title: str
    findings: list[dict[str, str]]

    def __getitem__(self, name: str) -> dict[str, str]:
        [finding] = [finding for finding in self.findings if finding["name"] == name]
        return finding

    @property
    def skipped(self) -> list[str]:
        return [finding["name"] for finding in self.findings if finding["state"] == "skip"]

    @property
    def wrong(self) -> dict[str, str]:
        """The states that are not `ok`, by the check's name, without those that were skipped."""
        return {
            finding["name"]: finding["state"] for finding in self.findings if finding["state"] not in {"ok", "skip"}
        }


Examine = Callable[..., Report]


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Return a function that runs the command, with arguments."""

    def run(*arguments: str) -> Report:
        capsys.readouterr()
        code = main(["doctor", "--json", *arguments])
        printed = capsys.readouterr()
        assert printed.err == ""
        assert not leaks.found_in(printed.out)
        report = json.loads(printed.out)
        assert all(bool(each["advice"]) == (each["state"] in {"warn", "FAIL"}) for each in report["findings"])
        return Report(code, report["checked"], report["findings"])

    return run


def check(report: Report, name: str, state: str, *words: str) -> None:
    """Check that this is the one finding that is not `ok`, and that it has the words."""
    assert report.wrong == {name: state}
    assert report.code == (1 if state == "FAIL" else 0)
    finding = report[name]
    for word in words:
        assert word in f"{finding['seen']}. {finding['advice']}"


def ask(database: Database, sql: str) -> Any:
    """Return what the superuser is told."""
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def healthy(aws: AWS, s3: S3) -> Callable[[Database], None]:
    """Return a function that makes a deployment of a database: a secret, a token and a snapshot of just now."""

    def deploy(database: Database) -> None:
        aws.put_database(database.secret())
        aws.new_token()
        schedule = cold_start("stats.schedule")
        schedule.handler({}, None)
        schedule._container.database.close()

    return deploy


@pytest.fixture
def sqlite_healthy(sqlite_db: Database, healthy: Any) -> Database:
    healthy(sqlite_db)
    return sqlite_db


@pytest.fixture
def server_healthy(server_db: Database, healthy: Any) -> Database:
    healthy(server_db)
    return server_db


def test_all_is_well(database: Database, healthy: Any, examine: Examine) -> None:
    database.insert("switches_log", [{"type": 1, "action": 1, "timestamp": datetime.now(UTC)}])
    healthy(database)
    report = examine()
    assert report.title == "the set-up that this environment's variables describe"
    assert (report.code, report.wrong) == (0, {})
    assert [finding["name"] for finding in report.findings] == NAMES
    assert report["grants"]["seen"] == "all 16 columns of 11 tables can be read"
    assert "1 log entries" in report["statement"]["seen"]
    assert report["token secret"]["seen"].startswith("1 usable; ")
    if database.server:
        assert f"user {database.user} with a password" in report["database secret"]["seen"]
        assert " MB" in report["statement"]["seen"]


def test_lines(sqlite_healthy: Database, aws: AWS, capsys: pytest.CaptureFixture[str]) -> None:
    aws.put_tokens()
    capsys.readouterr()
    assert main(["doctor"]) == 0
    title, empty, *lines = capsys.readouterr().out.splitlines()
    assert (title[:9], title[-1], empty) == ("Checking ", ".", "")
    assert [line[6:22].rstrip() for line in lines] == NAMES
    [warning] = [line for line in lines if not line.startswith("ok ")]
    assert warning.startswith("warn  token secret     it holds no token: every caller gets 401. Make a token. ")


@pytest.mark.parametrize("secret", ["DATABASE_SECRET_ID", "TOKENS_SECRET_ID"])
def test_settings(secret: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars")
    monkeypatch.delenv(secret)
    report = examine()
    check(report, "settings", "FAIL", f"{secret} is not set: it takes", "TIME_ZONE is wrong: it takes a zone")
    assert report.skipped == NAMES[1:]


def test_api_switched_off(sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_ENABLED", "false")
    check(examine(), "settings", "warn", "API_ENABLED is false", "401")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, ["no credentials", "log in"]),
        ({"AWS_DEFAULT_REGION": ""}, ["region", "AWS_REGION"]),
        ({"AWS_PROFILE": "nobody"}, ["nobody", "AWS_PROFILE"]),
        ({"AWS_ENDPOINT_URL": "nonsense"}, ["Invalid endpoint: nonsense", "AWS_ENDPOINT_URL"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_aws(
    variables: dict[str, str],
    words: list[str],
    sqlite_healthy: Database,
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    report = examine()
    check(report, "AWS", "FAIL", *words)
    assert report.skipped == NAMES[2:]


@contextlib.contextmanager
def answering(respond: Callable[[Request], Response]) -> Iterator[str]:
    """Serve what stands in for an AWS service; yield its URL."""
    server = make_server("127.0.0.1", 0, Request.application(respond), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "log in again"),
        ("UnrecognizedClientException", "log in again"),
        ("InvalidSignatureException", "clock"),
        ("DecryptionFailure", "KMS key"),
        ("InvalidRequestException", "restore-secret"),
        ("TeapotException", "within reach of this machine"),
    ],
)
def test_secrets_that_may_not_be_read(
    code: str, words: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = json.dumps({"__type": code, "Message": leaks.new_password()})
    with answering(lambda _: Response(refusal, 400, content_type="application/x-amz-json-1.1")) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        report = examine()
    assert (report.code, report.wrong) == (1, {"database secret": "FAIL", "token secret": "FAIL"})
    assert report.skipped == OF_DATABASE
    for name in report.wrong:
        assert f"cannot be read: {code}" in report[name]["seen"]
        assert words in report[name]["advice"]


def test_secrets_manager_out_of_reach(
    sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    report = examine()
    assert (report.code, report.wrong) == (1, {"database secret": "FAIL", "token secret": "FAIL"})
    assert "EndpointConnectionError" in report["database secret"]["seen"]


@pytest.mark.parametrize(
    ("name", "variable"), [("database secret", "DATABASE_SECRET_ID"), ("token secret", "TOKENS_SECRET_ID")]
)
def test_no_such_secret(
    name: str, variable: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "elsewhere")
    seen = "elsewhere cannot be read: ResourceNotFoundException"
    check(examine(), name, "FAIL", seen, f"There is none of this name in us-east-1: look at {variable}")


def test_secrets_without_a_value(aws: AWS, s3: S3, examine: Examine) -> None:
    report = examine()
    assert report.wrong == {"database secret": "FAIL", "token secret": "warn", "snapshot": "warn"}
    assert report["database secret"]["seen"] == f"{aws.database_secret} has no value"
    assert report["token secret"]["seen"] == f"{aws.tokens_secret} has no value: every caller gets 401"
    assert report.skipped == OF_DATABASE


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("{{{}", "the database secret is not JSON"),
        ('{{"engine": "postgres", "password": "{}"}}', "the database secret has no usable 'host'"),
        ('{{"engine": "{}"}}', "'engine' of the database secret is none of mysql, "),
    ],
)
def test_a_malformed_database_secret(
    secret: str, words: str, sqlite_healthy: Database, aws: AWS, examine: Examine
) -> None:
    aws.put_database(secret.format(leaks.new_password()))
    check(examine(), "database secret", "FAIL", words, '{"engine", "host"')


def test_a_rotation_in_progress(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    assert "rotated" not in examine()["database secret"]["seen"]
    pending = json.dumps(server_healthy.secret(password=leaks.new_password()))
    aws.client.put_secret_value(SecretId=aws.database_secret, SecretString=pending, VersionStages=["AWSPENDING"])
    report = examine()
    assert report.wrong == {}
    assert report["database secret"]["seen"].endswith("; its password is being rotated (AWSPENDING)")


def test_a_file_that_is_not_there(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(sqlite_healthy.secret(dbname="/nonexistent"))
    report = examine()
    check(report, "network", "FAIL", "there is no file /nonexistent")
    assert report.skipped == OF_DATABASE[1:]


def elsewhere(**changes: Any) -> dict[str, Any]:
    """Return the secret of a database that is not there."""
    secret = {"engine": "postgres", "host": HOST, "username": "nobody", "password": leaks.new_password()}
    return {**secret, **changes}


def test_a_port_that_nothing_listens_on(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    port = free_port()
    aws.put_database(elsewhere(host="127.0.0.1", port=port))
    report = examine()
    check(report, "network", "FAIL", f"127.0.0.1 port {port} refuses connections", "look at 'port'")
    assert report.skipped == OF_DATABASE[1:]


@pytest.mark.parametrize("host", [HOST, "db..example.test"])
def test_a_host_without_an_address(
    host: str, sqlite_healthy: Database, aws: AWS, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def unknown(name: str, *args: Any, **named: Any) -> Any:
        if name == HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(name, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    aws.put_database(elsewhere(host=host))
    check(examine(), "network", "FAIL", f"{host} does not resolve: ", "'host' of the database secret")


@pytest.mark.parametrize(
    ("address", "failure", "words"),
    [
        ("10.0.0.7", TimeoutError(), "Its address is private: from outside its VPC this is what to expect"),
        ("52.0.0.7", TimeoutError(), "security group"),
        ("52.0.0.7", OSError(101, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_a_host_out_of_reach(
    address: str,
    failure: OSError,
    words: str,
    sqlite_healthy: Database,
    aws: AWS,
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No packet leaves this machine: the system says at once what it would say in the end."""
    connect = socket.socket.connect

    def lost(self: socket.socket, to: Any) -> None:
        if to[0] == address:
            raise failure
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", lost)
    aws.put_database(elsewhere(host=address))
    check(examine(), "network", "FAIL", f"{address} port 5432", words)


@pytest.fixture
def tls_database(tls_server: TLSServer) -> Iterator[Database]:
    with server_database(tls_server.server) as database:
        yield database


@pytest.fixture
def through_tls(
    tls_server: TLSServer, tls_database: Database, healthy: Any, aws: AWS, tmp_path: Path, monkeypatch: Any
) -> Callable[[Any, tuple[bytes, bytes]], None]:
    """Return a function that deploys a database that is reached by name, trusting an authority."""

    def deploy(authority: Any, certificate: tuple[bytes, bytes]) -> None:
        healthy(tls_database)
        tls_server.present(certificate)
        (tmp_path / "authority.pem").write_bytes(authority.pem)
        monkeypatch.setenv("DATABASE_CA_FILE", str(tmp_path / "authority.pem"))
        aws.put_database(tls_database.secret(host=HOST))

    return deploy


@pytest.mark.usefixtures("_host_resolves")
def test_a_good_certificate(through_tls: Any, examine: Examine) -> None:
    authority = new_authority()
    through_tls(authority, new_certificate(authority, HOST, days=50))
    report = examine()
    assert report.wrong == {}
    assert report["TLS"]["seen"] == f"verified, {HOST}, expires in 49 days"


@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_expires_soon(through_tls: Any, examine: Examine) -> None:
    authority = new_authority()
    through_tls(authority, new_certificate(authority, HOST, days=20))
    check(examine(), "TLS", "warn", "expires in 19 days", "Renew")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("wrong host name", ["Hostname mismatch", "'host' of the database secret must be a name"]),
        ("unknown authority", ["unable to get local issuer certificate", "authority.pem does not hold its authority"]),
        ("expired", ["certificate has expired", "a new certificate"]),
    ],
)
@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_is_refused(problem: str, words: list[str], through_tls: Any, examine: Examine) -> None:
    trusted = new_authority()
    certificate = {
        "wrong host name": new_certificate(trusted, "other.example.test"),
        "unknown authority": new_certificate(new_authority(), HOST),
        "expired": new_certificate(trusted, HOST, days=-1),
    }[problem]
    through_tls(trusted, certificate)
    report = examine()
    check(report, "TLS", "FAIL", *words)
    assert report.skipped == OF_DATABASE[2:]


@pytest.mark.usefixtures("_host_resolves")
def test_a_server_without_tls(plain_server: Server, healthy: Any, aws: AWS, examine: Examine) -> None:
    with server_database(plain_server) as database:
        healthy(database)
        aws.put_database(database.secret(host=HOST))
        check(examine(), "TLS", "FAIL", "the server offers no TLS", "Switch TLS on")


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x00\x00\x00\x00", b"\x05\x00\x00\x00nonce", b"H" * 70_000],
    ids=["nothing", "empty", "short", "long"],
)
@pytest.mark.parametrize("engine", ["postgres", "mysql"])
@pytest.mark.usefixtures("_host_resolves")
def test_what_is_no_database_server(
    engine: str, greeting: bytes, sqlite_healthy: Database, aws: AWS, examine: Examine
) -> None:
    with fake_server(greeting, stays=False) as port:
        aws.put_database(elsewhere(engine=engine, port=port))
        report = examine()
    assert report.wrong == {"TLS": "FAIL"}


@pytest.mark.usefixtures("_host_resolves")
def test_mysql_that_refuses_this_machine(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    text = b"\xff\x69\x04Host '10.0.0.7' is blocked"
    with fake_server(len(text).to_bytes(3, "little") + b"\0" + text, stays=True) as port:
        aws.put_database(elsewhere(engine="mysql", port=port))
        check(examine(), "TLS", "FAIL", "Host '10.0.0.7' is blocked")


@pytest.mark.usefixtures("_host_resolves")
def test_tls_settings(
    postgresql_tls: TLSServer, aws: AWS, sqlite_healthy: Database, examine: Examine, monkeypatch: Any, tmp_path: Path
) -> None:
    aws.put_database(elsewhere(port=postgresql_tls.server.port))
    monkeypatch.setenv("DATABASE_TLS", "off")
    check(examine(), "TLS", "FAIL", "DATABASE_TLS=off, and the host is not loopback")
    monkeypatch.delenv("DATABASE_TLS")
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("DATABASE_CA_FILE", str(tmp_path / "empty.pem"))
    check(examine(), "TLS", "FAIL", "empty.pem cannot be used", "PEM")


@pytest.mark.usefixtures("_host_resolves")
def test_the_authorities_are_those_of_rds(
    postgresql_tls: TLSServer, aws: AWS, sqlite_healthy: Database, examine: Examine
) -> None:
    """The layer's path, which is the default, is not on this machine."""
    postgresql_tls.present(new_certificate(new_authority(), HOST))
    aws.put_database(elsewhere(port=postgresql_tls.server.port))
    check(examine(), "TLS", "FAIL", "rds-global-bundle.pem does not hold its authority")


def test_a_wrong_password(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(server_healthy.secret(password=leaks.new_password()))
    report = examine()
    code = "1045" if server_healthy.dialect == "mysql" else "28P01"
    check(report, "login", "FAIL", code, "User name or password of the database secret")
    assert report.skipped == OF_DATABASE[3:]


def test_a_locked_user(server_healthy: Database, examine: Examine) -> None:
    with user_refused(server_healthy):
        report = examine()
    check(report, "login", "FAIL")
    if server_healthy.dialect == "postgresql":
        assert "the user is locked" in report["login"]["advice"]


def test_no_such_database(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(server_healthy.secret(dbname="nowhere"))
    check(examine(), "login", "FAIL", "nowhere", "Look at 'dbname'")


def test_no_connection_left(server_healthy: Database, examine: Examine) -> None:
    user = server_healthy.user
    if server_healthy.dialect == "postgresql":
        server_healthy.execute(f"ALTER ROLE {user} CONNECTION LIMIT 0")
    else:
        server_healthy.execute(f"ALTER USER {user} WITH MAX_CONNECTIONS_PER_HOUR 1")
    examine()
    check(examine(), "login", "FAIL", "ReservedConcurrency")


def test_a_server_that_hangs(plain_server: Server, healthy: Any, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with server_database(plain_server) as database:
        healthy(database)
        with hung(database):
            report = examine()
    check(report, "login", "FAIL", "timeout", "overloaded")


def test_a_file_that_is_no_database(sqlite_healthy: Database, aws: AWS, tmp_path: Path, examine: Examine) -> None:
    (tmp_path / "other").write_text("nothing of the kind")
    aws.put_database(sqlite_healthy.secret(dbname=str(tmp_path / "other")))
    report = examine()
    assert report.code == 1
    assert report.wrong["grants"] == "FAIL"
    assert "SQLITE_NOTADB" in report["grants"]["seen"]
    assert "documentation" in report["grants"]["advice"]
    assert report.skipped == OF_DATABASE[-3:]


def test_missing_grants(server_healthy: Database, examine: Examine) -> None:
    user = server_healthy.user
    server_healthy.execute(f"REVOKE SELECT (action, user_id) ON switches_log FROM {user}")
    server_healthy.execute(f"REVOKE SELECT (id) ON users_token FROM {user}")
    report = examine()
    words = "cannot read users_token (id), switches_log (action, user_id)"
    command = f"openl2m-stats grants --engine {server_healthy.dialect} --user {user}"
    check(report, "grants", "FAIL", words, command, server_healthy.name)
    assert report.skipped == OF_DATABASE[-3:]

    lines = re.findall(r"GRANT [^;]+", report["grants"]["advice"])
    assert len(lines) == 2
    for line in lines:
        server_healthy.execute(line)
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_missing_grants_of_an_account_that_is_bound_to_a_host(
    server_healthy: Database, aws: AWS, examine: Examine
) -> None:
    assert server_healthy.server
    user, password = f"{server_healthy.name}_bound", leaks.new_password()
    account = f"'{user}'@'127.0.0.1'"
    server_healthy.execute(f"CREATE USER {account} IDENTIFIED BY '{password}'")
    try:
        server_healthy.execute(f"GRANT SELECT (id) ON switches_vlan TO {account}")
        aws.put_database(server_healthy.secret(username=user, password=password))
        advice = examine()["grants"]["advice"]
        assert f"--user {user}@127.0.0.1`" in advice
        for line in re.findall(r"GRANT [^;]+", advice):
            server_healthy.execute(line)
        assert examine().wrong == {}
    finally:
        server_healthy.server.execute(f"DROP USER {account}")


def test_a_table_that_is_missing(database: Database, healthy: Any, examine: Examine) -> None:
    healthy(database)
    with table_missing(database):
        report = examine()
    assert report.wrong["grants"] == "FAIL"
    assert report["grants"]["seen"] == "cannot read switches_vlangroup (id)"


def test_more_rights_than_needed(server_healthy: Database, examine: Examine) -> None:
    mysql, user = server_healthy.dialect == "mysql", server_healthy.user
    key = "`key`" if mysql else "key"
    for right, words in (
        (f"SELECT ({key}) ON users_token", "may also read users_token (key)"),
        ("SELECT ON auth_user", "may also read auth_user (password, "),
        ("SELECT (name, community) ON switches_snmpprofile", "may also read switches_snmpprofile (community, name)"),
        ("SELECT (password) ON switches_netmikoprofile", "may also read switches_netmikoprofile (password)"),
        ("UPDATE (name) ON switches_vlan", "may write switches_vlan"),
        ("INSERT ON switches_vlan", "may write switches_vlan"),
        ("DELETE ON switches_log", "has DELETE" if mysql else "may write switches_log"),
    ):
        server_healthy.execute(f"GRANT {right} TO {user}")
        report = examine()
        check(report, "least privilege", "warn", "read_only_user")
        assert report["least privilege"]["seen"].startswith(words)
        server_healthy.execute(f"REVOKE {right} FROM {user}")
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_rights_that_are_not_about_rows(server_healthy: Database, examine: Examine) -> None:
    """Show it for every right on a table that this version knows, and for a role that it comes with."""
    known = ask(server_healthy, "SELECT privilege_type FROM aclexplode(acldefault('r', 10))")
    rights = {right for (right,) in known} - {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"}
    assert {"REFERENCES", "TRIGGER"} <= rights
    for names, where, user in (
        (sorted(rights), " ON switches_log", server_healthy.user),
        (["TRIGGER"], " ON switches_log", "PUBLIC"),
        (["pg_read_all_settings"], "", server_healthy.user),
    ):
        right = ", ".join(names)
        server_healthy.execute(f"GRANT {right}{where} TO {user}")
        check(examine(), "least privilege", "warn", f"has {right}", "read_only_user")
        server_healthy.execute(f"REVOKE {right}{where} FROM {user}")
    assert examine().wrong == {}


def test_a_superuser(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    server = server_healthy.server
    assert server
    aws.put_database(server_healthy.secret(username=server.superuser, password=server.superuser_password))
    report = examine()
    assert report.wrong["least privilege"] == "warn"
    seen = report["least privilege"]["seen"]
    assert seen.startswith("may also read auth_user (password, ")
    assert "may write auth_user, " in seen
    assert ("; has SUPERUSER" if server.dialect == "postgresql" else "; has A") in seen
    assert len(seen) < 600  # of hundreds of columns


@pytest.mark.parametrize(("seconds", "words"), [(60, "behind"), (-60, "ahead of")])
def test_clocks_apart(seconds: int, words: str, server_healthy: Database, examine: Examine) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True):
        check(examine(), "clock", "warn", f"s {words} this machine's", "Synchronise")


def test_a_log_entry_that_lies_ahead(database: Database, healthy: Any, examine: Examine) -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    database.insert("switches_log", [{"type": 1, "action": 1, "timestamp": ahead}])
    healthy(database)
    check(examine(), "time zone", "warn", f"is of {ahead:%Y-%m-%dT%H:%M:%S}Z", "OpenL2M stores UTC")


def test_when_today_began(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("TIME_ZONE", "Asia/Kathmandu")
    report = examine()
    assert report["time zone"]["state"] == "ok"
    assert report["time zone"]["seen"].startswith("Asia/Kathmandu, today began at 2")
    assert report["time zone"]["seen"].endswith("T18:15Z; the log is empty")


@pytest.mark.parametrize(
    ("limit", "timeout", "words"),
    [
        ("0", 10, "statement_timeout is off, REQUEST_TIMEOUT_SECONDS 10"),
        ("60s", 10, "statement_timeout is 60 s"),
        ("10s", 9, "statement_timeout is 10 s, REQUEST_TIMEOUT_SECONDS 9"),
    ],
)
@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_time_limit(
    limit: str, timeout: int, words: str, server_healthy: Database, examine: Examine, monkeypatch: Any
) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", str(timeout))
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '{limit}'")
    remedy = f"""ALTER ROLE "{server_healthy.user}" SET statement_timeout = '{timeout}s'"""
    check(examine(), "time limit", "warn", words, remedy)
    server_healthy.execute(remedy)
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_time_limit_that_ends_the_session(server_healthy: Database, examine: Examine) -> None:
    if not ask(server_healthy, "SELECT name FROM pg_settings WHERE name = 'transaction_timeout'"):
        assert examine()["time limit"]["state"] == "ok"  # there is none before PostgreSQL 17
        return
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET transaction_timeout = '7s'")
    remedy = f"""ALTER ROLE "{server_healthy.user}" SET transaction_timeout = 0"""
    check(examine(), "time limit", "warn", "REQUEST_TIMEOUT_SECONDS 10, transaction_timeout 7 s", remedy)
    server_healthy.execute(remedy)
    assert examine().wrong == {}


def test_a_large_log_without_the_index(server_healthy: Database, examine: Examine) -> None:
    server_healthy.insert("switches_log", [{"type": 1, "action": 1}] * 25)
    columns = "if_index, ip_address, type, action, if_name"
    for rows in (*(25 * 2**doubled for doubled in range(11)), 48_799):
        more = f"SELECT {columns} FROM switches_log LIMIT {rows}"
        server_healthy.execute(f"INSERT INTO switches_log ({columns}) {more}")
    assert examine()["index"]["seen"] == "none is needed below 100,000 log entries"
    server_healthy.insert("switches_log", [{"type": 1, "action": 1}])
    script = f"infra/database/log_index.{server_healthy.dialect}.sql"
    server_healthy.execute("CREATE INDEX narrow ON switches_log (timestamp)")
    check(examine(), "index", "warn", "100,000 log entries without an index on (", f"Run {script}")
    run_script(server_healthy, "log_index")
    report = examine()
    assert report.wrong == {}
    assert report["index"]["seen"] == "all that are recommended are there"


@pytest.mark.parametrize("server", ["mariadb", "postgresql"], indirect=True)
def test_a_log_that_is_locked(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with log_locked(server_healthy):
        report = examine()
    assert report.wrong["time zone"] == "FAIL"
    assert "locked" in report["time zone"]["advice"]


@pytest.mark.parametrize("server", ["mariadb", "postgresql"], indirect=True)
def test_a_statement_that_takes_too_long(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    if server_healthy.dialect == "postgresql":
        server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '1s'")
    with slow(server_healthy):
        report = examine()
    assert (report.code, report["statement"]["state"], report["index"]["state"]) == (1, "FAIL", "ok")
    assert f"log_index.{server_healthy.dialect}.sql" in report["statement"]["advice"]


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_statement_that_takes_most_of_the_time(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "4")
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '4s'")
    server_healthy.insert("switches_vlangroup", [{"name": "one"}])
    with table_missing(server_healthy):
        server_healthy.execute(
            "CREATE VIEW switches_vlangroup AS SELECT id FROM hidden WHERE pg_sleep(2.1) IS NOT NULL"
        )
        server_healthy.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {server_healthy.user}")
        report = examine()
        server_healthy.execute("DROP VIEW switches_vlangroup")
    assert (report.code, report["statement"]["state"]) == (0, "warn")
    assert report["statement"]["seen"].endswith("; REQUEST_TIMEOUT_SECONDS is 4")
    assert "log_index.postgresql.sql" in report["statement"]["advice"]


def record(*, days: int | None = None, length: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a token's record, with the days until it expires and the length of its description."""
    expires = {} if days is None else {"expires": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
    return token_record(leaks.new_key(), description="x" * length, **expires, **fields)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], "it holds no token: every caller gets 401. Make a token."),
        ([{"name": "a", "days": 13}], "1 usable; 1 expiring within 14 days: a; "),
        ([{"name": "a", "days": -1}, {}], "1 usable; 1 expired: a; "),
        ([{"name": "a", "days": -1}], "0 usable; 1 expired: a; "),
        ([{"active": False}], "0 usable; 1 switched off; "),
        ([{"active": False}], "Every caller gets 401"),
        ([{}, {"name": "a", "expires": "soon"}], "1 usable; 1 malformed: a (expires is not an ISO 8601 time); "),
        ([{}, {"name": ""}], "1 malformed: number 2 (no name)"),
        ([{}, *({"name": f"t{n}", "sha256": "x"} for n in range(7))], "7 malformed: t0 (sha256"),
        ([{}, *({"name": f"t{n}", "sha256": "x"} for n in range(7))], "and 2 more"),
        ([{"length": 58_000}], "Secrets Manager takes no larger value"),
    ],
)
def test_tokens(tokens: list[dict[str, Any]], words: str, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(*(record(**token) for token in tokens))
    check(examine(), "token secret", "warn", words)


@pytest.mark.parametrize("token", [{"days": 15}, {"expires": None}, {"length": 50_000}], ids=str)
def test_tokens_that_are_well(token: dict[str, Any], sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(**token), record(active=False))
    report = examine()
    assert report.wrong == {}
    assert report["token secret"]["seen"].startswith("1 usable; 1 switched off; ")


@pytest.mark.parametrize("days", [1, 2, 100])
def test_a_rotated_token_is_well(days: int, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(name="grafana"))
    with time_machine.travel(datetime.now(UTC) - timedelta(days=days, hours=-1)):
        assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    report = examine()
    assert report.wrong == {}
    assert report["token secret"]["seen"].startswith("2 usable; " if days == 1 else "1 usable; ")


def test_a_token_that_was_rotated_and_ends_nevertheless(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(name="grafana", days=10))
    assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    check(examine(), "token secret", "warn", "2 usable; 1 expiring within 14 days: grafana; ")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ('{"tokens": {}}', 'no list "tokens"')])
def test_what_is_no_registry(text: str, words: str, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_registry(text)
    check(examine(), "token secret", "FAIL", words, '{"tokens": [')


def test_no_snapshot_yet(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.objects = {}
    check(examine(), "snapshot", "warn", f"none yet at s3://{s3.bucket}/snapshots/latest.json", "make logs")


def test_a_snapshot_that_may_not_be_read(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.fault = lambda *_: 403
    check(examine(), "snapshot", "FAIL", "latest.json cannot be read", "AccessDenied", "s3:ListBucket")


@pytest.mark.parametrize(("fault", "words"), [(503, "SlowDown"), ("broken", "ConnectionClosedError")])
def test_a_bucket_that_fails(fault: Any, words: str, sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.fault = lambda *_: fault
    check(examine(), "snapshot", "FAIL", words)


def test_no_such_bucket(sqlite_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "nobodys")
    check(examine(), "snapshot", "FAIL", "NoSuchBucket", "SNAPSHOT_BUCKET")


def test_no_bucket(sqlite_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    report = examine()
    assert report.wrong == {}
    assert report["snapshot"]["seen"].startswith("SNAPSHOT_BUCKET is not set")


def edit_latest(s3: S3, **changes: Any) -> None:
    latest = s3.json("snapshots/latest.json")
    s3.objects = {"snapshots/latest.json": json.dumps({**latest, **changes}).encode()}


def test_an_old_snapshot(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=890)).isoformat())
    assert examine().wrong == {}
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=910)).isoformat())
    check(examine(), "snapshot", "warn", "s ago, more than the 900 s that it may be", "make logs")


def test_what_is_no_snapshot(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    edit_latest(s3, taken_at="noon")
    check(examine(), "snapshot", "FAIL", "latest.json is no snapshot")
    edit_latest(s3, taken_at=datetime.now(UTC).isoformat(), usage={})
    check(examine(), "snapshot", "warn", "other statistics than this version's")


XML = """<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><{action}Result>{result}
</{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"""
STACK = """<Stacks><member><StackName>openl2m-stats</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
<CreationTime>2026-11-23T12:00:00Z</CreationTime>
<Outputs><member><OutputKey>SnapshotsMissedSeconds</OutputKey><OutputValue>300</OutputValue></member><member><OutputKey>Url</OutputKey><OutputValue>https://stats.example.com/api/stats/</OutputValue>
</member></Outputs></member></Stacks>"""
MISSING = """<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
<Message>Stack with id {name} does not exist</Message></Error><RequestId>1</RequestId></ErrorResponse>"""


@pytest.fixture
def function(moto_url: str, aws: AWS) -> str:
    """Create a function with an alias and without variables, and return its name."""
    iam: Any = boto3.client("iam", endpoint_url=moto_url)
    name = f"stats-{aws.database_secret}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    package = io.BytesIO()
    zipfile.ZipFile(package, "w").close()
    awslambda: Any = boto3.client("lambda", endpoint_url=moto_url)
    awslambda.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="stats.api.handler",
        Code={"ZipFile": package.getvalue()},
    )
    return name


@pytest.fixture
def stack(function: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in for CloudFormation, which moto has only with further dependencies, with one stack of one function."""

    def respond(request: Request) -> Response:
        query = parse_qs(request.get_data(as_text=True))
        [action], [name] = query["Action"], query["StackName"]
        if name != "openl2m-stats":
            return Response(MISSING.format(name=name), 400, content_type="text/xml")
        resource = f"""<StackResourceDetail><LogicalResourceId>{query.get("LogicalResourceId", [""])[0]}
            </LogicalResourceId><PhysicalResourceId>{function}</PhysicalResourceId></StackResourceDetail>"""
        result = STACK if action == "DescribeStacks" else resource
        return Response(XML.format(action=action, result=result), content_type="text/xml")

    with answering(respond) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
        yield "openl2m-stats"


def publish(function: str, variables: dict[str, str]) -> None:
    """Make the alias `live` of the function one version with these variables; what is edited later is not live."""
    awslambda: Any = boto3.client("lambda")
    awslambda.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
    version = awslambda.publish_version(FunctionName=function)["Version"]
    awslambda.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    awslambda.update_function_configuration(FunctionName=function, Environment={"Variables": {}})


def test_a_stack(
    sqlite_healthy: Database, aws: AWS, s3: S3, stack: str, function: str, examine: Examine, monkeypatch: Any
) -> None:
    own = {name: os.environ[name] for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")}
    deployed = {
        **own,
        "DATABASE_CA_FILE": "/opt/python/rds-global-bundle.pem",
        "TIME_ZONE": "Asia/Kathmandu",
        "AWS_ENDPOINT_URL": "https://nowhere.example.test",
    }
    publish(function, deployed)
    for name in own:
        monkeypatch.delenv(name)
    report = examine("--stack", stack)
    assert report.title == f"the stack openl2m-stats in us-east-1, function {function}, alias live"
    assert (report.code, report.wrong) == (0, {})
    assert [finding["name"] for finding in report.findings] == [*NAMES, "address"]
    assert report["address"]["seen"] == "https://stats.example.com/api/stats/"
    assert report["time zone"]["seen"].startswith("Asia/Kathmandu")
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=310)).isoformat())
    check(examine("--stack", stack), "snapshot", "warn", "more than the 300 s")


@pytest.mark.usefixtures("sqlite_healthy", "stack")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stack", "other"], "The stack other cannot be read. An error occurred (ValidationError)"),
        (["--stack", "openl2m-stats"], "The stack openl2m-stats cannot be read. An error occurred (ResourceNotFound"),
    ],
    ids=["no stack", "no alias"],
)
def test_no_such_stack(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["doctor", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith(words)


def test_a_stack_without_credentials(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert main(["doctor", "--stack", "openl2m-stats"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The stack openl2m-stats cannot be read. NoRegionError: ")


def run(command: list[str], **variables: object) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": "functions", **{name: str(each) for name, each in variables.items()}}
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert not leaks.found_in(finished.stdout + finished.stderr)
    return finished


def doctor(*arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "openl2m_stats", "doctor", *arguments], **variables)


def states(printed: str) -> dict[str, str]:
    return {line[6:22].rstrip(): line[:5].rstrip() for line in printed.splitlines()[2:]}


def test_make_doctor(tmp_path: Path) -> None:
    # The environment that this runs in is not to be made anew, whatever is newer.
    make = ["make", "--silent", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/installed"]
    finished = run([*make, "doctor"], TMPDIR=tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("Checking the local set-up of make run, with the demo database.\n\n")
    assert states(finished.stdout) == dict.fromkeys(NAMES, "ok")
    assert "over 4,925 log entries" in finished.stdout
    assert not list(tmp_path.iterdir())


def test_a_database_of_the_users_own(server_db: Database) -> None:
    assert server_db.server
    scheme = "mysql" if server_db.dialect == "mysql" else "postgresql"
    where = f"{server_db.server.host}:{server_db.server.port}/{server_db.name}"
    url = f"{scheme}://{server_db.user}:{server_db.password}@{where}"
    noted = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    server_db.insert("switches_log", [{"type": 1, "action": 1, "timestamp": noted}])
    finished = doctor(DATABASE_URL=url, DATABASE_SECRET_ID="another", TZ="Asia/Kathmandu")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.startswith("Checking the local set-up of make run, with DATABASE_URL.\n\n")
    assert states(finished.stdout) == dict.fromkeys(NAMES, "ok")
    assert "the newest log entry is of 2026-01-02T03:04:05Z" in finished.stdout


def test_the_environment_as_a_process(sqlite_healthy: Database, aws: AWS) -> None:
    aws.put_tokens({"name": "bad", "sha256": leaks.new_password()}, {"name": "worse", "allowed_ips": [7]})
    variables = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "SNAPSHOT_"))}
    secrets = {"DATABASE_SECRET_ID": aws.database_secret, "TOKENS_SECRET_ID": "nothing"}
    finished = doctor(**variables, **secrets)
    assert (finished.returncode, finished.stderr) == (1, "")
    assert states(finished.stdout) == {**dict.fromkeys(NAMES, "ok"), "token secret": "FAIL"}
    finished = doctor("--json", **variables, **{**secrets, "TOKENS_SECRET_ID": aws.tokens_secret})
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "0 usable; 2 malformed: bad (" in finished.stdout
    assert {each["name"]: each["state"] for each in json.loads(finished.stdout)["findings"]} == {
        **dict.fromkeys(NAMES, "ok"),
        "token secret": "warn",
    }


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ([], {"DATABASE_URL": "oracle://user:{}@host/db"}, "DATABASE_URL has an unknown scheme"),
        (["--what"], {}, "no such option: --what"),
        (["--stack"], {}, "Option '--stack' requires an argument."),
    ],
)
def test_usage(arguments: list[str], variables: dict[str, str], words: str) -> None:
    filled = {name: text.format(leaks.new_password()) for name, text in variables.items()}
    finished = doctor(*arguments, **filled)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert words in finished.stderr.splitlines()[-1]


def test_the_readmes_sample() -> None:
    text = (ROOT / "README.md").read_text()
    sample = text.partition("### Is everything all right?")[2].partition("###")[0]
    lines = [line[4:] for line in sample.splitlines() if line.startswith(("    ok ", "    warn ", "    FAIL "))]
    assert [line[6:22].rstrip() for line in lines] == [*NAMES, "address"]

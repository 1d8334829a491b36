"""The event of `openl2m-stats doctor`: what the functions find themselves, and that no HTTP request is that event."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.servers.databases import Database
from openl2m_stats.local.gateway import application
from tests.integration.conftest import AWS, Container, LambdaContext, cold_start
from tests.integration.test_any_event import everything_logged
from tests.integration.test_start import imported
from tests.support import leaks
from tests.support.certificates import new_authority, new_certificate
from tests.support.databases import ROOT, server_database
from tests.support.events import FORMATS, PATH
from tests.support.outages import table_missing, user_refused
from tests.support.proxy import Proxy
from tests.support.s3 import S3
from tests.support.tls_servers import HOST, TLSServer

EVENT = {"openl2m-stats": "doctor"}
TEXT = json.dumps(EVENT)
OF_DATABASE = ["network", "TLS", "login", "grants", "clock", "statement"]
NAMES = {
    "stats.api": ["token secret", "database secret", "snapshot", "history", *OF_DATABASE],
    "stats.schedule": ["database secret", "snapshot", "history", "writing", *OF_DATABASE],
}
Findings = dict[str, dict[str, str]]
Look = Callable[..., Findings]


@pytest.fixture(params=NAMES)
def module(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def look(aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    """Return a function that has a function examine itself, in a new container, and returns its findings by name."""
    with contextlib.ExitStack() as containers:

        def examine(name: str, context: Any = None, **variables: str) -> Findings:
            for variable, value in variables.items():
                monkeypatch.setenv(variable, value)
            function = cold_start(name)
            parts = function._app or function._parts[0] if name == "stats.api" else function._parts[0]
            containers.callback(parts.database.close)
            answer = json.loads(json.dumps(function.handler(EVENT, context)))
            assert not leaks.found_in(json.dumps(answer))
            assert answer["version"]
            assert [each["name"] for each in answer["findings"]] == NAMES[name]
            return {each["name"]: each for each in answer["findings"]}

        yield examine


def states(findings: Findings) -> dict[str, str]:
    """Return the states that are not `ok`."""
    return {name: each["state"] for name, each in findings.items() if each["state"] != "ok"}


def test_what_is_well(module: str, database: Database, aws: AWS, s3: S3, look: Look) -> None:
    aws.put_database(database.secret())
    aws.new_token()
    schedule = cold_start("stats.schedule")
    schedule.handler({}, None)
    schedule._parts[0].database.close()
    before = s3.objects
    findings = look(module, TIME_ZONE="Asia/Kathmandu")
    assert states(findings) == {}
    assert "Asia/Kathmandu, today began at " in findings["clock"]["seen"]
    assert findings["grants"]["seen"] == "all 16 columns of 11 tables can be read"
    assert findings["history"]["seen"].endswith("single snapshots: 1 in this hour, the last of which can be read")
    assert s3.objects == before


def test_a_stack_that_has_just_been_deployed(module: str, sqlite_db: Database, aws: AWS, s3: S3, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    findings = look(module)
    assert states(findings) == {"snapshot": "warn", **({"token secret": "warn"} if module == "stats.api" else {})}
    assert s3.objects == {}


def test_without_a_bucket(sqlite_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    aws.new_token()
    assert states(look("stats.api", SNAPSHOT_BUCKET="")) == {}


def test_although_the_api_is_switched_off(sqlite_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    assert "login" not in states(look("stats.api", API_ENABLED="false"))


@pytest.mark.parametrize(
    ("secret", "variable"), [("token secret", "TOKENS_SECRET_ID"), ("database secret", "DATABASE_SECRET_ID")]
)
def test_a_secret_that_is_not_there(secret: str, variable: str, sqlite_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    aws.new_token()
    findings = look("stats.api", **{variable: "nothing"})
    assert findings[secret]["state"] == "FAIL"
    assert findings[secret]["code"] == "ResourceNotFoundException"
    skipped = OF_DATABASE if secret == "database secret" else []
    assert {name for name, state in states(findings).items() if state == "skip"} == set(skipped)
    if skipped:
        assert findings["statement"]["seen"] == "database secret failed"


@pytest.mark.parametrize("text", ["{", '{"tokens": 7}', '{"tokens": [{"name": "grafana", "sha256": "%s"}]}'])
def test_tokens_that_are_malformed(text: str, sqlite_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    aws.put_registry(text.replace("%s", leaks.new_password()))
    assert look("stats.api")["token secret"]["code"] == "malformed"


def test_a_database_secret_that_is_malformed(module: str, aws: AWS, look: Look) -> None:
    aws.put_database(f'{{"password": "{leaks.new_password()}"}}')
    found = look(module)["database secret"]
    assert (found["state"], found["code"]) == ("FAIL", "bad secret")


def test_nothing_listens(module: str, server_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(server_db.secret(host="127.0.0.1", port=1))
    found = look(module)["network"]
    assert (found["state"], found["code"]) == ("FAIL", "ConnectionRefusedError")


@pytest.mark.usefixtures("_host_resolves")
def test_a_name_that_does_not_resolve(aws: AWS, look: Look) -> None:
    secret = {"engine": "postgres", "host": "db.invalid", "username": "u", "password": leaks.new_password()}
    aws.put_database(secret)
    found = look("stats.api")["network"]
    assert (found["state"], found["code"]) == ("FAIL", "gaierror")


def test_a_server_that_stays_silent_leaves_time_for_an_answer(
    module: str, server_db: Database, aws: AWS, look: Look
) -> None:
    assert server_db.server
    with Proxy((server_db.server.host, server_db.server.port)) as proxy:
        aws.put_database(server_db.secret(host="127.0.0.1", port=proxy.port))
        proxy.hanging = True
        started = time.monotonic()
        findings = look(module, REQUEST_TIMEOUT_SECONDS="2")
        took = time.monotonic() - started
        proxy.hanging = False
    assert findings["login"]["code"] == "timeout"
    assert {name for name, state in states(findings).items() if state == "skip"} == {"grants", "clock", "statement"}
    assert took < 2 + 1 + 5  # the answer's, a busy machine's, and the start's


def test_secrets_manager_that_stays_silent_leaves_time_for_an_answer(
    sqlite_db: Database, aws: AWS, secrets_manager_proxy: Proxy, new_container: Any
) -> None:
    aws.put_database(sqlite_db.secret())
    proxy = secrets_manager_proxy
    container = new_container(AWS_ENDPOINT_URL=f"http://{proxy.host}:{proxy.port}", REQUEST_TIMEOUT_SECONDS="2")
    proxy.hanging = True
    started = time.monotonic()
    findings = {each["name"]: each for each in container.api.handler(EVENT, None)["findings"]}
    took = time.monotonic() - started
    proxy.hanging = False
    for secret in ("token secret", "database secret"):
        assert (findings[secret]["state"], findings[secret]["code"]) == ("FAIL", "TimeoutError")
    assert took < 2 + 1


def test_an_invocation_whose_time_is_used_up(module: str, sqlite_db: Database, aws: AWS, look: Look) -> None:
    class Late(LambdaContext):
        def get_remaining_time_in_millis(self) -> int:
            return 100

    aws.put_database(sqlite_db.secret())
    assert set(states(look(module, Late())).values()) == {"skip"}


@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_of_another_authority(tls_server: TLSServer, aws: AWS, look: Look, tmp_path: Path) -> None:
    trusted, other = new_authority(), new_authority()
    bundle = tmp_path / "authority.pem"
    bundle.write_bytes(trusted.pem)
    with server_database(tls_server.server) as database:
        aws.put_database(database.secret(host=HOST))
        tls_server.present(new_certificate(other, HOST))
        findings = look("stats.api", DATABASE_CA_FILE=str(bundle))
        assert (findings["TLS"]["state"], findings["TLS"]["code"]) == ("FAIL", "certificate")
        assert findings["login"]["state"] == "skip"
        tls_server.present(new_certificate(trusted, HOST))
        assert look("stats.api")["TLS"]["seen"].startswith("verified, the certificate expires on ")


@pytest.mark.usefixtures("_host_resolves")
def test_a_server_without_tls(server_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(server_db.secret(host=HOST))
    found = look("stats.api", DATABASE_CA_FILE=str(ROOT / "layers/dependencies/rds-global-bundle.pem"))["TLS"]
    assert found["state"] == "FAIL"


def test_a_login_that_is_refused(server_db: Database, aws: AWS, look: Look) -> None:
    aws.put_database(server_db.secret())
    with user_refused(server_db):
        found = look("stats.api")["login"]
    assert (found["state"], found["kind"]) == ("FAIL", "denied")


def test_a_session_that_is_open_does_not_hide_a_changed_password(
    server_db: Database, aws: AWS, new_container: Any
) -> None:
    aws.put_database(server_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert container.get(key).status == 200
    server_db.set_password(leaks.new_password())
    [login] = [each for each in container.api.handler(EVENT, None)["findings"] if each["name"] == "login"]
    assert login["kind"] == "denied"
    assert container.get(key).headers["Cache-Status"].endswith("fwd=miss")


def test_a_table_that_is_missing(database: Database, aws: AWS, look: Look) -> None:
    aws.put_database(database.secret())
    with table_missing(database):
        found = look("stats.api")["grants"]
    assert (found["state"], found["kind"]) == ("FAIL", "absent")
    assert found["seen"] == "cannot read switches_vlangroup; missing numbers: vlan_groups"


@pytest.mark.parametrize(
    ("key", "name"), [("latest.json", "snapshot"), ("history/", "history"), ("", "history"), ("doctor", "writing")]
)
def test_rights_that_the_role_lacks_in_the_bucket(
    key: str, name: str, sqlite_db: Database, aws: AWS, s3: S3, look: Look
) -> None:
    """The key "" stands for the list of keys."""
    aws.put_database(sqlite_db.secret())
    s3.fault = lambda call, _: 403 if (call.key.startswith(f"snapshots/{key}") if key else not call.key) else None
    found = look("stats.schedule")[name]
    assert (found["state"], found["code"]) == ("FAIL", "AccessDenied")


def test_a_month_that_is_damaged(module: str, sqlite_db: Database, aws: AWS, s3: S3, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    s3.objects = {f"snapshots/history/{time.strftime('%Y-%m', time.gmtime())}.json": b"{"}
    assert look(module)["history"]["code"] == "malformed"


def test_a_store_that_ignores_conditions(sqlite_db: Database, aws: AWS, s3: S3, look: Look) -> None:
    aws.put_database(sqlite_db.secret())
    container = cold_start("stats.schedule")
    with contextlib.closing(container._parts[0].database):
        client = container._parts[1].bucket.client

        def drop(params: Any, **_: Any) -> None:
            del params["headers"]["If-Match"]

        client.meta.events.register("before-call.s3.PutObject", drop)
        findings = {each["name"]: each for each in container.handler(EVENT, None)["findings"]}
    assert findings["writing"]["code"] == "unconditional"


def test_what_nothing_foresees_is_a_finding_without_its_text(
    sqlite_db: Database, aws: AWS, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put_database(sqlite_db.secret())
    container = new_container(SNAPSHOT_BUCKET="bucket")
    password = leaks.new_password()

    class Broken:
        def latest(self, _: Any) -> None:
            raise RuntimeError(password)

    object.__setattr__(container.api._app, "snapshots", Broken())
    answer = container.api.handler(EVENT, None)
    [found] = [each for each in answer["findings"] if each["name"] == "snapshot"]
    assert (found["state"], found["seen"]) == ("FAIL", "unforeseen RuntimeError; the log says more")
    output = capsys.readouterr().out
    assert '"message":"unforeseen"' in output
    assert not leaks.found_in(output + json.dumps(answer))


def test_no_secret_in_findings_or_log_at_any_level(
    module: str, server_db: Database, aws: AWS, look: Look, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    aws.new_token()
    monkeypatch.setenv("AWS_SESSION_TOKEN", leaks.new_password())
    with everything_logged() as logged:
        for secret in (server_db.secret(), server_db.secret(password=leaks.new_password())):
            aws.put_database(secret)
            look(module, POWERTOOLS_LOG_LEVEL="DEBUG")
    assert not leaks.found_in(logged.getvalue() + "".join(capfd.readouterr()))


def test_a_request_does_not_wait_for_the_import(sqlite_db: Database, aws: AWS) -> None:
    aws.put_database(sqlite_db.secret())
    key = aws.new_token()
    request = FORMATS["2.0"](headers=[("Authorization", f"Token {key}")])
    asked = imported(f"import stats.api; assert stats.api.handler({request}, None)['statusCode'] == 200")
    examined = imported(f"import stats.api; assert stats.api.handler({EVENT}, None)['findings']")
    assert "stats.doctor.examination" in examined - asked
    assert not any(name.startswith("stats.doctor") for name in asked)


# Whatever a caller may write into a request: the event itself, in every form, and what is near it.
texts = st.sampled_from([TEXT, quote(TEXT), base64.b64encode(TEXT.encode()).decode(), "openl2m-stats", "doctor"])
texts = texts | st.text(max_size=20)
pairs = st.tuples(st.sampled_from(["openl2m-stats", "Openl2m-Stats", "doctor", "X-Amz-Invocation-Type"]), texts)
queries = st.lists(pairs, max_size=3).map(lambda items: "&".join(f"{name}={quote(text)}" for name, text in items))
paths = st.sampled_from([PATH, "/", "/openl2m-stats", "/openl2m-stats/doctor", f"/{TEXT}"]) | texts.map(
    lambda t: f"/{t}"
)
any_request = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture
def container(sqlite_db: Database, aws: AWS, new_container: Callable[..., Container]) -> Container:
    aws.put_database(sqlite_db.secret())
    return new_container()


@pytest.mark.parametrize("build", FORMATS.values(), ids=FORMATS)
@any_request
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "doctor"]),
    path=paths,
    query=queries,
    headers=st.lists(pairs, max_size=3),
    body=texts,
    is_base64=st.booleans(),
)
def test_no_http_request_is_the_event(
    build: Any, method: str, path: str, query: str, headers: Any, body: str, is_base64: bool, container: Container
) -> None:
    """Callers choose what is in the fields of API Gateway's event, and never its fields."""
    event = {**build(method, path, headers, query=query), "body": body, "isBase64Encoded": is_base64}
    assert "findings" not in container.invoke(event).body


@pytest.mark.parametrize("build", FORMATS.values(), ids=FORMATS)
def test_an_http_event_that_also_has_the_events_field_is_not_the_event(build: Any, container: Container) -> None:
    assert container.invoke({**build(), **EVENT}).status == 401


@pytest.mark.parametrize(
    "event", [{**EVENT, "more": 1}, {"openl2m-stats": "Doctor"}, {"openl2m-stats": ["doctor"]}, [EVENT], TEXT]
)
def test_what_is_near_the_event_is_not_the_event(event: Any, container: Container) -> None:
    assert container.invoke(event).status == 400


@any_request
@given(
    method=st.sampled_from(["GET", "POST", "OPTIONS"]), path=paths, query=queries, body=texts, headers=st.lists(pairs)
)
def test_no_request_to_the_local_server_is_the_event(
    method: str, path: str, query: str, body: str, headers: Any, container: Container
) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body.encode(errors="replace"), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), text.encode(errors="replace")) for name, text in headers],
        "client": ("127.0.0.1", 1),
    }

    async def ask() -> None:
        await application(container.api.handler, "")(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] in {200, 204, 400, 401, 404, 405}
    assert b"findings" not in sent[1]["body"]

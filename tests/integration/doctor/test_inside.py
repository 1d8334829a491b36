"""`openl2m-stats doctor --stack`: what the deployed functions find themselves."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from werkzeug import Request, Response

from dev.servers.databases import Database
from openl2m_stats.cli import main
from stats import __version__
from tests.integration.conftest import AWS, LambdaContext, cold_start
from tests.integration.doctor.conftest import NAMES, Examine, elsewhere, publish
from tests.support.outages import table_missing
from tests.support.s3 import S3
from tests.support.wsgi import served

API, SNAPSHOTS = "openl2m-stats-StatsFunction-1", "openl2m-stats-SnapshotFunction-1"
TITLES = [f"the function {name}, version {__version__}" for name in (API, SNAPSHOTS)]
OWN = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")


@dataclass
class Lambda:
    """Lambda, which invokes the two functions, or answers what a test says; all else is moto's."""

    moto: str
    handlers: dict[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    answer: Callable[[], Response] | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        found = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", request.path)
        if not found:
            return self._moto(request)
        self.calls.append((found[1], request.args["Qualifier"]))
        if self.answer:
            return self.answer()
        result = self.handlers[found[1]](json.loads(request.get_data()), LambdaContext())
        return Response(json.dumps(result), content_type="application/json")

    def _moto(self, request: Request) -> Response:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        url = f"{self.moto}{request.full_path}"
        answer = requests.request(request.method, url, headers=headers, data=request.get_data(), timeout=30)
        return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type"))


@pytest.fixture
def awslambda(
    moto_url: str, function: str, outputs: dict[str, str], aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lambda]:
    """Deploy both functions under the environment as it is."""
    publish(function, {name: os.environ[name] for name in OWN})
    outputs |= {"StatsFunctionName": API, "SnapshotFunctionName": SNAPSHOTS}
    found = Lambda(moto_url)
    with contextlib.ExitStack() as stack:
        for name, module in ((API, "stats.api"), (SNAPSHOTS, "stats.schedule")):
            loaded = cold_start(module)
            found.handlers[name] = loaded.handler
            app = loaded._app if module == "stats.api" else loaded._parts[0]
            stack.callback(app.database.close)
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", stack.enter_context(served(Request.application(found.respond))))
        yield found


def wrong(report: Any) -> dict[str, dict[str, str]]:
    """Return the states that are not `ok`, by where they were found."""
    found = {"": report.findings, **report.functions}
    return {
        where: states
        for where, findings in found.items()
        if (states := {each["name"]: each["state"] for each in findings if each["state"] != "ok"})
    }


def test_both_functions_are_well(sqlite_healthy: Database, stack: str, awslambda: Lambda, examine: Examine) -> None:
    report = examine("--stack", stack)
    assert (report.code, wrong(report)) == (0, {})
    assert [each["name"] for each in report.findings] == [*NAMES, "address"]
    assert list(report.functions) == TITLES
    assert [each["name"] for each in report.functions[TITLES[0]]][:2] == ["token secret", "database secret"]
    assert "writing" in [each["name"] for each in report.functions[TITLES[1]]]
    assert awslambda.calls == [(API, "live"), (SNAPSHOTS, "live")]


@pytest.mark.usefixtures("sqlite_healthy", "awslambda")
def test_lines_say_where_each_finding_is_from(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["doctor", "--stack", stack]) == 0
    parts = capsys.readouterr().out.split("\n\n")
    assert parts[1:6:2] == [
        "From this machine, with your rights and network:",
        *(f"From {title}, with its own rights and network:" for title in TITLES),
    ]
    assert [len(part.splitlines()) for part in parts[2:7:2]] == [len(NAMES) + 1, 10, 10]
    assert all(line.startswith("ok    ") for part in parts[2:7:2] for line in part.splitlines())


def test_what_only_the_functions_see(
    server_healthy: Database, aws: AWS, s3: S3, stack: str, awslambda: Lambda, examine: Examine
) -> None:
    with table_missing(server_healthy):
        report = examine("--stack", stack)
    assert report.code == 1
    for title in TITLES:
        assert wrong(report)[title] == {"grants": "FAIL", "statement": "skip"}
        [grants] = [each for each in report.functions[title] if each["name"] == "grants"]
        assert "migrations" in grants["advice"]


@pytest.mark.usefixtures("_host_resolves")
def test_a_database_that_only_the_functions_reach(
    server_healthy: Database, aws: AWS, stack: str, awslambda: Lambda, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions, in the VPC, read a secret whose host this machine cannot reach."""
    real = dict(awslambda.handlers)

    def inside(name: str) -> Callable[[Any, Any], Any]:
        def handle(event: Any, context: Any) -> Any:
            aws.put_database(server_healthy.secret())
            try:
                return real[name](event, context)
            finally:
                aws.put_database(elsewhere(host="127.0.0.1", port=1))

        return handle

    awslambda.handlers = {name: inside(name) for name in real}
    aws.put_database(elsewhere(host="127.0.0.1", port=1))
    report = examine("--stack", stack)
    assert report["network"]["state"] == "warn"
    assert "The deployed function reaches it" in report["network"]["advice"]
    assert set(wrong(report)) == {""}
    assert report.code == 0
    assert "login" in report.skipped
    assert len(awslambda.calls) == 2


def test_a_database_that_nobody_reaches(
    sqlite_healthy: Database, aws: AWS, stack: str, awslambda: Lambda, examine: Examine
) -> None:
    aws.put_database(elsewhere(host="127.0.0.1", port=1))
    report = examine("--stack", stack)
    assert report.code == 1
    assert report["network"]["state"] == "FAIL"
    for title in TITLES:
        [network] = [each for each in report.functions[title] if each["name"] == "network"]
        assert (network["state"], network["advice"][:20]) == ("FAIL", "Nothing listens ther")


def denied() -> Response:
    body = '{"Message": "User: arn:aws:iam::1:user/x is not authorized to perform: lambda:InvokeFunction"}'
    return Response(body, 403, {"x-amzn-errortype": "AccessDeniedException"}, content_type="application/json")


def crashed() -> Response:
    body = '{"errorMessage": "CACHE_TTL_SECONDS is wrong: it takes whole seconds", "errorType": "SettingsError"}'
    return Response(body, 200, {"X-Amz-Function-Error": "Unhandled"}, content_type="application/json")


def api_of_before() -> Response:
    return Response('{"statusCode": 400, "headers": {}, "body": ""}', 200, content_type="application/json")


def garbage() -> Response:
    return Response("<html>", 200, content_type="application/json")


def later() -> Response:
    findings = [
        {"name": "a new check", "state": "odd", "seen": "\x1b[31mred", "code": "x"},
        {"name": "login", "state": "FAIL", "seen": "no", "kind": "new"},
        {"name": "history", "state": "FAIL", "seen": "no", "code": "TimeoutError"},
        {"name": "clock", "state": "FAIL", "seen": "no", "code": "unforeseen"},
    ]
    return Response(json.dumps({"version": "9", "findings": findings}), content_type="application/json")


@pytest.mark.parametrize(
    ("says", "state", "words"),
    [
        (denied, "warn", ("it cannot be called: An error occurred (AccessDeniedException)", "lambda:InvokeFunction")),
        (crashed, "FAIL", ("it fails: CACHE_TTL_SECONDS is wrong", "make logs")),
        (api_of_before, "warn", ("it cannot examine itself", "older")),
        (garbage, "warn", ("it cannot be called", "")),
    ],
)
@pytest.mark.usefixtures("sqlite_healthy")
def test_a_function_that_does_not_examine_itself(
    says: Any, state: str, words: tuple[str, str], stack: str, awslambda: Lambda, examine: Examine
) -> None:
    awslambda.answer = says
    report = examine("--stack", stack)
    assert report.code == int(state == "FAIL")
    # The snapshot function of version 1.0 would take a snapshot.
    assert len(awslambda.calls) == (1 if says == api_of_before else 2)
    for [finding] in report.functions.values():
        assert (finding["name"], finding["state"]) == ("function", state)
        assert finding["seen"].startswith(words[0])
        assert words[1] in finding["advice"]


@pytest.mark.usefixtures("sqlite_healthy")
def test_findings_of_a_later_version_are_shown(stack: str, awslambda: Lambda, examine: Examine) -> None:
    awslambda.answer = later
    report = examine("--stack", stack)
    unknown, login, history, clock = next(iter(report.functions.values()))
    assert (unknown["state"], unknown["seen"]) == ("warn", r"'\x1b[31mred'")
    assert login["state"] == "FAIL"
    assert "S3EndpointRouteTableIds" in history["advice"]
    assert "report" in clock["advice"]

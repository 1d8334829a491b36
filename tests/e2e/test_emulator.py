"""Every event file against the built artifact, under Lambda's own runtime, cold and warm."""

import hashlib
import json
import re
import secrets
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import boto3
import pytest
from moto.moto_api import recorder

from dev.build.artifact import BUILD
from dev.build.sandbox import Package
from dev.servers.databases import Database
from dev.servers.processes import free_port
from openl2m_stats.local import demo
from tests.e2e.conftest import Sandbox
from tests.integration.conftest import AWS, Response
from tests.support import metrics
from tests.support.databases import ROOT, read_case, shared
from tests.support.events import EVERY_ANSWER, vary
from tests.support.stack import load

SCHEDULED = sorted((ROOT / "events").glob("schedule*.json"))
HISTORY = sorted((ROOT / "events").glob("*history*.json"))
DOCTOR = ROOT / "events/doctor.json"
EVENTS = sorted(set((ROOT / "events").glob("*.json")) - {*SCHEDULED, *HISTORY, DOCTOR})
STATUS = {
    "conditional": 304,
    "get_health": 200,
    "get_metrics": 200,
    "get_page": 200,
    "get_stats": 200,
    "head_stats": 200,
    "no_token": 401,
    "options": 204,
    "post_form": 200,
    "rest_api_get_stats": 200,
    "unknown_token": 401,
}
# What each table holds, and the log: (age, type, action, switch, user), in rows that no two statistics share.
TABLES = {
    "switches_switch": 41,
    "switches_vlan": 31,
    "switches_vlangroup": 7,
    "switches_snmpprofile": 6,
    "switches_netmikoprofile": 5,
    "switches_command": 8,
    "switches_commandlist": 3,
    "users_token": 2,
}
AGES = [timedelta(minutes=10), timedelta(hours=3), timedelta(days=4), timedelta(days=20), timedelta(days=60)]
LOG = [
    (age, *entry)
    for number, age in enumerate(AGES)
    for entry in [
        *[(0, 90, number * 3 + switch, 1) for switch in range(1, 5)],
        *[(1, 1, number * 3 + 1, 1)] * (number + 2),
        *[(4, 91, 30 + number, 1)] * (number * 2 + 1),
        *[(5, 92, None, number * 2 + user) for user in range(1, 4)],
        *[(5, 95, None, None)] * (number + 5),
    ]
]


def expected() -> dict[str, Any]:
    """Return the document that belongs to TABLES and LOG, counted row by row, with OpenL2M's own labels."""

    def within(ages: list[timedelta]) -> list[tuple[Any, ...]]:
        return [row for row in LOG if row[0] in ages]

    values = dict(zip(["switches", "vlans", "vlan_groups", "snmp_profiles"], [41, 31, 7, 6], strict=True))
    values |= {"credentials_profiles": 5, "commands": 8, "command_lists": 3, "api_tokens": 2, "switchgroups": 4}
    values |= {"log_entries": len(LOG), "changes_total": 39014, "commands_total": 1231}
    for window, ages in [
        ("last_hour", AGES[:1]),
        ("today", AGES[:2]),
        ("last_7_days", AGES[:3]),
        ("last_31_days", AGES[:4]),
    ]:
        seen = (0, 1) if window in {"last_hour", "today"} else (0, 1, 4, 5)
        rows = within(ages)
        values[f"devices_{window}"] = len({switch for _, type_, _, switch, _ in rows if type_ in seen} - {None})
        values[f"changes_{window}"] = sum(type_ == 1 for _, type_, *_ in rows)
        values[f"users_{window}"] = len({user for _, type_, _, _, user in rows if type_ == 5})
        values[f"api_calls_{window}"] = sum(action == 95 for _, _, action, *_ in rows)
        values[f"commands_{window}"] = sum(type_ == 4 for _, type_, *_ in rows)
    recorded = read_case(ROOT / "tests/cases/utc-1000.json")["expected"]
    return {
        section: {key: {"label": entry["label"], "value": values[key]} for key, entry in entries.items()}
        for section, entries in recorded.items()
    }


@pytest.fixture
def variables(database: Database, moto_url: str, aws: AWS) -> dict[str, str]:
    """Fill the database and the secrets; return the function's variables."""
    for table, count in TABLES.items():
        database.insert(table, [{"id": number} for number in range(1, count + 1)])
    database.insert("switches_switchgroupmembership", [{"switch_id": n, "switchgroup_id": n % 4} for n in range(1, 20)])
    database.insert("counters_counter", [{"name": "changes", "value": 39014}, {"name": "commands", "value": 1231}])
    now = datetime.now(UTC)
    keys = ("type", "action", "switch_id", "user_id")
    database.insert(
        "switches_log", [{"timestamp": now - age, **dict(zip(keys, row, strict=True))} for age, *row in LOG]
    )
    aws.put_database(database.secret())
    aws.put_tokens({"name": "demo", "sha256": hashlib.sha256(demo.TOKEN.encode()).hexdigest()})
    # It is noon there now, so that neither the hour nor the day ends in the middle of the test.
    east = 12 - now.hour
    return {
        "AWS_ENDPOINT_URL": moto_url,
        "DATABASE_SECRET_ID": aws.database_secret,
        "TOKENS_SECRET_ID": aws.tokens_secret,
        "TIME_ZONE": f"Etc/GMT{'-' if east >= 0 else '+'}{abs(east)}",
    }


def test_every_event_file_is_known() -> None:
    assert [path.stem for path in EVENTS] == sorted(STATUS)


def test_the_doctors_event(variables: dict[str, str], database: Database, start: Callable[..., Sandbox]) -> None:
    sandbox = start(**variables)
    states = {each["name"]: each["state"] for each in sandbox.run(json.loads(DOCTOR.read_text()))["findings"]}
    assert "FAIL" not in states.values(), sandbox.log
    assert states["token secret"] == states["login"] == states["statement"] == "ok"
    for secret in (demo.TOKEN, database.password):
        assert secret not in sandbox.log


def test_expected_numbers_differ() -> None:
    """Otherwise one statistic could stand for another."""
    numbers = [entry["value"] for entry in expected()["usage"].values()]
    assert len(numbers) == 20
    assert len(set(numbers)) >= 15


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_event(path: Path, variables: dict[str, str], database: Database, start: Callable[..., Sandbox]) -> None:
    event = json.loads(path.read_text())
    sandbox = start(**variables)

    answers = [sandbox.invoke(event) for _ in range(2)]

    for answer, cache_status in zip(answers, ["openl2m-stats; fwd=miss", "openl2m-stats; hit; ttl="], strict=True):
        assert answer.status == STATUS[path.stem], sandbox.log
        checks = {200: check_statistics, 204: check_options, 304: check_not_modified, 401: check_refusal}
        check = {"get_health": check_health, "get_metrics": check_metrics, "get_page": check_page}.get(
            path.stem, checks[answer.status]
        )
        check(answer, path.stem, cache_status)
    for secret in (demo.TOKEN, database.password):
        assert secret not in sandbox.log


def check_statistics(answer: Response, name: str, cache_status: str) -> None:
    assert {key: answer.headers[key] for key in ("Content-Type", "Allow", "Cache-Control", "Vary")} == {
        "Content-Type": "application/json",
        "Allow": "GET, HEAD, OPTIONS",
        "Cache-Control": "private, max-age=60",
        "Vary": vary(answer.headers, "Authorization"),
    }
    assert answer.headers["ETag"].startswith('"')
    assert int(answer.headers["Age"]) < 5
    assert answer.headers["Cache-Status"].startswith(cache_status)
    if name == "head_stats":
        assert answer.body == ""
    else:
        assert shared(answer.json, expected()) == expected()


def check_health(answer: Response, _name: str, _cache_status: str) -> None:
    assert (answer.body, answer.headers["Cache-Control"]) == ('{"status":"ok"}', "no-store")


def check_metrics(answer: Response, _name: str, cache_status: str) -> None:
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0;")
    assert answer.headers["Vary"] == vary(answer.headers, "Authorization, Accept")
    assert answer.headers["Cache-Status"].startswith(cache_status)
    series = metrics.parse(answer.headers["Content-Type"], answer.body)
    assert series.items() >= metrics.series(expected()).items()


def check_page(answer: Response, _name: str, _cache_status: str) -> None:
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'sha256-")
    assert answer.body.startswith("<!doctype html>")


def check_not_modified(answer: Response, _name: str, cache_status: str) -> None:
    assert answer.body == ""
    assert "ETag" in answer.headers
    assert answer.headers["Cache-Status"].startswith(cache_status)


def check_options(answer: Response, _name: str, _cache_status: str) -> None:
    assert answer.body == ""
    assert answer.headers == {**EVERY_ANSWER, "Allow": "GET, HEAD, OPTIONS"}


def check_refusal(answer: Response, _name: str, _cache_status: str) -> None:
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(answer.json) == ["detail"]


def put_history(bucket: tuple[Any, str], first: date, last: date) -> None:
    """Give each day a row, whose numbers are the day's."""
    client, name = bucket
    months: dict[str, dict[str, Any]] = {}
    for number in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(number)
        times = {"scheduled_for": f"{day}T23:55:00Z", "taken_at": f"{day}T23:55:01Z"}
        values = {key: number for section in expected().values() for key in section}
        months.setdefault(f"{day:%Y-%m}", {})[str(day)] = {**times, "values": values}
    for month, days in months.items():
        client.put_object(Bucket=name, Key=f"snapshots/history/{month}.json", Body=json.dumps(days))


@pytest.mark.parametrize("path", HISTORY, ids=lambda path: path.stem)
def test_history_event(
    path: Path, variables: dict[str, str], bucket: tuple[Any, str], start: Callable[..., Sandbox]
) -> None:
    last = datetime.now(ZoneInfo(variables["TIME_ZONE"])).date()
    first = last - timedelta(days=30)  # what the events, which name no days, get
    put_history(bucket, first, last)
    sandbox = start(**variables, SNAPSHOT_BUCKET=bucket[1])

    answer = sandbox.invoke(json.loads(path.read_text()))

    assert answer.status == 200, sandbox.log
    assert answer.headers["Vary"] == vary(answer.headers, "Accept, Authorization")
    numbers = list(range(first.toordinal(), last.toordinal() + 1))
    if path.stem == "get_history_csv":
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        lines = [line.split(",") for line in answer.body.split("\r\n")[1:-1]]
        # The counters are not in these rows.
        assert [line[1:] for line in lines] == [["snapshot", *[str(number)] * 30, *[""] * 9] for number in numbers]
    else:
        assert answer.headers["Content-Type"] == "application/json"
        values = [entry["values"] for section in ("database", "usage") for entry in answer.json[section].values()]
        assert values == [numbers] * 30
    assert demo.TOKEN not in sandbox.log


def test_a_year_of_history_takes_13_reads_and_then_none(
    variables: dict[str, str],
    bucket: tuple[Any, str],
    calls: Callable[[], list[Any]],
    start: Callable[..., Sandbox],
) -> None:
    put_history(bucket, date(2025, 11, 4), date(2026, 11, 4))
    event = json.loads((ROOT / "events/get_history.json").read_text())
    event["rawQueryString"] = "from=2025-11-04&to=2026-11-04"
    sandbox = start(**variables, SNAPSHOT_BUCKET=bucket[1])

    answers = [sandbox.invoke(event) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200], sandbox.log
    assert answers[0] == answers[1]
    assert len(answers[0].json["days"]) == 366
    reads = [url for action, url in objects_asked(calls()) if action == "s3:GetObject"]
    assert len(reads) == len(set(reads)) == 13


@pytest.fixture
def bucket(moto_url: str) -> Iterator[tuple[Any, str]]:
    """An S3 client, and the name of an empty bucket."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    name = f"snapshots-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    yield client, name
    client.close()


@pytest.fixture
def calls(moto_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """Record what AWS is asked; return a function that ends that, and returns the requests."""
    monkeypatch.setattr(recorder, "_location", str(tmp_path / "recording"))

    def order(what: str) -> None:
        urlopen(Request(f"{moto_url}/moto-api/recorder/{what}-recording", method="POST")).close()

    def finish() -> list[Any]:
        order("stop")
        with urlopen(f"{moto_url}/moto-api/recorder/download-recording") as recording:
            return [json.loads(line) for line in recording]

    order("reset")
    order("start")
    yield finish
    order("stop")


def permitted(role: str, policy: str) -> set[tuple[str, str]]:
    """Return the actions of a role's policy, each with its resource's name or, in the bucket, the end of its key."""
    [document] = [
        each["PolicyDocument"]
        for each in load()["Resources"][role]["Properties"]["Policies"]
        if each.get("PolicyName") == policy
    ]
    return {
        (action, _name_of(resource))
        for entry in document["Statement"]
        for action in (entry["Action"] if isinstance(entry["Action"], list) else [entry["Action"]])
        for resource in (entry["Resource"] if isinstance(entry["Resource"], list) else [entry["Resource"]])
        if not action.startswith("sqs:")  # Lambda itself sends what the function failed at
    }


def _name_of(resource: Any) -> str:
    if "Fn::If" in resource:
        return _name_of(resource["Fn::If"][1])
    text = resource.get("Fn::Sub", "")
    return resource.get("Ref") or (text if isinstance(text, str) else text[0]).rpartition("}")[2]


def secrets_asked(requests: list[Any], names: dict[str, str]) -> set[tuple[str, str]]:
    targets = [(request["headers"].get("X-Amz-Target"), request["body"]) for request in requests]
    return {
        (target.replace(".", ":"), names[json.loads(b64decode(body))["SecretId"]])
        for target, body in targets
        if target and not target.endswith("CreateSecret")  # which the test does itself
    }


def objects_asked(requests: list[Any]) -> set[tuple[str, str]]:
    return {
        ({"GET": "s3:GetObject", "PUT": "s3:PutObject"}[request["method"]], request["url"].split("?")[0])
        for request in requests
        if "X-Amz-Target" not in request["headers"]
    }


def test_api_role_permits_what_the_function_calls_and_no_more(
    variables: dict[str, str],
    aws: AWS,
    secrets_manager: Any,
    bucket: tuple[Any, str],
    calls: Callable[[], list[Any]],
    start: Callable[..., Sandbox],
) -> None:
    event = json.loads((ROOT / "events/get_stats.json").read_text())
    history = json.loads((ROOT / "events/get_history.json").read_text())
    history["rawQueryString"] = "from=2026-10-30&to=2026-11-04"
    empty, no_login = (secrets_manager.create_secret(Name=f"{aws.tokens_secret}-{n}")["ARN"] for n in range(2))
    names = {aws.database_secret: "DatabaseSecretArn", aws.tokens_secret: "TokenSecret", empty: "TokenSecret"}
    names[no_login] = "DatabaseSecretArn"
    variables |= {"SNAPSHOT_BUCKET": bucket[1]}

    sandbox = start(**variables)
    assert [sandbox.invoke(each).status for each in (event, history)] == [200, 200]
    assert start(**{**variables, "TOKENS_SECRET_ID": empty}).invoke(event).status == 401
    without_login = {**variables, "DATABASE_SECRET_ID": no_login, "CACHE_TTL_SECONDS": "0", "SNAPSHOT_BUCKET": ""}
    assert start(**without_login).invoke(event).status == 503

    requests = calls()
    assert secrets_asked(requests, names) == permitted("StatsRole", "read-secrets")
    keys = permitted("StatsRole", "read-snapshots-and-history")
    assert keys == {("s3:GetObject", "latest.json"), ("s3:GetObject", "history/*"), ("s3:GetObject", "dt=*")}
    objects = {(action, url.partition("/snapshots/")[2]) for action, url in objects_asked(requests)}
    months = [f"history/{month}.json" for month in ("2026-10", "2026-11")]
    assert objects == {("s3:GetObject", key) for key in ("latest.json", *months)}


def test_snapshot_role_permits_what_the_function_calls_and_no_more(
    variables: dict[str, str],
    aws: AWS,
    secrets_manager: Any,
    bucket: tuple[Any, str],
    calls: Callable[[], list[Any]],
    start: Callable[..., Sandbox],
) -> None:
    no_login = secrets_manager.create_secret(Name=f"{aws.tokens_secret}-empty")["ARN"]
    variables |= {"SNAPSHOT_BUCKET": bucket[1]}
    assert snapshot_function(start, **variables).run({})["written"] is True
    failed = snapshot_function(start, **{**variables, "DATABASE_SECRET_ID": no_login}).run({})
    assert failed["errorType"] == "DatabaseError"

    requests = calls()
    asked = secrets_asked(requests, {aws.database_secret: "DatabaseSecretArn", no_login: "DatabaseSecretArn"})
    assert asked == permitted("SnapshotRole", "read-database-secret")
    objects = objects_asked(requests)
    assert {(action, "*") for action, _ in objects} == permitted("SnapshotRole", "write-snapshots")
    assert all("/snapshots/" in url for _, url in objects)


def snapshot_function(start: Callable[..., Sandbox], **variables: str) -> Sandbox:
    return start(Package(BUILD / "SnapshotFunction"), "stats.schedule.handler", **variables)


@pytest.mark.parametrize("path", SCHEDULED, ids=lambda path: path.stem)
def test_a_scheduled_event_and_the_answer_when_the_database_is_away(
    path: Path,
    variables: dict[str, str],
    database: Database,
    aws: AWS,
    bucket: tuple[Any, str],
    start: Callable[..., Sandbox],
) -> None:
    # EventBridge fills in the time.
    event = json.loads(re.sub(r"<aws\.[a-z.-]+>", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:00Z}", path.read_text()))
    s3, name = bucket
    scheduled = event.get("scheduled_for") or event["time"]
    variables |= {"SNAPSHOT_BUCKET": name}
    function = snapshot_function(start, **variables)

    first, again = function.run(event), function.run(event)

    day, time = scheduled.rstrip("Z").split("T")
    assert first["key"] == f"snapshots/dt={day}/{day}T{time.replace(':', '-')}Z.json", function.log
    assert (first["written"], again) == (True, {**first, "written": False})
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=name)["Contents"]}
    month = datetime.fromisoformat(first["taken_at"]).astimezone(ZoneInfo(variables["TIME_ZONE"])).strftime("%Y-%m")
    assert keys == {first["key"], "snapshots/latest.json", f"snapshots/history/{month}.json"}
    stored = json.loads(s3.get_object(Bucket=name, Key=first["key"])["Body"].read())
    assert (stored.pop("scheduled_for"), stored.pop("taken_at")) == (scheduled, first["taken_at"])
    assert shared(stored, expected()) == expected()

    assert stored["time_zone"] == variables["TIME_ZONE"]
    read_from = stored["read_from"]
    assert (read_from["port"], read_from["name"]) == (database.secret()["port"], database.name)

    # The database goes away: the secret and the snapshot name a port on which nobody listens.
    port = free_port()
    aws.put_database(database.secret(port=port))
    newest = s3.get_object(Bucket=name, Key="snapshots/latest.json")["Body"].read()
    moved = json.dumps({**json.loads(newest), "read_from": {**read_from, "port": port}})
    s3.put_object(Bucket=name, Key="snapshots/latest.json", Body=moved)
    answer = start(**variables).invoke(json.loads((ROOT / "events/get_stats.json").read_text()))

    assert answer.status == 200
    assert shared(answer.json, expected()) == expected()
    assert answer.headers["Cache-Status"].endswith("; detail=snapshot")
    for secret in (demo.TOKEN, database.password):
        assert secret not in function.log


def test_a_failed_snapshot_raises(
    variables: dict[str, str], database: Database, aws: AWS, bucket: tuple[Any, str], start: Callable[..., Sandbox]
) -> None:
    aws.put_database(database.secret(port=free_port()))
    answer = snapshot_function(start, **variables, SNAPSHOT_BUCKET=bucket[1]).run({})
    assert answer["errorType"] == "DatabaseError"
    assert database.password not in str(answer)


def test_metrics_are_those_that_the_template_watches(variables: dict[str, str], start: Callable[..., Sandbox]) -> None:
    sandbox = start(**variables)
    sandbox.invoke(json.loads((ROOT / "events/get_stats.json").read_text()))
    [line] = [line for line in sandbox.log.splitlines() if '"CacheMiss"' in line]

    metrics = json.loads(line)

    [directive] = metrics["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("OpenL2MStats", [["service"]])
    assert metrics["service"] == "openl2m-stats"


@pytest.mark.parametrize("log_format", ["JSON", "Text"])
@pytest.mark.parametrize("handler", ["stats.api.handler", "stats.schedule.handler"])
def test_no_library_logs_a_secret_whatever_level_lambda_sets(
    handler: str,
    log_format: str,
    variables: dict[str, str],
    database: Database,
    aws: AWS,
    bucket: tuple[Any, str],
    start: Callable[..., Sandbox],
) -> None:
    """At DEBUG, botocore logs what Secrets Manager answers and what it signs."""
    session_token = secrets.token_hex(20)
    variables |= {
        "SNAPSHOT_BUCKET": bucket[1],
        "AWS_SESSION_TOKEN": session_token,
        "AWS_LAMBDA_LOG_FORMAT": log_format,
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    }
    event = {} if handler == "stats.schedule.handler" else json.loads((ROOT / "events/get_stats.json").read_text())
    answers, logs = [], []
    for secret in (database.secret(), database.secret(port=free_port())):
        aws.put_database(secret)
        sandbox = start(handler=handler, **variables)
        answers.append(sandbox.run(event))
        logs.append(sandbox.log)
        if handler == "stats.api.handler":
            # As at a cold start without a snapshot.
            bucket[0].delete_object(Bucket=bucket[1], Key="snapshots/latest.json")

    outcomes = [answer.get("statusCode") or answer.get("written") or answer.get("errorType") for answer in answers]
    assert outcomes in ([200, 503], [True, "DatabaseError"])
    assert "failed" in logs[1]
    token_hash = hashlib.sha256(demo.TOKEN.encode()).hexdigest()
    for text in (database.password, demo.TOKEN, token_hash, session_token):
        assert text not in "".join(logs)


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("WARNING", 0), ("ERROR", 0)])
def test_metrics_are_written_at_every_level_of_our_own_lines(
    level: str, lines: int, variables: dict[str, str], start: Callable[..., Sandbox]
) -> None:
    sandbox = start(**variables, AWS_LAMBDA_LOG_LEVEL="INFO", POWERTOOLS_LOG_LEVEL=level)
    assert sandbox.invoke(json.loads((ROOT / "events/unknown_token.json").read_text())).status == 401
    assert sandbox.log.count('"message":"refused"') == lines
    assert sandbox.log.count('"Refused":[1.0]') == 1


def test_secrets_are_read_from_their_own_endpoint(variables: dict[str, str], start: Callable[..., Sandbox]) -> None:
    variables |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": variables["AWS_ENDPOINT_URL"],
    }
    assert start(**variables).invoke(json.loads((ROOT / "events/get_stats.json").read_text())).status == 200

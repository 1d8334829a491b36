"""`/api/stats/history/`: the numbers of past days, from the rows that the snapshots have left in S3."""

import csv
import io
import json
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from dev.servers.databases import Database
from stats.numbers.catalogue import STATISTICS
from tests.integration.conftest import AWS, NOW, Container, Response, Travel
from tests.integration.test_http import assert_problem, assert_unauthorized
from tests.support.events import rest_api, vary
from tests.support.s3 import S3

PATH = "/api/stats/history/"
KEYS = [statistic.key for statistic in STATISTICS]
SECTIONS = ["database", "usage", "counters"]
TODAY = NOW.date()

Row = dict[str, Any]
Ask = Callable[..., Response]


def row(day: str, first: int = 0, **fields: Any) -> Row:
    """Return a day's row; its numbers count up from `first`."""
    values = {key: first + number for number, key in enumerate(KEYS)}
    return {"scheduled_for": f"{day}T23:55:00Z", "taken_at": f"{day}T23:55:02Z", "values": values, **fields}


def store(s3: S3, rows: Mapping[str, Any], prefix: str = "snapshots/") -> None:
    """Make these rows the whole history."""
    months: dict[str, dict[str, Any]] = {}
    for day, content in rows.items():
        months.setdefault(f"{prefix}history/{day[:7]}.json", {})[day] = content
    s3.objects = {key: json.dumps(days).encode() for key, days in months.items()}


def days(first: str, last: str) -> list[str]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [str(begin + timedelta(days=number)) for number in range((end - begin).days + 1)]


def reads(s3: S3) -> list[str]:
    """Return the months that were read since the last call of this function."""
    assert {call.method for call in s3.calls} <= {"GET"}
    found = [call.key.removeprefix("snapshots/history/").removesuffix(".json") for call in s3.calls]
    s3.calls.clear()
    return sorted(found)


@pytest.fixture
def key(aws: AWS) -> str:
    """A token; there is no database, and none is needed."""
    aws.put_database({"engine": "mysql", "host": "127.0.0.1", "port": 1, "username": "u", "password": "p"})
    return aws.new_token()


@pytest.fixture
def new_ask(key: str, s3: S3, travel: Travel, new_container: Callable[..., Container]) -> Callable[..., Ask]:
    """Return a function that starts a container, and returns one that asks it for the history."""

    def start(**variables: Any) -> Ask:
        container = new_container(**variables)

        def ask(query: str = "", *headers: tuple[str, str], **request: Any) -> Response:
            return container.get(key, *headers, **{"path": PATH, **request}, query=query)

        return ask

    return start


@pytest.fixture
def ask(new_ask: Callable[..., Ask]) -> Ask:
    return new_ask()


def test_the_answer(s3: S3, ask: Ask, build: Any) -> None:
    store(
        s3,
        {
            "2026-10-31": row("2026-10-31", 100),
            "2026-11-01": row("2026-11-01", 200, source="backfill"),
            "2026-11-03": row("2026-11-03", 300, source="snapshot"),
        },
    )
    answer = ask("from=2026-10-30&to=2026-11-04", build=build)
    assert answer.status == 200
    etag = answer.headers.pop("ETag")
    assert (etag[0], etag[-1], len(etag)) == ('"', '"', 34)
    assert answer.headers == {
        "Allow": "GET, HEAD, OPTIONS",
        "Cache-Control": "private, max-age=60",
        "Content-Type": "application/json",
        "Vary": vary(answer.headers, "Accept, Authorization"),
        "X-Content-Type-Options": "nosniff",
    }
    document = answer.json
    assert answer.body == json.dumps(document, separators=(",", ":"))
    assert (document["time_zone"], document["partial"]) == ("UTC", None)
    assert list(document) == ["from", "to", "time_zone", "partial", "days", "backfilled", *SECTIONS]
    assert (document["from"], document["to"]) == ("2026-10-30", "2026-11-04")
    assert document["days"] == days("2026-10-30", "2026-11-04")
    assert document["backfilled"] == ["2026-11-01"]
    entries = [(section, key, entry) for section in SECTIONS for key, entry in document[section].items()]
    assert entries == [
        (each.section, each.key, {"label": each.label, "values": [None, 100 + n, 200 + n, None, 300 + n, None]})
        for n, each in enumerate(STATISTICS)
    ]


def test_csv(s3: S3, ask: Ask, build: Any) -> None:
    store(s3, {"2026-11-01": row("2026-11-01", 200, source="backfill"), "2026-11-03": row("2026-11-03", 300)})
    query = "from=2026-11-01&to=2026-11-03"
    plain = ask(query, build=build)
    answer = ask(query, ("Accept", "text/csv"), build=build)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Vary"] == vary(answer.headers, "Accept, Authorization")
    assert answer.headers["ETag"] != plain.headers["ETag"]
    assert answer.body.count("\r\n") == answer.body.count("\n") == 4
    assert answer.body.endswith("\r\n")
    assert list(csv.reader(io.StringIO(answer.body))) == [
        ["day", "source", *KEYS],
        ["2026-11-01", "backfill", *map(str, range(200, 200 + len(KEYS)))],
        ["2026-11-02", "", *[""] * len(KEYS)],
        ["2026-11-03", "snapshot", *map(str, range(300, 300 + len(KEYS)))],
    ]


def test_two_accept_headers_are_one(s3: S3, ask: Ask, build: Any) -> None:
    headers = [("Accept", "application/json;q=0.1"), ("Accept", "text/csv")]
    assert ask("", *headers, build=build).headers["Content-Type"] == "text/csv; charset=utf-8"


DEFAULTS = {
    "": ("2026-10-24", "2026-11-23"),
    "to=2026-11-20": ("2026-10-21", "2026-11-20"),
    "from=2026-11-20": ("2026-11-20", "2026-11-23"),
    "from=2026-11-23": ("2026-11-23", "2026-11-23"),
    "from=2026-11-23&to=2026-11-23": ("2026-11-23", "2026-11-23"),
    "from=2025-11-23": ("2025-11-23", "2026-11-23"),
    "from=2024-01-01&to=2024-12-31": ("2024-01-01", "2024-12-31"),
    "from=2024-02-29&to=2024-02-29": ("2024-02-29", "2024-02-29"),
    "from=2025-01-31&to=2026-01-31": ("2025-01-31", "2026-01-31"),
    "to=2027-01-02": ("2026-12-03", "2027-01-02"),
    "from=9999-12-01&to=9999-12-31": ("9999-12-01", "9999-12-31"),
    "to=0001-01-01": ("0001-01-01", "0001-01-01"),
    "from=0001-01-01&to=0001-01-02": ("0001-01-01", "0001-01-02"),
    "from=2026-11-22&FROM=x&since=2026-11-01&from[]=1&utf8=%E2%9C%93": ("2026-11-22", "2026-11-23"),
}


def test_the_range(ask: Ask, build: Any) -> None:
    for query, (first, last) in DEFAULTS.items():
        answer = ask(query, build=build)
        assert answer.status == 200, query
        assert (answer.json["from"], answer.json["to"]) == (first, last)
        assert answer.json["days"] == days(first, last)
        assert answer.json["usage"]["commands_total"]["values"] == [None] * len(days(first, last))


NO_DATES = (
    *("", "2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01", "2026-1-1", "20261123", "2026-W47-1"),
    *(
        "2026-11-23T00:00:00Z",
        "%202026-11-23",
        "2026-11-23%0A",
        "today",
        "-1",
        "2026-11-2%D9%A3",
        "2026-11-23,2026-11-23",
    ),
    *("02026-11-23", "2026/11/23", "null", "%FF", "x" * 5000),
)


@pytest.mark.parametrize("name", ["from", "to"])
def test_an_unusable_date_is_refused_by_name(name: str, s3: S3, ask: Ask, build: Any) -> None:
    s3.calls.clear()
    for value in NO_DATES:
        answer = ask(f"{name}={value}", build=build)
        assert_problem(answer, 400)
        assert f"The parameter {name} is not a date" in answer.json["detail"]
    assert reads(s3) == []


REFUSED = {
    "from": "from is not a date",
    "from=2026-11-24": "from is after today",
    "from=2026-11-02&to=2026-11-01": "from is after to",
    "from=2025-11-22": "from and to are too far apart",
    "from=2024-01-01&to=2025-01-01": "from and to are too far apart",
    "from=0001-01-01&to=9999-12-31": "from and to are too far apart",
    "from=2026-11-01&from=2026-11-01": "from is given more than once",
    "to=2026-11-01&from=2026-10-30&to=": "to is given more than once",
    "format=xml": "format is not csv or json",
    "format=CSV": "format is not csv or json",
    "format=": "format is not csv or json",
    "format=csv&format=csv": "format is given more than once",
}


def test_an_unusable_range_is_refused(ask: Ask, build: Any) -> None:
    for query, detail in REFUSED.items():
        for accept in ("*/*", "text/csv"):
            answer = ask(query, ("Accept", accept), build=build)
            assert_problem(answer, 400)
            assert detail in answer.json["detail"]


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "text/html,*/*;q=0.8"])
def test_a_format_in_the_query_wins(accept: str, s3: S3, ask: Ask, build: Any) -> None:
    store(s3, {"2026-11-23": row("2026-11-23")})
    for form, header in (("csv", "text/csv"), ("json", "application/json")):
        answer = ask(f"format={form}", ("Accept", accept), build=build)
        expected = ask("", ("Accept", header), build=build)
        assert (answer.status, answer.body, answer.headers) == (200, expected.body, expected.headers)


# The clock stands at 12:00:00.25 UTC on 23 November.
ZONES = {"UTC": "2026-11-23", "Pacific/Kiritimati": "2026-11-24", "Pacific/Midway": "2026-11-23"}


@pytest.mark.parametrize("zone", ZONES)
def test_days_are_those_of_the_time_zone(zone: str, s3: S3, travel: Travel, new_ask: Callable[..., Ask]) -> None:
    ask, today = new_ask(TIME_ZONE=zone), ZONES[zone]
    document = ask().json
    assert (document["to"], document["time_zone"], document["partial"]) == (today, zone, today)
    assert ask("to=2026-11-22").json["partial"] is None
    assert ask(f"from={today}&to=2026-12-01").json["partial"] == today
    tomorrow = date.fromisoformat(today) + timedelta(days=1)
    assert ask(f"from={tomorrow}").json["detail"] == "The parameter from is after today, which is the default of to."
    travel(-12 * 3600 - 0.5)  # the end of the day before, in UTC
    assert ask().json["partial"] == {"Pacific/Kiritimati": "2026-11-23"}.get(zone, "2026-11-22")


@pytest.mark.parametrize(
    ("zone", "begins"),
    {
        "UTC": "2026-12-01T00:00:00Z",
        "Asia/Tokyo": "2026-11-30T15:00:00Z",
        "America/Los_Angeles": "2026-12-01T08:00:00Z",
        "Asia/Kathmandu": "2026-11-30T18:15:00Z",
    }.items(),
)
def test_a_month_begins_in_the_time_zone(
    zone: str, begins: str, s3: S3, travel: Travel, new_ask: Callable[..., Ask]
) -> None:
    store(s3, {"2026-12-01": row("2026-12-01", 7), "2026-11-30": row("2026-11-30", 3)})
    begin = datetime.fromisoformat(begins)
    ask = new_ask(TIME_ZONE=zone)
    query = "from=2026-11-30&to=2026-12-01"
    for seconds, values in ((-1, [3, None]), (0, [3, 7])):
        travel(begin + timedelta(seconds=seconds))
        reads(s3)
        assert ask(query).json["database"]["switches"]["values"] == values
    assert reads(s3) == ["2026-12"]
    # November is settled two days after its end, and counts for an hour from then on.
    for instant, read in ((2 * 86400 + 1, ["2026-11", "2026-12"]), (2 * 86400 + 3600, ["2026-12"])):
        travel(begin + timedelta(seconds=instant))
        assert ask(query).status == 200
        assert reads(s3) == read


def test_rows_of_version_1_0_beside_newer_ones(s3: S3, new_ask: Callable[..., Ask]) -> None:
    """Each is shown at the day that it stands for, which was a day in UTC."""
    newer = {"taken_at": "2026-11-22T14:55:02Z", "time_zone": "Asia/Tokyo", "read_from": {"engine": "postgres"}}
    store(s3, {"2026-11-21": row("2026-11-21", 1), "2026-11-22": row("2026-11-22", 2, **newer)})
    answer = new_ask(TIME_ZONE="Asia/Tokyo")("from=2026-11-21&to=2026-11-22")
    assert answer.json["database"]["switches"]["values"] == [1, 2]


def test_methods_and_validators(s3: S3, ask: Ask, build: Any) -> None:
    store(s3, {"2026-11-23": row("2026-11-23")})
    for accept in ("application/json", "text/csv"):
        get = ask("", ("Accept", accept), build=build)
        head = ask("", ("Accept", accept), build=build, method="HEAD")
        assert (head.status, head.headers, head.body) == (200, get.headers, "")
        for method in ("GET", "HEAD"):
            held = ask("", ("Accept", accept), ("If-None-Match", get.headers["ETag"]), build=build, method=method)
            assert (held.status, held.body) == (304, "")
            assert held.headers == {name: get.headers[name] for name in ("ETag", "Cache-Control", "Vary")}
    # There is no Last-Modified, so no date is a validator.
    assert ask("", ("If-Modified-Since", "Fri, 31 Dec 2100 00:00:00 GMT"), build=build).status == 200
    options = ask(build=build, method="OPTIONS")
    assert (options.status, options.headers, options.body) == (204, {"Allow": "GET, HEAD, OPTIONS"}, "")
    for method in ("POST", "PUT", "DELETE"):
        assert_problem(ask(build=build, method=method), 405, Allow="GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/api/stats/history", "/prod/api/stats/history/", "/prod/api/stats/history"])
def test_slash_and_stage(path: str, s3: S3, ask: Ask) -> None:
    assert ask("from=2026-11-23", build=rest_api, path=path).json["days"] == ["2026-11-23"]


def test_no_token_no_answer(s3: S3, new_container: Callable[..., Container], key: str, build: Any) -> None:
    """A refusal comes before anything that the query or the method could tell."""
    container = new_container()
    s3.calls.clear()
    for method, query in [("GET", ""), ("GET", "from=x"), ("POST", ""), ("HEAD", "")]:
        for headers in ([], [("Authorization", f"Token {'0' * 40}")]):
            answer = container.invoke(build(method=method, path=PATH, headers=headers, query=query))
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Token")
    assert container.get(path=PATH, method="OPTIONS", build=build).status == 204
    assert reads(s3) == []


def test_the_api_switched_off(key: str, s3: S3, new_container: Callable[..., Container]) -> None:
    container = new_container(API_ENABLED="false")
    for method in ("GET", "OPTIONS", "POST"):
        assert_unauthorized(container.get(key, path=PATH, method=method))


def test_without_a_bucket(key: str, new_container: Callable[..., Container], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET", raising=False)
    container = new_container()
    for query in ("", "from=x"):
        answer = container.get(key, ("Accept", "text/csv"), path=PATH, query=query)
        assert_problem(answer, 404)
        assert "no bucket" in answer.json["detail"]


def test_another_prefix(s3: S3, new_ask: Callable[..., Ask]) -> None:
    store(s3, {"2026-11-23": row("2026-11-23", 7)}, prefix="")
    answer = new_ask(SNAPSHOT_PREFIX="x")("from=2026-11-23")
    assert answer.json["database"]["switches"]["values"] == [None]
    store(s3, {"2026-11-23": row("2026-11-23", 7)}, prefix="x")
    answer = new_ask(SNAPSHOT_PREFIX="x")("from=2026-11-23")
    assert answer.json["database"]["switches"]["values"] == [7]


def test_rows_of_other_versions(s3: S3, ask: Ask) -> None:
    """A key that a row lacks, and what is no whole number, is null; what is not known is left out."""
    values: dict[str, Any] = {
        "switches": 5,
        "vlans": "5",
        "vlan_groups": True,
        "commands": 1.5,
        "newer": 9,
        "api_tokens": None,
    }
    store(s3, {"2026-11-23": row("2026-11-23", values=values, anything={})})
    answer = ask("from=2026-11-23")
    assert answer.status == 200
    found = {key: entry["values"] for section in SECTIONS for key, entry in answer.json[section].items()}
    assert found == {key: [5] if key == "switches" else [None] for key in KEYS}
    assert ask("from=2026-11-23", ("Accept", "text/csv")).body.splitlines()[1] == "2026-11-23,snapshot,5" + "," * (
        len(KEYS) - 1
    )


def test_a_row_in_the_wrong_month_does_not_count(s3: S3, ask: Ask) -> None:
    store(s3, {"2026-11-01": row("2026-11-01", 1)})
    stray = {"2026-11-01": row("2026-11-01", 9), "2026-10-99": row("2026-10-31", 9)}
    s3.objects = {**s3.objects, "snapshots/history/2026-10.json": json.dumps(stray).encode()}
    answer = ask("from=2026-10-31&to=2026-11-01")
    assert answer.json["database"]["switches"]["values"] == [None, 1]


DAMAGED = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b"[" * 60_000,
    b"\xff",
    b'{"2026-10-05":null}',
    b'{"2026-10-05":[]}',
    b'{"2026-10-05":{"scheduled_for":"2026-10-05T23:55:00Z","values":{}}}',
    b'{"2026-10-05":{"taken_at":"2026-10-05T23:55:02Z","values":{}}}',
    b'{"2026-10-05":{"scheduled_for":"2026-10-05T23:55:00Z"}}',
    b'{"2026-10-05":{"scheduled_for":"2026-10-05T23:55:00Z","taken_at":"2026-10-05T23:55:02Z","values":[]}}',
    b'{"2026-10-05":{"scheduled_for":"2026-10-05T23:55:00Z","taken_at":"2026-10-05T23:55:02Z","values":null}}',
    b'{"2026-10-05":{"scheduled_for":"yesterday","values":{}}}',
    b'{"2026-10-05":{"scheduled_for":"0001-01-01T00:00:00+23:00","values":{}}}',
    b'{"2026-10-05":{"values":{}}}',
]


def test_a_damaged_month_is_a_gap(
    s3: S3, new_ask: Callable[..., Ask], travel: Travel, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = new_ask()
    store(s3, {"2026-09-30": row("2026-09-30", 1), "2026-11-01": row("2026-11-01", 2)})
    good = s3.objects
    for number, content in enumerate(DAMAGED):
        travel(100 * number)
        s3.objects = {**good, "snapshots/history/2026-10.json": content}
        answer = ask("from=2026-09-30&to=2026-11-01")
        assert answer.json["database"]["switches"]["values"] == [1, *[None] * 31, 2], content[:60]
        output = capsys.readouterr().out
        assert output.count('"message":"history damaged"') == output.count('"HistoryDamaged":[1.0]') == 1
        assert output.count("snapshots/history/2026-10.json is not a valid history object") == 1
    # It is read again when an open month would be: someone may have repaired it.
    s3.objects = {**good, "snapshots/history/2026-10.json": json.dumps({"2026-10-05": row("2026-10-05", 3)}).encode()}
    assert ask("from=2026-10-05&to=2026-10-05").json["database"]["switches"]["values"] == [None]
    travel(100 * len(DAMAGED))
    assert ask("from=2026-10-05&to=2026-10-05").json["database"]["switches"]["values"] == [3]
    assert "history damaged" not in capsys.readouterr().out


YEAR = "from=2025-11-23&to=2026-11-23"
MONTHS = ["2025-11", "2025-12", *(f"2026-{month:02}" for month in range(1, 12))]


def test_a_year_takes_13_reads_and_then_none(s3: S3, ask: Ask, travel: Travel) -> None:
    store(s3, {day: row(day, number) for number, day in enumerate(days("2025-11-23", "2026-11-23"))})
    s3.calls.clear()
    answer = ask(YEAR)
    assert answer.json["database"]["switches"]["values"] == list(range(366))
    assert reads(s3) == MONTHS
    travel(59.5)
    assert ask(YEAR, ("Accept", "text/csv")).body.count("\r\n") == 367
    assert ask("from=2026-01-01&to=2026-02-01").status == 200
    assert reads(s3) == []
    # Months that have ended count for an hour, the current one for CACHE_TTL_SECONDS.
    travel(60)
    assert ask(YEAR).body == answer.body
    assert reads(s3) == ["2026-11"]
    travel(3600)
    assert ask(YEAR).body == answer.body
    assert reads(s3) == MONTHS


def test_what_has_not_changed_is_not_sent_again(
    s3: S3, ask: Ask, travel: Travel, gate: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(s3, {"2026-10-05": row("2026-10-05", 1), "2026-11-05": row("2026-11-05", 2)})
    statuses = record_statuses(gate[0], monkeypatch)
    query = "from=2026-10-05&to=2026-11-05"
    first = ask(query)
    assert statuses == [200, 200]
    statuses.clear()
    travel(3600)
    assert ask(query).body == first.body
    assert statuses == [304, 304]
    store(s3, {"2026-10-05": row("2026-10-05", 1), "2026-11-05": row("2026-11-05", 3)})
    statuses.clear()
    travel(2 * 3600)
    changed = ask(query)
    assert sorted(statuses) == [200, 304]
    assert changed.json["database"]["switches"]["values"] == [1, *[None] * 30, 3]
    s3.objects = {}
    travel(3 * 3600)
    assert ask(query).json["database"]["switches"]["values"] == [None] * 32


def record_statuses(gate: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the status of each answer of S3."""
    statuses: list[int] = []
    application = gate._moto

    def recording(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, *error: Any) -> Any:
            statuses.append(int(status.split(maxsplit=1)[0]))
            return start_response(status, headers, *error)

        return application(environ, start)

    monkeypatch.setattr(gate, "_moto", recording)
    return statuses


def test_a_month_is_settled_two_days_after_its_end(s3: S3, ask: Ask, travel: Travel) -> None:
    october = "from=2026-10-31&to=2026-10-31"
    store(s3, {"2026-10-31": row("2026-10-31", 1)})
    end = NOW.replace(month=11, day=3, hour=0, minute=0, second=0, microsecond=0)
    for instant, seconds in [(end - timedelta(hours=2), 60), (end + timedelta(seconds=1), 3600)]:
        travel(instant)
        ask(october)
        reads(s3)
        travel(instant + timedelta(seconds=seconds - 1))
        ask(october)
        assert reads(s3) == []
        travel(instant + timedelta(seconds=seconds))
        ask(october)
        assert reads(s3) == ["2026-10"]


def test_a_month_that_is_missing_is_looked_for_again(s3: S3, ask: Ask, travel: Travel) -> None:
    query = "from=2026-08-05&to=2026-08-05"
    s3.calls.clear()
    assert ask(query).json["database"]["switches"]["values"] == [None]
    assert ask(query).status == 200
    assert reads(s3) == ["2026-08"]
    store(s3, {"2026-08-05": row("2026-08-05", 4, source="backfill")})
    travel(60)
    assert ask(query).json["database"]["switches"]["values"] == [4]
    assert reads(s3) == ["2026-08"]


def test_without_a_ttl_open_months_are_always_read(s3: S3, new_ask: Callable[..., Ask]) -> None:
    ask = new_ask(CACHE_TTL_SECONDS=0)
    store(s3, {"2026-10-05": row("2026-10-05", 1), "2026-11-05": row("2026-11-05", 2)})
    s3.calls.clear()
    assert ask().headers["Cache-Control"] == "private, max-age=0"
    ask()
    assert reads(s3) == ["2026-10", "2026-11", "2026-11"]


def test_24_months_are_held_and_those_used_last_stay(s3: S3, ask: Ask) -> None:
    store(s3, {day: row(day) for day in days("2024-01-01", "2026-11-23")})
    first, second = "from=2024-01-01&to=2024-12-31", "from=2025-01-01&to=2025-12-31"
    ask(first)
    ask(second)
    ask("from=2024-01-15&to=2024-01-15")
    assert len(reads(s3)) == 24
    ask("from=2026-01-01&to=2026-01-31")
    assert reads(s3) == ["2026-01"]
    ask("from=2024-01-15&to=2024-01-15")  # was used after the others of that year
    ask(second)
    assert reads(s3) == []
    ask("from=2024-02-15&to=2024-02-15")
    assert reads(s3) == ["2024-02"]


def assert_unavailable(answer: Response, seconds: int) -> None:
    """The back-off begins when the try has ended, which the clock that stands still here does not show."""
    assert_problem(answer, 503, Retry_After=answer.headers["Retry-After"])
    assert seconds <= int(answer.headers["Retry-After"]) <= seconds + 10


@pytest.mark.parametrize("fault", [403, 500, 503, "broken"])
def test_while_the_bucket_fails_what_is_held_is_served(
    fault: Any, s3: S3, new_ask: Callable[..., Ask], travel: Travel, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = new_ask()
    store(s3, {"2026-10-05": row("2026-10-05", 1), "2026-11-05": row("2026-11-05", 2)})
    held = ask("from=2026-10-05&to=2026-11-05")
    capsys.readouterr()
    s3.fault = lambda *_: fault
    travel(60)
    assert ask("from=2026-10-05&to=2026-11-05").body == held.body
    output = capsys.readouterr().out
    assert output.count('"message":"history not readable"') == output.count('"HistoryReadFailure":[1.0]') == 1
    assert "snapshots/history/2026-11.json: " in output
    # Not held: no answer. The source is left alone for a while, whatever months are asked for.
    reads(s3)
    assert_unavailable(ask("from=2026-08-05"), 1)
    assert reads(s3) == []
    travel(70)
    assert_unavailable(ask("from=2026-08-05", ("Accept", "text/csv")), 2)
    assert reads(s3) == ["2026-08", "2026-09", "2026-11"]
    travel(3600)
    assert ask("from=2026-11-05").status == 200
    travel(3601)
    assert ask("from=2026-11-05").status == 503
    # A month that has ended counts as current for an hour, to which MAX_STALE_SECONDS adds.
    assert ask("from=2026-10-05&to=2026-10-05").status == 200
    travel(7200)
    assert ask("from=2026-10-05&to=2026-10-05").status == 200
    travel(7201)
    assert ask("from=2026-10-05&to=2026-10-05").status == 503
    s3.recover()
    travel(7201 + 30)
    assert ask("from=2026-10-05&to=2026-11-05").body == held.body


def test_one_month_that_fails_does_not_cost_the_others(s3: S3, ask: Ask, travel: Travel) -> None:
    store(s3, {day: row(day, 1) for day in days("2025-11-23", "2026-11-23")})
    s3.calls.clear()
    s3.fault = lambda call, _: 503 if "2026-03" in call.key else None
    assert ask(YEAR).status == 503
    assert reads(s3) == MONTHS
    s3.recover()
    travel(30)
    assert ask(YEAR).status == 200
    assert reads(s3) == ["2026-03"]


def test_a_bucket_that_is_gone(s3: S3, new_ask: Callable[..., Ask]) -> None:
    answer = new_ask(SNAPSHOT_BUCKET="no-such-bucket")()
    assert_unavailable(answer, 1)
    assert "history" in answer.json["detail"]


def test_a_clock_that_was_set_back(s3: S3, ask: Ask, travel: Travel) -> None:
    store(s3, {"2026-11-05": row("2026-11-05", 1)})
    travel(3600)
    ask("from=2026-11-05")
    reads(s3)
    travel(0)
    assert ask("from=2026-11-05").status == 200
    assert reads(s3) == ["2026-11"]
    s3.fault = lambda *_: 500
    travel(-3600)
    assert ask("from=2026-11-05").status == 503


def test_a_slow_bucket_does_not_outlast_the_request(key: str, s3: S3, new_container: Callable[..., Container]) -> None:
    """13 answers that drip, over 4 threads: what has not come by the deadline is given up, what has is held."""
    store(s3, {day: row(day, 1) for day in days("2025-11-23", "2026-11-23")})
    container = new_container(REQUEST_TIMEOUT_SECONDS=1)
    s3.calls.clear()
    s3.fault = lambda *_: "slow"
    began = time.monotonic()
    answer = container.get(key, path=PATH, query=YEAR)
    assert time.monotonic() - began < 2 + 3  # and some more on a busy machine
    assert answer.status == 503
    assert len(reads(s3)) <= 4
    # All four threads are stuck: the next request does not wait.
    assert container.get(key, path=PATH, query=YEAR).status == 503
    s3.recover()


def test_the_snapshots_of_a_day(
    aws: AWS, sqlite_db: Database, s3: S3, travel: Travel, new_container: Callable[..., Container]
) -> None:
    """What the snapshot function writes is what the API reads."""
    aws.put_database(sqlite_db.secret())
    key = aws.new_token()
    container = new_container()
    now = container.get(key).json
    snapshots = import_module("stats.snapshots.store")
    zone = container.api._app.settings.time_zone
    taken = snapshots.Snapshot(now, NOW, NOW.replace(microsecond=0), zone, None)
    container.api._app.snapshots.write(taken, container.api.Deadline.after(10))
    history = container.get(key, path=PATH, query="from=2026-11-23").json
    assert history["backfilled"] == []
    for section, entries in now.items():
        for name, entry in entries.items():
            assert history[section][name] == {"label": entry["label"], "values": [entry["value"]]}

"""What is wrong with the answers to a token. tests/integration/deployed holds the real ones against this."""

import gzip
from json import dumps

import pytest
from werkzeug import Request, Response

from openl2m_stats.verify.api import Api, found
from openl2m_stats.verify.with_token import CHECKS
from stats import __version__
from stats.numbers.catalogue import SERVED
from tests.unit.openl2m_stats.verify.conftest import Answer, json

DOCUMENT = {
    section: {each.key: {"label": each.label, "value": 1} for each in SERVED if each.section == section}
    for section in ("database", "usage")
}
HEADERS = {
    "ETag": '"a"',
    "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT",
    "Cache-Control": "private, max-age=60",
    "Age": "12",
    "Cache-Status": "openl2m-stats; hit; ttl=48; detail=memory",
    "Vary": "Authorization",
}
DAYS = {"days": ["2026-11-26"], "database": {"switches": {"values": [1]}}}
METRICS = f'# TYPE openl2m_switches gauge\nopenl2m_switches 1\nopenl2m_stats_info{{version="{__version__}"}} 1\n'


def statistics(document: object = DOCUMENT, **headers: str | None) -> Response:
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    kept = {name: value for name, value in given.items() if value is not None}
    return Response(dumps(document), 200, kept, content_type="application/json")


def answering(request: Request) -> Response:
    """Answer as the function does."""
    if request.headers.get("Authorization", "").partition(" ")[0] != "Token":
        return json('{"detail":"no"}', 401)
    if request.path == "/metrics":
        return Response(METRICS)
    if request.path == "/api/stats/history/":
        if request.args.get("format") == "csv":
            return Response("day,source,switches\r\n", content_type="text/csv")
        text = dumps(DAYS)
        if request.headers.get("Accept-Encoding") == "gzip":
            return Response(gzip.compress(text.encode()), 200, {"Content-Encoding": "gzip"})
        return json(text)
    if request.method not in {"GET", "HEAD", "POST"}:
        return json('{"detail":"no"}', 405)
    if request.headers.get("If-None-Match") == HEADERS["ETag"]:
        return Response("", 304)
    return statistics()


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_right(name: str, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = answering
    finding = found(CHECKS[name], api)
    assert finding.state == "ok", finding


@pytest.mark.parametrize(
    ("name", "response", "words"),
    [
        ("statistics", statistics(Age=None, ETag=None), "the headers etag, age are missing"),
        ("statistics", json("[]"), "the answer is not the function's own"),
        ("statistics", json('{"message": "hello"}'), "the answer is not the function's own"),
        ("304", Response("", 200, {"ETag": '"b"'}), "no call with the current ETag is answered 304"),
        ("methods", Response("", 200), "HEAD has a body, or no ETag"),
        ("history", json("[]"), "the history is not the function's own"),
        ("history", json('{"days": []}'), "the history is not the function's own"),
        ("history", json('{"days": ["2026-11-26"]}'), "the history is not the function's own"),
        ("history", json('{"days": ["x"], "database": {"switches": {"values": null}}}'), "not the function's own"),
        ("history", json(dumps(DAYS)), "with format=csv, the history is not CSV"),
        (
            "compression",
            Response("x", 200, {"Content-Encoding": "gzip"}),
            "Content-Encoding is gzip, but the content is not",
        ),
        ("earlier time", json("[]"), "the answer is not the function's own"),
        ("earlier time", json("{}", Date="nonsense", status=500), "answers 500 instead of 200"),
        ("metrics", Response("{"), "/metrics is not in Prometheus's format"),
        ("metrics", Response("up 1\n"), "/metrics has no switches"),
        *((name, Response("", 503), "answers 503 instead of 200") for name in CHECKS if name != "304"),
    ],
)
def test_what_is_wrong(name: str, response: Response, words: str, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: response
    finding = found(CHECKS[name], api)
    assert finding.state == "FAIL"
    assert words in finding.seen


@pytest.mark.parametrize(
    ("name", "response", "words"),
    [
        ("statistics", statistics({"database": {}, "usage": DOCUMENT["usage"]}), "without switches, switchgroups, "),
        ("statistics", statistics(Cache_Status="openl2m-stats; hit; ttl=-9; detail=stale"), "they are stale"),
        ("compression", json(dumps(DAYS)), "the history comes uncompressed"),
    ],
)
def test_what_is_not_quite_right(
    name: str, response: Response, words: str, api: Api, answer: dict[str, Answer]
) -> None:
    answer["of"] = lambda _: response
    finding = found(CHECKS[name], api)
    assert finding.state == "warn"
    assert words in finding.seen


def test_numbers_that_are_read_anew_between_two_calls(api: Api, answer: dict[str, Answer]) -> None:
    """The first copy is out of date by the second call: only the third is answered 304."""
    tags = iter(['"a"', '"b"', '"c"'])

    def change(request: Request) -> Response:
        if request.headers.get("If-None-Match") == '"c"':
            return Response("", 304)
        return Response("", 200, {"ETag": next(tags)})

    answer["of"] = change
    assert found(CHECKS["304"], api).state == "ok"


def test_a_version_that_is_not_this_commands(api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: Response(METRICS.replace(__version__, "0.9"))
    assert found(CHECKS["metrics"], api).seen == f"2 metrics of version 0.9; this command is {__version__}"


@pytest.mark.parametrize("first", [200, 404])
def test_a_snapshot_of_this_very_second(first: int, api: Api, answer: dict[str, Answer]) -> None:
    """The time is the API's own, in whole seconds, and the newest snapshot may be a part of a second younger."""
    times: list[str] = []

    def respond(request: Request) -> Response:
        if request.path != "/api/stats/at/":
            return statistics(Date="Thu, 26 Nov 2026 12:00:05 GMT")
        times.append(request.args["time"])
        return json('{"detail":"no"}', 404) if first == 404 and len(times) == 1 else statistics()

    answer["of"] = respond
    assert found(CHECKS["earlier time"], api).state == "ok"
    assert set(times) == {"2026-11-26T12:00:05Z"}


def test_no_snapshot_of_the_last_day(api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda request: json('{"detail":"no"}', 404) if "at" in request.path.split("/") else statistics()
    finding = found(CHECKS["earlier time"], api)
    assert (finding.state, finding.seen) == ("warn", "there is no snapshot of the last day")

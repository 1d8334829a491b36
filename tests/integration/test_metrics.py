"""`/metrics`, as prometheus_client's own parsers read it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stats
from dev.servers.databases import Database
from stats.numbers.catalogue import STATISTICS
from tests.integration.conftest import AWS, NOW, Response, Travel
from tests.support.databases import load_case, read_case
from tests.support.events import FORMATS, vary
from tests.support.metrics import Series, parse, series
from tests.support.outages import hide_tables
from tests.support.s3 import S3

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.json"))
TEXT = "text/plain; version=0.0.4; charset=utf-8"
NEWER_TEXT = "text/plain; version=1.0.0; charset=utf-8; escaping={}"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
ALLOW = "GET, HEAD, OPTIONS"
# OpenL2M's own names of the counters that its statistics do not show.
HIDDEN = {
    "openl2m_logins_total": "logins",
    "openl2m_failed_logins_total": "logins_failed",
    "openl2m_access_denied_total": "access_denied",
    "openl2m_errors_total": "errors",
    "openl2m_warnings_total": "warnings",
    "openl2m_views_total": "views",
    "openl2m_detail_views_total": "detailviews",
    "openl2m_bulk_edits_total": "bulkedits",
    "openl2m_hardware_views_total": "hwinfo",
}
# What Prometheus 2 and 3 send.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


def scrape(container: Any, key: str | None, *headers: tuple[str, str], **request: Any) -> Response:
    answer: Response = container.get(key, *headers, path=request.pop("path", "/metrics"), **request)
    return answer


def samples(answer: Response) -> Series:
    return parse(answer.headers["Content-Type"], answer.body)


def expected(document: Any, taken_at: datetime, counters: Mapping[str, int]) -> Series:
    """Return what the series are when the JSON is this, and OpenL2M's counters are these."""
    own: Series = {("openl2m_stats_timestamp_seconds", None): taken_at.timestamp(), ("openl2m_stats_info", None): 1}
    hidden = {(name, None): float(counters.get(row, 0)) for name, row in HIDDEN.items()}
    return own | series(document) | hidden


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_numbers_are_those_of_the_json(path: Path, sqlite_db: Database, aws: AWS, new_container: Any) -> None:
    case = read_case(path)
    load_case(sqlite_db, case)
    aws.put_database(sqlite_db.secret())
    key, now = aws.new_token(), datetime.fromisoformat(case["now"])
    with time_machine.travel(now, tick=False):
        container = new_container(TIME_ZONE=case["time_zone"])
        document = container.get(key).json
        answers = [scrape(container, key, ("Accept", accept)) for accept in ("*/*", PROMETHEUS_2, PROMETHEUS_3)]
    assert len(set(expected(document, now, case["tables"]["counters_counter"]).values())) > 5
    for answer in answers:
        assert answer.status == 200
        assert samples(answer) == expected(document, now, case["tables"]["counters_counter"])


def test_the_counters_that_openl2m_does_not_show(
    key: str, database: Database, aws: AWS, travel: Travel, new_container: Any
) -> None:
    aws.put_database(database.secret())
    container = new_container()
    numbers = {row: number for number, row in enumerate(HIDDEN.values(), start=1)} | {"vlan_management": 99}
    database.insert("counters_counter", [{"name": name, "value": value} for name, value in numbers.items()])
    found = samples(scrape(container, key))
    assert {name: found[name, None] for name in HIDDEN} == dict(zip(HIDDEN, range(1, 10), strict=True))
    assert list(container.get(key).json) == ["database", "usage"]
    assert container.get(key, path="/metrics").headers["Cache-Status"].endswith("detail=memory")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ([], TEXT),
        ([""], TEXT),
        (["*/*"], TEXT),
        (["text/html,application/xhtml+xml"], TEXT),
        (["application/json"], TEXT),
        (["text/plain;version=0.0.4"], TEXT),
        (["application/openmetrics-text"], OPENMETRICS),
        (["application/openmetrics-text; version=1.0.0; charset=utf-8"], OPENMETRICS + "; escaping=underscores"),
        (["text/html", "application/openmetrics-text"], OPENMETRICS),
        ([PROMETHEUS_2], OPENMETRICS + "; escaping=underscores"),
        ([PROMETHEUS_3], OPENMETRICS + "; escaping=allow-utf-8"),
        (["application/openmetrics-text;version=0.0.1"], TEXT),
        (["text/plain;version=1.0.0;escaping=allow-utf-8"], NEWER_TEXT.format("allow-utf-8")),
        # What no version of a format is called would be repeated, or end in an error.
        (["application/openmetrics-text;version=2.0.0"], TEXT),
        (["application/openmetrics-text;version=2.0.0", "application/openmetrics-text"], OPENMETRICS),
        (["application/openmetrics-text;version=latest"], TEXT),
        (["text/plain; version=x"], TEXT),
        (["text/plain;version=1.0.0;version=x"], TEXT),
        (["application/openmetrics-text;version=1.0.0.\ud83d"], TEXT),
        ([";version=1.0.0,;;,="], TEXT),
    ],
)
def test_the_format_follows_accept(
    accept: list[str], content_type: str, build: Any, key: str, travel: Travel, new_container: Any
) -> None:
    answer = scrape(new_container(), key, *(("Accept", value) for value in accept), build=build)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == content_type
    assert answer.body.endswith("# EOF\n") == content_type.startswith(OPENMETRICS)
    assert len(samples(answer)) == len(STATISTICS) + 2


def test_the_series_as_they_are_written(key: str, sqlite_db: Database, travel: Travel, new_container: Any) -> None:
    sqlite_db.insert("counters_counter", [{"name": "changes", "value": 39014}])
    container = new_container()
    text = scrape(container, key).body
    assert text.startswith("# HELP openl2m_switches Switches.\n# TYPE openl2m_switches gauge\nopenl2m_switches 0.0\n")
    lines = text.splitlines()
    help_text = (
        "last_hour, today: Devices that someone viewed or changed. "
        "last_7_days, last_31_days: Devices with a log entry of any type."
    )
    # Of this process and its Python, nothing.
    assert all(line.startswith(("openl2m_", "# HELP openl2m_", "# TYPE openl2m_")) for line in lines)
    assert {
        f"# HELP openl2m_active_devices {help_text}",
        "# TYPE openl2m_active_devices gauge",
        'openl2m_active_devices{window="last_hour"} 0.0',
        "# HELP openl2m_changes_total Changes made since OpenL2M was installed.",
        "# TYPE openl2m_changes_total counter",
        "openl2m_changes_total 39014.0",
        "# TYPE openl2m_stats_timestamp_seconds gauge",
        "openl2m_stats_timestamp_seconds 1.79543520025e+09",
        "# TYPE openl2m_stats_info gauge",
        f'openl2m_stats_info{{version="{stats.__version__}"}} 1.0',
    } <= set(lines)
    assert {
        "# TYPE openl2m_changes counter",
        "openl2m_changes_total 39014.0",
        "# UNIT openl2m_stats_timestamp_seconds seconds",
        "# TYPE openl2m_stats info",
    } <= set(scrape(container, key, ("Accept", "application/openmetrics-text")).body.splitlines())


def headers_of(answer: Response, *, age: int, cache_status: str) -> dict[str, str]:
    return {
        "Content-Type": TEXT,
        "Allow": ALLOW,
        "ETag": answer.headers["ETag"],
        "Last-Modified": "Mon, 23 Nov 2026 12:00:00 GMT",
        "Cache-Control": "private, max-age=60",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": vary(answer.headers, "Authorization, Accept"),
        "X-Content-Type-Options": "nosniff",
    }


def test_headers_and_validators(build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    first = scrape(container, key, build=build)
    assert first.headers == headers_of(first, age=0, cache_status="fwd=miss")
    travel(17)
    held = scrape(container, key, build=build, path="/metrics/")
    assert held == Response(200, headers_of(first, age=17, cache_status="hit; ttl=43; detail=memory"), first.body)
    assert scrape(container, key, build=build, method="HEAD") == Response(200, held.headers, "")

    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    not_sent = ("Content-Type", "Allow", "X-Content-Type-Options")
    not_modified = {name: value for name, value in held.headers.items() if name not in not_sent}
    for header in (("If-None-Match", etag), ("If-None-Match", f'"a", W/{etag}'), ("If-Modified-Since", modified)):
        assert scrape(container, key, header, build=build) == Response(304, not_modified, "")
    others = {container.get(key).headers["ETag"]}
    others |= {scrape(container, key, ("Accept", "application/openmetrics-text")).headers["ETag"]}
    assert len(others | {etag}) == 3
    for other in others:
        assert scrape(container, key, ("If-None-Match", other), build=build).status == 200


def test_the_deployment_is_named_where_it_has_a_name(key: str, new_container: Any) -> None:
    version = f'version="{stats.__version__}"'
    assert f"openl2m_stats_info{{{version}}} 1.0" in scrape(new_container(), key).body.splitlines()
    text = scrape(new_container(STACK_LABEL='Prod "1"'), key).body
    assert f'openl2m_stats_info{{deployment="Prod \\"1\\"",{version}}} 1.0' in text.splitlines()


def test_whoever_asks_a_statement_is_run_once_in_its_time(
    key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container()
    assert scrape(container, key).headers["Cache-Status"].endswith("fwd=miss")
    assert container.get(key).headers["Cache-Status"].endswith("detail=memory")
    sqlite_db.insert("switches_switch", [{}])
    travel(59)
    assert samples(scrape(container, key))["openl2m_switches", None] == 0
    travel(60)
    assert container.get(key).headers["Cache-Status"].endswith("fwd=miss")
    answer = scrape(container, key)
    assert answer.headers["Cache-Status"].endswith("detail=memory")
    assert samples(answer)["openl2m_switches", None] == 1


SNAPSHOT = ("openl2m_stats_snapshot_timestamp_seconds", None)


def test_the_newest_snapshots_time_is_read_once_in_its_time_and_outlasts_a_failing_bucket(
    key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    container = new_container()
    assert SNAPSHOT not in samples(scrape(container, key))
    new_schedule()({})
    taken = NOW.timestamp()
    reads = []
    # Numbers of the database and of the snapshot in turn.
    for seconds in (30, 59, 60, 90, 119, 120, 150):
        travel(seconds)
        before = len(s3.calls)
        found = samples(scrape(container, key))
        reads.append(len(s3.calls) - before)
        assert found.get(SNAPSHOT) == (None if seconds < 60 else taken)
    assert reads == [0, 0, 1, 0, 0, 1, 0]
    s3.fault = lambda *_: 503
    travel(180)
    answer = scrape(container, key)
    assert answer.headers["Cache-Status"].endswith("fwd=miss")
    assert samples(answer)[SNAPSHOT] == taken
    assert SNAPSHOT not in samples(scrape(new_container(), key))
    s3.recover()
    s3.objects = {}
    travel(240)
    assert SNAPSHOT not in samples(scrape(container, key))


def test_without_a_bucket_there_is_no_snapshots_time(key: str, new_container: Any) -> None:
    assert SNAPSHOT not in samples(scrape(new_container(), key))


def test_a_snapshot_of_another_version_has_a_time(
    key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    s3.objects = {"snapshots/latest.json": s3.objects["snapshots/latest.json"].replace(b'"vlans"', b'"networks"')}
    assert samples(scrape(new_container(), key))[SNAPSHOT] == NOW.timestamp()


def test_a_stale_answer_still_says_when_its_numbers_were_read(
    build: Any, key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container(MAX_STALE_SECONDS=300)
    first = scrape(container, key, build=build)
    hide_tables(sqlite_db)
    travel(300)
    stale = scrape(container, key, build=build)
    assert stale.headers == headers_of(first, age=300, cache_status="hit; ttl=-240; detail=stale")
    assert samples(stale)["openl2m_stats_timestamp_seconds", None] == NOW.timestamp()
    travel(301)
    gone = scrape(container, key, build=build)
    assert (gone.status, gone.headers["Retry-After"], list(gone.json)) == (503, "1", ["detail"])


def test_the_table_of_answers_holds_here_too(build: Any, key: str, new_container: Any) -> None:
    container = new_container()
    assert scrape(container, None, build=build).headers["WWW-Authenticate"] == "Token"
    assert scrape(container, "0" * 40, build=build).status == 401
    assert scrape(container, None, build=build, method="OPTIONS") == Response(204, {"Allow": ALLOW}, "")
    for method in ("POST", "PUT", "DELETE"):
        refused = scrape(container, key, build=build, method=method)
        assert (refused.status, refused.headers["Allow"]) == (405, ALLOW)
    for path in ("/metrics/x", "/metricsx", "/api/metrics", "/api/stats/metrics"):
        assert scrape(container, key, build=build, path=path).status == 404
    assert scrape(new_container(API_ENABLED="false"), key, build=build, method="OPTIONS").status == 401


def test_a_stage_may_precede(key: str, new_container: Any) -> None:
    assert scrape(new_container(), key, path="/prod/metrics", build=FORMATS["1.0"]).status == 200


accepted = st.lists(
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                ["application/openmetrics-text", "text/plain", "*/*", ";", "version", "=", " ", "charset=utf-8"]
            )
            | st.sampled_from(
                ["1.0.0", "0.0.4", "2", "1.0.0.x", ";version=1.0.0", ";escaping=values", "\ud83d", "\u0661"]
            )
            | st.text(max_size=3),
            max_size=6,
        ),
    ),
    max_size=3,
)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(accept=accepted)
def test_whatever_accept_is_the_answer_is_in_a_known_format(accept: list[str], warm: Any) -> None:
    container, key = warm
    answer = scrape(container, key, *(("Accept", value) for value in accept))
    assert answer.status == 200
    format_, _, escaping = answer.headers["Content-Type"].partition("; escaping=")
    assert format_ in {TEXT, TEXT.replace("0.0.4", "1.0.0"), OPENMETRICS}
    assert escaping in {"", "underscores", "allow-utf-8", "dots", "values"}


@pytest.fixture
def warm(key: str, new_container: Any) -> tuple[Any, str]:
    return new_container(), key

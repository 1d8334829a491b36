"""Debian's Prometheus over `make run`, with the job of docs/api.md; the dashboard's queries and the alert rules."""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from dev.servers.processes import free_port
from dev.servers.programs import require_installed, search_path
from openl2m_stats.local import demo
from stats.numbers.catalogue import STATISTICS, Counter
from tests.integration.test_run import running
from tests.support.databases import ROOT
from tests.support.metrics import series

DASHBOARDS = ROOT / "dashboards"
AUTHORIZATION = {"Authorization": f"Token {demo.TOKEN}"}
_START_SECONDS = 60
WEEK_AGO, _MINUTES = int(time.time()) - 7 * 86400, 40


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    require_installed("prometheus")


def program(name: str) -> str:
    found = shutil.which(name, path=search_path())
    assert found
    return found


def promtool(*arguments: str, text: str = "", directory: Path = ROOT) -> str:
    """Run promtool; return what it printed, if it found nothing wrong."""
    finished = subprocess.run(
        [program("promtool"), *arguments], input=text, cwd=directory, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The server's own address. Its numbers do not change while the tests look at them."""
    with running(CACHE_TTL_SECONDS=86400) as (_, printed):
        yield address(printed)


def address(printed: str) -> str:
    found = re.search(r"http://(127\.0\.0\.1:\d+)/api/stats/", printed)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documented configuration as it stands, but for where the token is."""
    directory = tmp_path_factory.mktemp("prometheus")
    (directory / "token").write_text(f"{demo.TOKEN}\n")
    shutil.copy(DASHBOARDS / "alerts.yaml", directory)
    [text] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    path = directory / "prometheus.yml"
    path.write_text(text.replace("/etc/prometheus/openl2m-stats.token", str(directory / "token")))
    return path


@pytest.fixture(scope="module")
def prometheus(api: str, configuration: Path) -> Iterator["Prometheus"]:
    """A Prometheus that scrapes two stacks as documented, but more often, and without TLS.

    `production` answers. `staging` has answered until just now. Prometheus has the numbers of both from a week ago.
    """
    with running(CACHE_TTL_SECONDS=86400) as (staging, printed):
        targets = {"production": api, "staging": address(printed)}
        server = start(configuration, targets)
        with server:
            server.wait_for(lambda: len(server.query("openl2m_stats_info")) == 2)
            server.wait_for(lambda: server.query('up{job="refused"}'))
            staging.kill()
            server.wait_for(lambda: server.query('up{stack="staging"} == 0'))
            yield server


def start(configuration: Path, targets: Mapping[str, str]) -> "Prometheus":
    settings = yaml.safe_load(configuration.read_text())
    [job] = settings["scrape_configs"]
    job |= {"scheme": "http", "scrape_interval": "1s", "scrape_timeout": "1s"}
    [documented] = job["static_configs"]
    assert documented["labels"] == {"stack": "production"}
    job["static_configs"] = [{"targets": [where], "labels": {"stack": stack}} for stack, where in targets.items()]
    refused = {
        **job,
        "job_name": "refused",
        "authorization": {"type": "Token", "credentials": "0" * 40},
        "static_configs": [{"targets": [targets["production"]]}],
    }
    settings |= {"global": {"evaluation_interval": "1s"}, "scrape_configs": [job, refused]}
    path = configuration.with_name("local.yml")
    path.write_text(yaml.safe_dump(settings))
    data = path.with_name("data")
    remember(data, targets)
    return Prometheus(path, data)


def remember(data: Path, targets: Mapping[str, str]) -> None:
    """Write what the targets would have answered a week ago, once a minute, to a Prometheus' data.

    Each counter rises by one a minute, and every other number was smaller by one than today.
    """
    lines = []
    for stack, where in targets.items():
        text = requests.get(f"http://{where}/metrics", headers=AUTHORIZATION, timeout=30).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        for sample, minute in itertools.product(samples, range(-_MINUTES, _MINUTES)):
            labels = {"job": "openl2m-stats", "instance": where, "stack": stack, **sample.labels}
            selector = ",".join(f'{name}="{value}"' for name, value in labels.items())
            value = sample.value + minute - _MINUTES if sample.name.endswith("_total") else sample.value - 1
            lines.append(f"{sample.name}{{{selector}}} {value} {WEEK_AGO + 60 * minute}")
    written = data.with_name("openmetrics")
    written.write_text("\n".join([*sorted(lines), "# EOF\n"]))
    promtool("tsdb", "create-blocks-from", "openmetrics", str(written), str(data))


class Prometheus:
    """Prometheus as a process, and its HTTP API."""

    def __init__(self, configuration: Path, data: Path) -> None:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        self._command = [
            program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self._log = configuration.with_name("log")

    def __enter__(self) -> None:
        with self._log.open("w") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output, cwd=self._log.parent)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait_for(self, condition: Callable[[], object]) -> None:
        until = time.monotonic() + _START_SECONDS
        while not condition():
            assert time.monotonic() < until, self._log.read_text()
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.2)

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; nothing while the server is starting."""
        with contextlib.suppress(requests.ConnectionError):
            answer = requests.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=10)
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                return answer.json()["data"]
        return {}

    def query(self, expression: str, **parameters: str) -> list[Any]:
        """Return the series of an expression, as they are now, or at `time`."""
        found: list[Any] = self.get("query", query=expression, **parameters).get("result", [])
        return found


def test_a_query_returns_the_numbers(prometheus: Prometheus, api: str) -> None:
    answer = requests.get(f"http://{api}/api/stats/", headers=AUTHORIZATION, timeout=30)
    found = {
        (each["metric"]["__name__"], each["metric"].get("window")): float(each["value"][1])
        for each in prometheus.query('{__name__=~"openl2m_.+",job="openl2m-stats",stack="production"}')
    }
    read_at = datetime.fromtimestamp(found.pop(("openl2m_stats_timestamp_seconds", None)), UTC)
    assert read_at.replace(microsecond=0) == parsedate_to_datetime(answer.headers["Last-Modified"])
    assert found.pop(("openl2m_stats_info", None)) == 1
    # The snapshot that is taken when the server starts is of the same demo, moments before.
    assert 0 <= read_at.timestamp() - found.pop(("openl2m_stats_snapshot_timestamp_seconds", None)) < _START_SECONDS
    hidden = {f"openl2m_{s.family}_total": s.measure for s in STATISTICS if isinstance(s.measure, Counter)}
    counters = {(name, None): float(demo.COUNTERS[measure.name]) for name, measure in hidden.items()}
    assert found == series(answer.json()) | counters
    assert found["openl2m_switches", None] == 1246


def test_a_wrong_token_is_a_failed_scrape_that_says_so(prometheus: Prometheus) -> None:
    assert [series["value"][1] for series in prometheus.query('up{job="refused"}')] == ["0"]
    targets = prometheus.get("targets")["activeTargets"]
    errors = {each["labels"].get("stack", each["labels"]["job"]): each["lastError"] for each in targets}
    assert errors["production"] == ""
    assert errors["refused"] == "server returned HTTP status 401 Unauthorized"


def test_the_rules_are_loaded_and_silent_but_for_the_stack_that_does_not_answer(prometheus: Prometheus) -> None:
    def rules() -> list[Any]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    # Before the first scrape there was no `up`, and that may have been noticed.
    prometheus.wait_for(
        lambda: all(
            rule["health"] == "ok" and len(rule.get("alerts", [])) == (n == 0) for n, rule in enumerate(rules())
        )
    )
    found = [rule["name"] for rule in rules() if rule["type"] == "alerting"]
    assert found == [
        "OpenL2MStatsNotScraped",
        "OpenL2MStatsStale",
        "OpenL2MSnapshotsStopped",
        "OpenL2MSwitchesDropped",
        "OpenL2MInventoryDropped",
        "OpenL2MFailedLogins",
        "OpenL2MAccessDenied",
    ]
    [alert] = rules()[0]["alerts"]
    assert alert["annotations"]["summary"] == "Prometheus gets no statistics of OpenL2M from staging"


def test_the_recorded_inventory_has_the_numbers_that_may_drop(prometheus: Prometheus) -> None:
    expected = {"switch_groups", "vlans", "vlan_groups", "snmp_profiles", "credentials_profiles", "commands"}
    expected |= {"command_lists"}
    prometheus.wait_for(lambda: prometheus.query('openl2m:inventory{stack="production"}'))
    found = prometheus.query('openl2m:inventory{stack="production"}')
    assert {each["metric"]["metric"] for each in found} == {f"openl2m_{name}" for name in expected}


DASHBOARD = json.loads((DASHBOARDS / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS: dict[str, Any] = {
    f"{panel['id']} {panel['title']} {target['refId']}": target for panel in PANELS for target in panel["targets"]
}
INSTANT = [name for name, target in TARGETS.items() if target.get("instant")]
RISING = [name for name, target in TARGETS.items() if "$__rate_interval" in target["expr"]]


@pytest.fixture(scope="module")
def variables(prometheus: Prometheus) -> dict[str, str]:
    """Return what Grafana puts in the place of the dashboard's variables when all is chosen, asked for as it does."""
    values: dict[str, str] = {}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found
            known = prometheus.get(f"label/{found[2]}/values", **{"match[]": substitute(found[1], values)})
            assert len(known) == (1 if variable["name"] == "job" else 2)
            everything = "|".join(re.escape(value) for value in known)
            values[variable["name"]] = variable.get("allValue") or f"({everything})"
    return values


def substitute(expression: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables, as they stand in a string of PromQL's."""
    escaped = {name: value.replace("\\", "\\\\") for name, value in values.items()}
    return re.sub(r"\$([a-z_]+)", lambda name: escaped[name[1]], expression)


def rate_interval(target: Any) -> int:
    """Return the seconds of `$__rate_interval` at the shortest ranges, as Grafana's documentation defines it."""
    interval = {"": 15, "2m": 120}[target.get("interval", "")]
    return 4 * interval


def evaluate(prometheus: Prometheus, target: Any, variables: Mapping[str, str], **parameters: str) -> list[Any]:
    values = {**variables, "__rate_interval": f"{rate_interval(target)}s"}
    return prometheus.query(substitute(target["expr"], values), **parameters)


@pytest.mark.parametrize("name", TARGETS)
def test_every_expression_of_the_dashboard_returns_series_of_the_stack_that_answers(
    name: str, prometheus: Prometheus, variables: dict[str, str]
) -> None:
    found = evaluate(prometheus, TARGETS[name], variables)
    assert "production" in {each["metric"]["stack"] for each in found}


@pytest.mark.parametrize("name", INSTANT)
def test_what_is_now_shows_no_number_of_a_target_that_does_not_answer(
    name: str, prometheus: Prometheus, variables: dict[str, str]
) -> None:
    """It shows that there is none, or the number of another time that it is about."""
    target = TARGETS[name]
    if "offset" in target["expr"] and "NaN" not in target["expr"]:
        return
    found = evaluate(prometheus, target, variables)
    dead = {each["value"][1] for each in found if each["metric"]["stack"] == "staging"}
    assert dead <= {"-2", "NaN"} or target["expr"].startswith("max by (job, stack, instance) (up{")
    if target.get("format") != "table":
        assert len(dead) == 1
        alive = [each for each in found if each["metric"]["stack"] == "production"]
        assert len(alive) == 1
        assert alive[0]["value"][1] not in {"-2", "-1", "NaN"}


def test_differences_are_those_from_a_week_ago(prometheus: Prometheus, variables: dict[str, str]) -> None:
    """Every gauge was smaller by one then."""
    panels = [panel for panel in PANELS if panel["title"].endswith(", since a week ago")]
    assert len(panels) == 5
    for panel in panels:
        found = evaluate(prometheus, panel["targets"][0], variables)
        assert {s["metric"]["target"]: s["value"][1] for s in found} == {"production": "1", "staging": "NaN"}
    [table] = [panel for panel in PANELS if panel["title"] == "All numbers"]
    differences = evaluate(prometheus, table["targets"][2], variables)
    gauges = [s["value"][1] for s in differences if not s["metric"]["metric"].endswith("_total")]
    assert gauges.count("1") == len(gauges) > 25


def legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), form)


@pytest.mark.parametrize("panel", [p for p in PANELS if p["type"] == "timeseries"], ids=lambda panel: panel["title"])
def test_every_series_of_two_stacks_has_a_name_of_its_own(
    panel: Any, prometheus: Prometheus, variables: dict[str, str]
) -> None:
    names = []
    for target in panel["targets"]:
        if "offset" in target["expr"]:
            continue
        found = evaluate(prometheus, target, variables, time=str(WEEK_AGO))
        if not found:  # of what Prometheus itself makes of a scrape, the past has nothing
            found = evaluate(prometheus, target, variables)
        names += [legend(target["legendFormat"], each["metric"]) for each in found]
    assert len(names) >= 2
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", RISING)
def test_rising_counters_are_seen_at_the_shortest_ranges(
    name: str, prometheus: Prometheus, variables: dict[str, str]
) -> None:
    """They were scraped once a minute, and rose by one each time."""
    target = TARGETS[name]
    found = evaluate(prometheus, target, variables, time=str(WEEK_AGO + 30))
    assert rate_interval(target) == 8 * 60
    assert {(each["metric"]["stack"], each["value"][1]) for each in found} == {("production", "7"), ("staging", "7")}


def test_promtool_finds_nothing_wrong_with_the_metrics(api: str) -> None:
    answer = requests.get(f"http://{api}/metrics", headers=AUTHORIZATION, timeout=30)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert promtool("check", "metrics", text=answer.text) == ""


def test_the_documented_configuration_is_valid(configuration: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", str(configuration))


def test_the_alert_rules_are_valid_and_fire_and_are_silent_as_they_should() -> None:
    assert "SUCCESS: 8 rules found" in promtool("check", "rules", "dashboards/alerts.yaml")
    assert "SUCCESS" in promtool("test", "rules", "dashboards/alerts_test.yaml")

"""Debian's Prometheus over `make run`, with the job of docs/api.md; the dashboard's queries and the alert rules."""

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from dev.servers.processes import free_port
from dev.servers.programs import require_installed, search_path
from openl2m_stats.local import demo
from tests.integration.test_run import running
from tests.support.databases import ROOT
from tests.support.metrics import series

DASHBOARDS = ROOT / "dashboards"
AUTHORIZATION = {"Authorization": f"Token {demo.TOKEN}"}
_START_SECONDS = 60


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
        found = re.search(r"http://(127\.0\.0\.1:\d+)/api/stats/", printed)
        assert found
        yield found[1]


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
    """A Prometheus that has scraped the server as documented, but sooner, and without TLS."""
    settings = yaml.safe_load(configuration.read_text())
    [job] = settings["scrape_configs"]
    job |= {"scheme": "http", "scrape_interval": "1s", "scrape_timeout": "1s"}
    job["static_configs"][0]["targets"] = [api]
    refused = {**job, "job_name": "refused", "authorization": {"type": "Token", "credentials": "0" * 40}}
    settings |= {"global": {"evaluation_interval": "1s"}, "scrape_configs": [job, refused]}
    path = configuration.with_name("local.yml")
    path.write_text(yaml.safe_dump(settings))
    port = free_port()
    command = [program("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={path.parent / 'data'}"]
    log = path.with_name("log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=output, stderr=output, cwd=path.parent
        )
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        until = time.monotonic() + _START_SECONDS
        while not (server.query("openl2m_stats_info") and server.query('up{job="refused"}')):
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        yield server
    finally:
        process.kill()
        process.wait()


class Prometheus:
    """Prometheus' HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; nothing while the server is starting."""
        with contextlib.suppress(requests.ConnectionError):
            answer = requests.get(f"{self._url}/api/v1/{path}", params=parameters, timeout=10)
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                return answer.json()["data"]
        return {}

    def query(self, expression: str) -> list[Any]:
        """Return the series of an expression, as they are now."""
        found: list[Any] = self.get("query", query=expression).get("result", [])
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
    assert found == series(answer.json())
    assert found["openl2m_switches", None] == 1246


def test_a_wrong_token_is_a_failed_scrape_that_says_so(prometheus: Prometheus) -> None:
    assert [series["value"][1] for series in prometheus.query('up{job="refused"}')] == ["0"]
    errors = {target["labels"]["job"]: target["lastError"] for target in prometheus.get("targets")["activeTargets"]}
    assert errors == {"openl2m-stats": "", "refused": "server returned HTTP status 401 Unauthorized"}


def test_the_rules_are_loaded_and_silent(prometheus: Prometheus) -> None:
    # Before the first scrape there was no `up`, and that may have been noticed.
    until = time.monotonic() + _START_SECONDS
    while True:
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] == "ok" and not rule["alerts"] for rule in rules):
            break
        assert time.monotonic() < until, rules
        time.sleep(0.2)
    assert [rule["name"] for rule in rules] == [
        "OpenL2MStatsNotScraped",
        "OpenL2MStatsStale",
        "OpenL2MSwitchesDropped",
    ]


DASHBOARD = json.loads((DASHBOARDS / "grafana.json").read_text())
EXPRESSIONS = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
]


@pytest.fixture(scope="module")
def variables(prometheus: Prometheus) -> dict[str, str]:
    """Return what Grafana puts in the place of the dashboard's variables, asked for as it does."""
    values = {"__rate_interval": "1m"}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found
            selector = substitute(found[1], values)
            [values[variable["name"]]] = prometheus.get(f"label/{found[2]}/values", **{"match[]": selector})
    return values


def substitute(expression: str, values: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], expression)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_of_the_dashboard_returns_series(
    expression: str, prometheus: Prometheus, variables: dict[str, str]
) -> None:
    assert prometheus.query(substitute(expression, variables))


def test_promtool_finds_nothing_wrong_with_the_metrics(api: str) -> None:
    answer = requests.get(f"http://{api}/metrics", headers=AUTHORIZATION, timeout=30)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert promtool("check", "metrics", text=answer.text) == ""


def test_the_documented_configuration_is_valid(configuration: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", str(configuration))


def test_the_alert_rules_are_valid_and_fire_and_are_silent_as_they_should() -> None:
    assert "SUCCESS: 3 rules found" in promtool("check", "rules", "dashboards/alerts.yaml")
    assert "SUCCESS" in promtool("test", "rules", "dashboards/alerts_test.yaml")

"""What docs/monitoring.md shows, but for addresses and paths: in Debian's Nagios and Icinga, over `make run`."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import requests
import yaml

from dev.servers.programs import require_installed, search_path
from openl2m_stats.local import demo
from tests.integration.test_run import running
from tests.support.documents import ROOT

PAGE = (ROOT / "docs/monitoring.md").read_text()
SCRIPT = Path(sys.executable).parent / "openl2m-stats"
_SECONDS = 60


def block(language: str) -> str:
    """Return the page's first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(CACHE_TTL_SECONDS=86400) as (_, printed):
        found = re.search(r"(http://127\.0\.0\.1:\d+)/api/stats/", printed)
        assert found
        yield found[1]


@pytest.fixture
def here(url: str, tmp_path: Path) -> Callable[[str], str]:
    """Put the test's own address and paths in the place of the documented ones."""
    key = tmp_path / "openl2m-stats.key"
    key.write_text(f"nagios\t{demo.TOKEN}\n")
    tmp_path.chmod(0o755)

    def put(text: str) -> str:
        text, paths = re.subn(r"/etc/\w+/openl2m-stats\.key", str(key), text)
        text, programs = re.subn("/usr/local/bin/openl2m-stats", str(SCRIPT), text)
        assert paths == programs == 1
        return text.replace("https://stats.example.com", url)

    return put


def program(name: str) -> str:
    require_installed(name)
    found = shutil.which({"nagios": "nagios4", "icinga": "icinga2"}[name], path=search_path())
    assert found
    return found


def run_until(command: list[str], condition: Callable[[], Any], directory: Path) -> Any:
    """Run a program until the condition gives something, and return that."""
    log = directory / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory)
    try:
        until = time.monotonic() + _SECONDS
        while not (found := condition()):
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        return found
    finally:
        process.terminate()
        process.wait()


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_nagios(here: Callable[[str], str], tmp_path: Path) -> None:
    objects = tmp_path / "objects.cfg"
    objects.write_text(
        here(block("nagios"))
        + """
define timeperiod {
    timeperiod_name        always
    alias                  always
    monday                 00:00-24:00
    tuesday                00:00-24:00
    wednesday              00:00-24:00
    thursday               00:00-24:00
    friday                 00:00-24:00
    saturday               00:00-24:00
    sunday                 00:00-24:00
}
define command {
    command_name           nothing
    command_line           /bin/true
}
define contact {
    contact_name                   nobody
    service_notification_commands  nothing
    host_notification_commands     nothing
    service_notification_period    always
    host_notification_period       always
}
define host {
    host_name              localhost
    alias                  localhost
    address                127.0.0.1
    max_check_attempts     1
    check_command          nothing
    check_period           always
    contacts               nobody
    notifications_enabled  0
}
define service {
    name                   generic-service
    register               0
    max_check_attempts     1
    check_interval         1
    check_period           always
    contacts               nobody
    notifications_enabled  0
}
"""
    )
    main = tmp_path / "nagios.cfg"
    status = tmp_path / "status.dat"
    settings = {
        "cfg_file": objects,
        "status_file": status,
        "status_update_interval": 1,
        "log_file": tmp_path / "nagios.log",
        "object_cache_file": tmp_path / "objects.cache",
        "lock_file": tmp_path / "lock",
        "temp_file": tmp_path / "temp",
        "temp_path": tmp_path,
        "check_result_path": tmp_path,
        "command_file": tmp_path / "commands",
        "query_socket": tmp_path / "socket",
        "state_retention_file": tmp_path / "retention",
        "interval_length": 2,  # seconds
        "nagios_user": "root",
        "nagios_group": "root",
    }
    main.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    nagios = program("nagios")
    checked = subprocess.run([nagios, "--verify-config", main], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout

    def checked_service() -> dict[str, str]:
        found = re.search(r"servicestatus {(.*?)}", text_of(status), re.DOTALL)
        pairs = [line.strip().partition("=") for line in (found[1] if found else "").splitlines() if line.strip()]
        values = {name: value for name, _, value in pairs}
        return values if values.get("has_been_checked") == "1" else {}

    found = run_until([nagios, str(main)], checked_service, tmp_path)
    assert found["current_state"] == "0"
    assert found["plugin_output"].startswith("OPENL2M OK - 1246 switches, today ")
    assert " switches=1246;;1000:;0 " in found["performance_data"]


def test_icinga(here: Callable[[str], str], tmp_path: Path) -> None:
    performance = tmp_path / "performance"
    configuration = tmp_path / "icinga2.conf"
    configuration.write_text(
        f"""
const NodeName = "localhost"
include <itl>
object CheckerComponent "checker" {{ }}
object PerfdataWriter "writer" {{
  service_perfdata_path = "{performance}"
  service_temp_path = "{tmp_path}/writing"
  host_perfdata_path = "{tmp_path}/host"
  host_temp_path = "{tmp_path}/host.writing"
  rotation_interval = 1s
  service_format_template = "$service.state$ $service.output$ $service.perfdata$"
}}
template Service "generic-service" {{
  max_check_attempts = 1
  check_interval = 5s
}}
object Host NodeName {{
  check_command = "dummy"
}}
{here(block("icinga2"))}
"""
    )
    icinga = program("icinga")
    directories = [f"-D{name}={tmp_path}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")]
    identity = ["-DConfiguration.RunAsUser=root", "-DConfiguration.RunAsGroup=root"]
    command = [icinga, "daemon", "-c", str(configuration), *directories, *identity]
    checked = subprocess.run([*command, "-C"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    def written() -> str:
        return "".join(path.read_text() for path in tmp_path.glob("performance.*"))

    line = run_until(command, written, tmp_path)
    assert line.startswith("OK OPENL2M OK - 1246 switches, today ")
    assert "switches=1246;;1000:;0" in line
    assert "vlans=295;;200:;0" in line


class _Loader(yaml.SafeLoader):
    """Reads `!secret`."""


_SECRETS = {"openl2m_authorization": f"Token {demo.TOKEN}"}
_Loader.add_constructor("!secret", lambda _, node: _SECRETS[node.value])


def test_home_assistants_templates(url: str) -> None:
    """Home Assistant renders them with Jinja, over the JSON of the answer."""
    [rest] = yaml.load(block("yaml"), _Loader)["rest"]
    answer = requests.get(
        rest["resource"].replace("https://stats.example.com", url), headers=rest["headers"], timeout=rest["timeout"]
    )
    values = {
        sensor["unique_id"]: jinja2.Template(sensor["value_template"]).render(value_json=answer.json())
        for sensor in rest["sensor"]
    }
    assert values["openl2m_switches"] == "1246"
    assert values["openl2m_changes_total"] == "39014"
    assert all(value.isdecimal() for value in values.values())

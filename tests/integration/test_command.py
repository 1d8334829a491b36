"""The command `openl2m-stats` as a process: what it is called, what it exits with, and how it is installed."""

import importlib.metadata
import json
import os
import pty
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from packaging.requirements import Requirement

from stats import __version__
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.support.databases import ROOT
from tests.support.tokens_command import entries

SCRIPT = Path(sys.executable).parent / "openl2m-stats"
SERVE = ["serve", "--port", "0"]


def call(*arguments: str, script: Path = SCRIPT, stdin: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [script, *arguments], input=stdin, capture_output=True, text=True, check=False, **{"cwd": ROOT, **options}
    )
    assert "Traceback" not in done.stderr
    return done


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **variables}


def test_version() -> None:
    assert call("--version").stdout == f"openl2m-stats {__version__}\n"


def test_a_name_is_taken_as_it_is_and_exit_codes_tell_what_happened(aws: AWS) -> None:
    made = call("tokens", "create", "cost$center")
    assert made.returncode == 0
    name, key = made.stdout.rstrip("\n").split("\t")
    leaks.remember(key)
    assert name == "cost$center"
    assert [entry["name"] for entry in entries(aws)] == ["cost$center"]
    assert call("tokens", "check", stdin=key).returncode == 0
    assert call("tokens", "check", stdin=leaks.new_key()).returncode == 1
    assert call("tokens", "create", "cost$center").returncode == 2


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_completion(shell: str) -> None:
    script = call("completion", shell)
    assert script.returncode == 0
    assert f"_OPENL2M_STATS_COMPLETE={shell}_complete" in script.stdout
    words = {"COMP_WORDS": "openl2m-stats tokens re", "COMP_CWORD": "2" if shell != "fish" else "re"}
    completed = call(env=environment(_OPENL2M_STATS_COMPLETE=f"{shell}_complete", **words))
    for command in ("revoke", "rotate"):
        assert (command in completed.stdout) == command.startswith("re")


def test_a_profile_is_used_whatever_keys_are_in_the_environment(aws: AWS, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    variables = {**os.environ, "AWS_CONFIG_FILE": str(tmp_path / "config")}
    done = call("tokens", "list", "--profile", "nobody", env=variables)
    assert done.returncode == 2
    assert "The config profile (nobody) could not be found" in done.stderr


def test_a_line_for_each_request_on_a_terminal() -> None:
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [str(SCRIPT), *SERVE], cwd=ROOT, env=environment(), stdout=its_end, stderr=subprocess.STDOUT
    )
    os.close(its_end)
    try:
        with os.fdopen(terminal, encoding="utf-8") as output:
            printed = iter(output.readline, "")
            command = next(line for line in printed if line.startswith("  curl ")).split("'")
            url, token = command[0].split()[1], command[1].partition(": ")[2]
            for path, header in ((url, token), (url, token), (url, "Token x"), (url + "%0anothing", token)):
                requests.get(path, headers={"Authorization": header}, timeout=10)
            lines = [next(line for line in printed if line.startswith(("GET", "'GET"))) for _ in range(4)]
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert [line.split()[:3] for line in lines[:3]] == [["GET", "/api/stats/", code] for code in ("200", "200", "401")]
    assert [line.split()[-1] for line in lines[:3]] == ["snapshot", "memory", "ms"]
    assert lines[3].split()[1:3] == [r"/api/stats/\nnothing", "404"]


def requirements(name: str) -> set[str]:
    """Return the distributions that one needs, with all that they need, but for its extras."""
    found = {name}
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= requirements(requirement.name)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command as `pip install .` installs it: the wheel, and what it requires, linked from this environment."""
    directory = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", directory, ROOT], check=True, capture_output=True)
    (wheel,) = directory.glob("*.whl")
    venv.create(directory / "venv")
    install = [sys.executable, "-m", "pip", "--python", str(directory / "venv"), "install", "--quiet", "--no-index"]
    subprocess.run([*install, "--no-deps", wheel], check=True, capture_output=True)
    (packages,) = directory.glob("venv/lib/python*/site-packages")
    for name in requirements("openl2m-stats") - {"openl2m-stats"}:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if file.parts[0] not in {"..", "__pycache__"}}:
            (packages / top).symlink_to(str(distribution.locate_file(top)))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        script = directory / "venv/bin/openl2m-stats"
        return call(*arguments, script=script, cwd=directory, env=environment())

    return run


@pytest.mark.slow
def test_an_operators_installation(installed: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert installed("--version").stdout == f"openl2m-stats {__version__}\n"
    for arguments in (["--help"], ["tokens", "--help"], ["versions", "prune", "--help"], ["doctor", "--help"]):
        assert installed(*arguments).returncode == 0
    done = installed("tokens", "list", "--secret-id", "x")
    assert done.stderr.startswith("x: ")


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], ["snapshot"], ["invoke", str(ROOT / "events/get_stats.json")]])
def test_local_commands_say_what_is_missing(
    command: list[str], installed: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = installed(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(" is missing: the extra `local` brings it (pipx install '.[local]').\n")


@pytest.mark.slow
def test_the_wheel_holds_what_the_command_reads(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "content", "zip")
    content = tmp_path / "content"
    assert {path.name for path in content.iterdir()} >= {"stats", "openl2m_stats"}
    scripts = {path.name for path in (ROOT / "infra/database").glob("*.sql")}
    assert {path.name for path in (content / "openl2m_stats/data/database").iterdir()} == scripts
    bundle = content / "openl2m_stats/data/rds-global-bundle.pem"
    assert bundle.read_bytes() == (ROOT / "layers/dependencies/rds-global-bundle.pem").read_bytes()
    assert not {"tests", "dev"} & {path.name for path in content.iterdir()}


def test_json_is_the_log_where_there_is_no_terminal() -> None:
    with subprocess.Popen(
        [str(SCRIPT), *SERVE], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith("  curl "))
        requests.get(line.split()[1], timeout=10)
        logged = next(line for line in process.stdout if line.startswith("{"))
        process.terminate()
    assert json.loads(logged)["message"] == "refused"

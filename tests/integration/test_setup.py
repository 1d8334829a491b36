"""The environments that make creates, from locks of small packages in a folder."""

import hashlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.databases import ROOT

UV = ROOT / ".venv-tools/bin/uv"
LOCKS = ("thing==1.0", "other==1.0")


def put_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: more"]
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", f"version = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), ""]))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


class Checkout:
    """A folder with locks, in which make would create environments."""

    def __init__(self, directory: Path, tools: Path) -> None:
        self.directory, self.wheels = directory, directory / "wheels"
        self.wheels.mkdir()
        (directory / ".venv-tools").symlink_to(tools)
        put_wheel(self.wheels, "thing", "1.0", "other[more]>=1")
        for version in ("1.0", "2.0"):
            put_wheel(self.wheels, "other", version)
        self.lock("dev.txt", *LOCKS)
        self.lock("run.txt", "other==1.0")

    def lock(self, name: str, *pins: str) -> None:
        lines = []
        for pin in pins:
            wheel = self.wheels / f"{pin.replace('==', '-')}-py3-none-any.whl"
            lines.append(f"{pin} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
        (self.directory / name).write_text("".join(lines))

    @property
    def environment(self) -> dict[str, str]:
        only = {name: str(self.wheels) for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        return {**kept, **only, "PIP_NO_INDEX": "1", "UV_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}

    def command(self, *files: str) -> Sequence[str | Path]:
        return [ROOT / "dev/build/create_venv.sh", sys.executable, "venv", *files]

    def create(self, *files: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | variables
        command = self.command(*files)
        return subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, check=False)

    def version(self, name: str) -> str:
        program = f"import {name}; print({name}.version)"
        python = self.directory / "venv/bin/python"
        return subprocess.run([python, "-c", program], capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip."""
    directory = tmp_path_factory.mktemp("tools")
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    return directory


@pytest.fixture
def checkout(tmp_path: Path, tools: Path) -> Checkout:
    return Checkout(tmp_path, tools)


def test_lock_is_installed_whatever_is_newer(checkout: Checkout) -> None:
    done = checkout.create("dev.txt")
    assert (done.returncode, done.stdout) == (0, "")
    assert (checkout.version("thing"), checkout.version("other")) == ("1.0", "1.0")
    assert done.stderr == "Installing dev.txt into venv, 2 in all; this is done once.\n"
    assert not (checkout.directory / "venv/bin/pip").exists()


@pytest.mark.slow
@pytest.mark.skipif(not UV.exists(), reason="`make .venv-tools/installed` installs uv")
def test_uv_installs_where_it_is_at_hand(checkout: Checkout, tmp_path: Path, tools: Path) -> None:
    (tmp_path / ".venv-tools").unlink()
    (tmp_path / ".venv-tools/bin").mkdir(parents=True)
    for name in ("python", "pip"):
        (tmp_path / ".venv-tools/bin" / name).symlink_to(tools / "bin" / name)
    log = tmp_path / "log"
    uv = tmp_path / ".venv-tools/bin/uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {UV} "$@"\n')
    uv.chmod(0o755)
    (tmp_path / ".venv-tools/pyvenv.cfg").write_text((tools / "pyvenv.cfg").read_text())
    (tmp_path / ".venv-tools/lib").symlink_to(tools / "lib")

    # An index of pip's own is one that uv does not know of.
    assert checkout.create("dev.txt", PIP_INDEX_URL="http://127.0.0.1:9/").returncode == 0
    assert checkout.create("dev.txt", INSTALLER="pip").returncode == 0
    assert not log.exists()
    assert checkout.create("dev.txt").returncode == 0
    assert "--no-deps --require-hashes --no-build" in log.read_text()
    assert (checkout.version("thing"), checkout.version("other")) == ("1.0", "1.0")

    uv.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    done = checkout.create("dev.txt")
    assert done.returncode == 0
    assert done.stderr.endswith("broken\nuv failed; pip installs it instead.\n")
    assert checkout.version("thing") == "1.0"


@pytest.mark.slow
def test_package_with_another_hash_is_refused(checkout: Checkout) -> None:
    put_wheel(checkout.wheels, "thing", "1.0", "other>=1")
    done = checkout.create("dev.txt")
    assert done.returncode == 1
    assert "HASH" in done.stderr
    assert not (checkout.directory / "venv/dev.txt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("pins", [["thing==1.0"], ["thing==1.0", "other==0.9"]])
def test_lock_that_does_not_fit_together_is_refused(pins: list[str], checkout: Checkout) -> None:
    put_wheel(checkout.wheels, "other", "0.9")
    checkout.lock("dev.txt", *pins)
    done = checkout.create("dev.txt")
    assert done.returncode == 1
    assert re.search(r"thing 1\.0 (requires other|has requirement other)", done.stderr)
    assert not (checkout.directory / "venv/dev.txt").exists()


@pytest.mark.slow
def test_environment_with_a_part_is_completed_and_any_other_replaced(checkout: Checkout) -> None:
    part = checkout.directory / "venv/part"
    assert checkout.create("run.txt").returncode == 0
    part.touch()
    assert checkout.create("dev.txt", "run.txt").returncode == 0
    assert part.exists()
    assert (checkout.version("thing"), checkout.version("other")) == ("1.0", "1.0")

    # Completed before, with what a newer lock may lack.
    assert checkout.create("dev.txt", "run.txt").returncode == 0
    assert not part.exists()

    assert checkout.create("run.txt").returncode == 0
    part.touch()
    checkout.lock("run.txt", "other==2.0")
    checkout.lock("dev.txt", "thing==1.0", "other==2.0")
    assert checkout.create("dev.txt", "run.txt").returncode == 0
    assert not part.exists()
    assert checkout.version("other") == "2.0"


@pytest.mark.slow
def test_progress_is_for_a_terminal(checkout: Checkout) -> None:
    terminal, its_end = pty.openpty()
    subprocess.run(
        checkout.command("dev.txt"),
        cwd=checkout.directory,
        env=checkout.environment,
        stdout=its_end,
        stderr=its_end,
        check=True,
    )
    os.close(its_end)
    shown = b""
    try:
        while part := os.read(terminal, 10000):
            shown += part
    except OSError:  # nothing is left
        pass
    os.close(terminal)
    steps = re.findall(r"\r\x1b\[K([^\r\x1b]+)", shown.decode())
    assert steps == ["1 of 2: thing", "2 of 2: other", "unpacking 2 packages"]


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text()))


@pytest.mark.parametrize("part", ["requirements/run.txt", "layers/dependencies/requirements.txt"])
def test_part_has_the_versions_of_the_whole(part: str) -> None:
    assert pins(part)
    assert pins(part).items() <= pins("requirements/dev.txt").items()


def test_what_make_installs_with_is_not_resolved_again() -> None:
    """By any other call of pip or uv, what is newer than a lock could come in."""
    recipes = [*map(ROOT.joinpath, ("Makefile", "functions/Makefile", "infra/artifact.mk", ".ci/run"))]
    recipes += [*ROOT.glob("layers/*/Makefile"), *ROOT.glob("dev/build/*.sh")]
    calls = [line for path in recipes for line in path.read_text().splitlines() if "pip install" in line]
    resolved = [line for line in calls if "--no-deps" not in line]
    assert [line.strip() for line in resolved if not re.search(r"\.venv-(newest|oldest)", line)] == []

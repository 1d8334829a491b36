"""Create a virtual environment with exactly what a lock file lists.

usage: python dev/build/venvs.py DIRECTORY LOCK [PART]

A lock is already resolved, so its packages are installed without resolving: pip would resolve the extras of a locked
package again, and might choose a release that is newer than the lock. PART is a lock with some of LOCK's packages: an
environment that has just these is completed; any other in DIRECTORY is replaced. DIRECTORY gets a copy of each
installed lock.

Environments get pip only if their lock lists it. This runs with the standard library alone.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

# Building a source distribution would install whatever releases its build requires today.
_LOCKED = ("--no-deps", "--require-hashes")
_TOOLS = Path(".venv-tools")  # has uv, which installs several times as fast as pip
_PIPS_OWN_INDEX = re.compile(r"^(:env:|[a-z]+)\.index-url=", re.MULTILINE)
_PROGRESS = re.compile(
    r"(?:Collecting|Processing|Requirement already satisfied:|Ignoring) (?:\S*/)?([\w.]+(?:-[a-zA-Z][\w.]*)*)"
)


def main(directory: Path, lock: Path, part: Path | None = None) -> int:
    """Return the exit code: 1 when the packages cannot be installed, or do not fit together."""
    if not (part and _has_only(directory, part, lock)):
        shutil.rmtree(directory, ignore_errors=True)
        venv.create(directory, symlinks=True, with_pip=directory == _TOOLS)
    count = len(re.findall(r"^[a-z0-9].*==", lock.read_text(), re.MULTILINE))
    print(f"Installing {lock} into {directory}, {count} in all; this is done once.", file=sys.stderr)
    python = directory / "bin/python"
    with _with_pip() as installer:
        pip = [str(installer), "-m", "pip", "--disable-pip-version-check", "--no-input", "--python", str(python)]
        if not (_install_with_uv(pip, python, lock) or _install_with_pip(pip, lock, count)):
            return 1
        if subprocess.run([*pip, "check"], check=False, stdout=subprocess.DEVNULL).returncode:
            subprocess.run([*pip, "check"], check=False, stdout=sys.stderr)
            return 1
    for installed in (part, lock):
        if installed:
            shutil.copyfile(installed, directory / installed.name)
    return 0


def _has_only(directory: Path, part: Path, lock: Path) -> bool:
    """Whether DIRECTORY is an environment of this Python with PART, in which LOCK was never installed."""
    if (directory / lock.name).exists():
        return False
    with contextlib.suppress(OSError):
        version: list[str | Path] = [directory / "bin/python", "-c", "import sys; print(sys.version)"]
        same = subprocess.run(version, check=False, capture_output=True, text=True).stdout.strip() == sys.version
        return same and (directory / part.name).read_bytes() == part.read_bytes()
    return False


@contextlib.contextmanager
def _with_pip() -> Iterator[Path]:
    """Yield a Python that has pip: that of the tools, or of a temporary environment."""
    if (_TOOLS / "bin/pip").exists():
        yield _TOOLS / "bin/python"
        return
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as temporary:
        venv.create(temporary, symlinks=True, with_pip=True)
        yield Path(temporary, "bin/python")


def _install_with_uv(pip: list[str], python: Path, lock: Path) -> bool:
    """Install a lock with uv. Return False when that is left to pip."""
    uv = _TOOLS / "bin/uv"
    if not uv.exists() or os.environ.get("INSTALLER") == "pip":
        return False
    # uv does not read pip's configuration, which may name the only index that this machine should use.
    configuration = subprocess.run([*pip, "config", "list"], check=False, capture_output=True, text=True).stdout
    if _PIPS_OWN_INDEX.search(configuration):
        return False
    environment = {"UV_SYSTEM_CERTS": "true", "UV_HTTP_RETRIES": "1", **os.environ}
    command: list[str | Path] = [
        uv,
        "pip",
        "install",
        *_LOCKED,
        "--no-build",
        "--python",
        python,
        "--requirement",
        lock,
    ]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        output = [_shown(line) for line in process.stderr or ()]
    _show("")
    if process.returncode:
        print(*output[-5:], "uv failed; pip installs it instead.", sep="\n", file=sys.stderr)
    return process.returncode == 0


def _install_with_pip(pip: list[str], lock: Path, count: int) -> bool:
    command = [*pip, "install", *_LOCKED, "--only-binary", ":all:", "--no-compile", "--requirement", str(lock)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_PROGRESS_BAR": "off"}
    seen = 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if found := _PROGRESS.match(line):
                seen += 1
                _show(f"{seen} of {count}: {found[1]}")
            elif line.startswith("Installing collected packages"):
                _show(f"unpacking {count} packages")
    _show("")
    return process.returncode == 0


def _shown(line: str) -> str:
    _show(line.strip())
    return line.rstrip()


def _show(progress: str) -> None:
    """Replace the line of progress, where somebody watches."""
    if sys.stdout.isatty() and sys.stderr.isatty():
        print(f"\r\033[K{progress[:70]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))

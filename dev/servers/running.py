"""Run the programs of a database server: as the server's own user, in its directory, until it accepts logins."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import BinaryIO

from dev.servers.programs import ServerError, search_path

_START_SECONDS = 60


def run_as(user: str, command: list[str], directory: Path) -> None:
    """Run a program to its end; root runs it as `user`. Raise ServerError, with the end of its log."""
    with (directory / "log").open("ab") as log:
        finished = _popen(user, command, directory, log).wait()
    if finished != 0:
        raise ServerError(f"{command[0]} failed:\n{_end_of_log(directory)}")


def _popen(user: str, command: list[str], directory: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
    # Database servers refuse to run as root.
    identity = pwd.getpwnam(user) if os.getuid() == 0 else None
    # At its start, MariaDB removes temporary tables from TMPDIR, including those of other servers.
    path = f"{search_path()}:/usr/bin:/bin"
    env = {"PATH": path, "LC_ALL": "C", "HOME": str(directory), "TMPDIR": str(directory), "TZ": "UTC"}
    return subprocess.Popen(
        command,
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=identity.pw_uid if identity else None,
        group=identity.pw_gid if identity else None,
        extra_groups=[] if identity else None,
    )


def start(user: str, command: list[str], directory: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server and wait until it accepts logins on its port. Raise ServerError, with the end of its log."""
    with (directory / "log").open("ab") as log:
        process = _popen(user, command, directory, log)
    try:
        _wait_for(process, directory, port)
    except BaseException:
        kill(process)
        raise
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and its children."""
    send_signal(process.pid, signal.SIGKILL)
    process.wait()


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a server and its children; each child of PostgreSQL has a session of its own."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)


def _wait_for(process: subprocess.Popen[bytes], directory: Path, port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if _accepts_logins(directory):
                return
        time.sleep(0.05)
    raise ServerError(f"the server does not listen on port {port}:\n{_end_of_log(directory)}")


def _accepts_logins(directory: Path) -> bool:
    """Return whether a listening server is ready: PostgreSQL, unlike MariaDB, listens before it is."""
    status = directory / "data/postmaster.pid"
    return not status.exists() or "ready" in status.read_text()


def _end_of_log(directory: Path) -> str:
    return "\n".join((directory / "log").read_text(errors="replace").splitlines()[-20:])

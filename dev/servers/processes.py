"""Private, throwaway database servers on loopback, for tests and benchmarks.

They run as the users that the distribution made for them when started by root, keep everything in a
temporary directory, and never touch a server that runs already.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dev.servers.programs import ServerError, require, search_path

_START_SECONDS = 60
# Where this names a folder, the data of an empty server are made there once and copied from then on.
DATA_FOLDER = "STATS_TEST_DATA_FOLDER"
_PG_HBA = """\
local all all trust
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass
class ServerProcess:
    """A running server. Its superuser may log in over TCP without a password."""

    dialect: str
    host: str
    port: int
    superuser: str
    directory: Path
    user: str
    command: list[str]
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the server and every session at once; what was committed stays."""
        # MariaDB takes its leave in order; PostgreSQL recovers at the next start.
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def start(self) -> None:
        """Start the server again, on its data and its port. Raise ServerError."""
        self.process = _start(self.user, self.command, self.directory, self.port)

    def pause(self) -> None:
        """Make the server hang: connections are accepted, nothing is answered."""
        _signal(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End the hang."""
        _signal(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def mariadb(port: int | None = None, options: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Run MariaDB in an empty directory. Raise ServerError, with the end of its log."""
    require("mariadb")
    port = port or free_port()
    with _directory("mysql") as directory:
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        _make_data("mysql", install, "--datadir", directory)
        command = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={directory}/data",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={directory}/server.sock",
            f"--pid-file={directory}/server.pid",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-name-resolve",
            *options,
        ]
        process = _start("mysql", command, directory, port)
        with _ending(ServerProcess("mysql", "127.0.0.1", port, "root", directory, "mysql", command, process)) as server:
            yield server


@contextlib.contextmanager
def postgresql(port: int | None = None, options: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Run PostgreSQL in an empty directory. Raise ServerError, with the end of its log."""
    require("postgresql")
    port = port or free_port()
    with _directory("postgres") as directory:
        initdb = ["initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        _make_data("postgres", initdb, "--pgdata", directory)
        (directory / "data/pg_hba.conf").write_text(_PG_HBA)
        command = [
            "postgres",
            f"-D{directory}/data",
            f"-p{port}",
            f"-k{directory}",
            "-clisten_addresses=127.0.0.1",
            "-cfsync=off",
            *options,
        ]
        process = _start("postgres", command, directory, port)
        with _ending(
            ServerProcess("postgresql", "127.0.0.1", port, "postgres", directory, "postgres", command, process)
        ) as server:
            yield server


@contextlib.contextmanager
def _directory(user: str) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="openl2m-stats-"))
    if os.getuid() == 0:
        shutil.chown(directory, user)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _make_data(user: str, command: list[str], option: str, directory: Path) -> None:
    """Make the data of an empty server: by the command, with the option that names their folder, or by a copy."""
    data = directory / "data"
    if DATA_FOLDER not in os.environ:
        _run_as(user, [*command, f"{option}={data}"], directory)
        return
    made = Path(os.environ[DATA_FOLDER], user)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _run_as(user, [*command, f"{option}={data}"], directory)
            _copy(data, made)
            return
    _copy(made, data)


def _copy(data: Path, to: Path) -> None:
    subprocess.run(["/bin/cp", "-Rp", data, to], check=True)


def _run_as(user: str, command: list[str], directory: Path) -> None:
    with (directory / "log").open("ab") as log:
        finished = _popen(user, command, directory, log).wait()
    if finished != 0:
        raise ServerError(f"{command[0]} failed:\n{_end_of_log(directory)}")


def _popen(user: str, command: list[str], directory: Path, log: BinaryIO) -> subprocess.Popen[bytes]:
    # Database servers refuse to run as root.
    identity = pwd.getpwnam(user) if os.getuid() == 0 else None
    # A MariaDB that starts removes temporary tables from the directory for them, another server's too.
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


def _start(user: str, command: list[str], directory: Path, port: int) -> subprocess.Popen[bytes]:
    with (directory / "log").open("ab") as log:
        process = _popen(user, command, directory, log)
    try:
        _wait_for(process, directory, port)
    except BaseException:
        _kill(process)
        raise
    return process


@contextlib.contextmanager
def _ending(server: ServerProcess) -> Iterator[ServerProcess]:
    try:
        yield server
    finally:
        _kill(server.process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a server and its children, of which each of PostgreSQL's has a session of its own."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in [pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)


def _wait_for(process: subprocess.Popen[bytes], directory: Path, port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if _takes_logins(directory):
                return
        time.sleep(0.05)
    raise ServerError(f"the server does not listen on port {port}:\n{_end_of_log(directory)}")


def _takes_logins(directory: Path) -> bool:
    """Tell whether a server that listens is ready: PostgreSQL, unlike MariaDB, listens before it is."""
    status = directory / "data/postmaster.pid"
    return not status.exists() or "ready" in status.read_text()


def _end_of_log(directory: Path) -> str:
    return "\n".join((directory / "log").read_text(errors="replace").splitlines()[-20:])

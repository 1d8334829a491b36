"""Private, throwaway database servers on loopback, for tests and benchmarks.

When root starts them, they run as the users that the distribution created for them. They keep everything in a temporary
directory, and never touch a server that runs already.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.servers.programs import require
from dev.servers.running import kill, run_as, send_signal, start

# If this variable names a folder, the data of an empty server is created there once, and copied from then on.
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
        """End the server and every session at once; committed data stays."""
        # MariaDB shuts down cleanly; PostgreSQL recovers at the next start.
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def start(self) -> None:
        """Start the server again, on its data and its port. Raise ServerError."""
        self.process = start(self.user, self.command, self.directory, self.port)

    def pause(self) -> None:
        """Make the server hang: connections are accepted, nothing is answered."""
        send_signal(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End the hang."""
        send_signal(self.process.pid, signal.SIGCONT)


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
        process = start("mysql", command, directory, port)
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
        process = start("postgres", command, directory, port)
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
    """Create the data of an empty server, with the command and its option for the folder, or as a copy."""
    data = directory / "data"
    if DATA_FOLDER not in os.environ:
        run_as(user, [*command, f"{option}={data}"], directory)
        return
    made = Path(os.environ[DATA_FOLDER], user)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            run_as(user, [*command, f"{option}={data}"], directory)
            _copy(data, made)
            return
    _copy(made, data)


def _copy(data: Path, to: Path) -> None:
    subprocess.run(["/bin/cp", "-Rp", data, to], check=True)


@contextlib.contextmanager
def _ending(server: ServerProcess) -> Iterator[ServerProcess]:
    try:
        yield server
    finally:
        kill(server.process)

"""Where the programs are that tests and benchmarks start, servers and a browser, and which are missing."""

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class ServerError(Exception):
    """A server could not be started; the text has the reason."""


class ServerNotInstalledError(ServerError):
    """A server's programs were not found."""


class ServerNotChosenError(ServerError):
    """STATS_TEST_ENGINES does not name the server's engine."""


@dataclass(frozen=True)
class _Installation:
    name: str
    package: str  # Debian's
    programs: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return all(shutil.which(program, path=search_path()) for program in self.programs)


INSTALLATIONS = {
    "mariadb": _Installation("MariaDB", "mariadb-server", ("mariadbd", "mariadb-install-db", "mariadb")),
    "postgresql": _Installation("PostgreSQL", "postgresql", ("initdb", "postgres", "psql")),
    "chromium": _Installation("Chromium", "chromium", ("chromium",)),
    "firefox": _Installation("Firefox", "firefox-esr", ("firefox-esr",)),
    "prometheus": _Installation("Prometheus", "prometheus", ("prometheus", "promtool")),
    "nagios": _Installation("Nagios", "nagios4-core", ("nagios4",)),
    "faketime": _Installation("faketime", "faketime", ("faketime",)),
    "icinga": _Installation("Icinga", "icinga2-bin", ("icinga2",)),
}


def search_path() -> str:
    """Return the folders to look in: STATS_TEST_SERVERS_PATH, or PATH and where Debian keeps servers outside of it."""
    versions = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: float(path.parts[-2]))
    usual = [os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *map(str, reversed(versions))]
    return os.environ.get("STATS_TEST_SERVERS_PATH") or ":".join(usual)


def require(engine: str) -> None:
    """Raise ServerNotChosenError or ServerNotInstalledError if a database server is not to be started, or cannot be."""
    if engine not in os.environ.get("STATS_TEST_ENGINES", engine).split():
        raise ServerNotChosenError(f"{INSTALLATIONS[engine].name} is not among STATS_TEST_ENGINES")
    require_installed(engine)


def require_installed(server: str) -> None:
    """Raise ServerNotInstalledError if a server's programs are not there."""
    installation = INSTALLATIONS[server]
    if not installation.complete:
        raise ServerNotInstalledError(
            f"{installation.name} is not installed (Debian: apt-get install {installation.package})"
        )


def missing_packages(servers: Iterable[str]) -> list[str]:
    """Return the Debian packages of the servers that are not installed."""
    known = [INSTALLATIONS[server] for server in servers if server in INSTALLATIONS]
    return [installation.package for installation in known if not installation.complete]


if __name__ == "__main__":
    print(*missing_packages(sys.argv[1:]))

"""What a measurement was made on, without what would name the machine."""

import os
import platform
import sqlite3
from pathlib import Path

from dev.servers.databases import Server

_MIB = 1 << 20
_ABOUT = {
    "mysql": "SELECT VERSION(), @@innodb_buffer_pool_size DIV 1048576",
    "postgresql": "SELECT current_setting('server_version'), current_setting('shared_buffers')",
}


def memory_mib() -> int:
    """Return how much memory there is."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB


def facts() -> dict[str, str | int]:
    """Return cores, memory, processor and Python."""
    return {
        "cores": os.cpu_count() or 0,
        "memory_mib": memory_mib(),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def describe(server: Server | None) -> tuple[str, str]:
    """Return the name and version of a database server (None: SQLite), and what its cache was set to."""
    if server is None:
        return f"SQLite {sqlite3.sqlite_version}", "defaults"
    connection = server.connect()
    cursor = connection.cursor()
    cursor.execute(_ABOUT[server.dialect])
    version, cache = cursor.fetchone()
    connection.close()
    number = version.split("-")[0].split(" ")[0]
    if server.dialect == "postgresql":
        return f"PostgreSQL {number}", f"shared_buffers={cache}"
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {number}", f"innodb_buffer_pool_size={cache}MB"

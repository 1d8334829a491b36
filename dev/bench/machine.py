"""What a measurement was made on, without what would name the machine."""

import contextlib
import os
import platform
import sqlite3
from pathlib import Path
from typing import Any

from dev.servers.databases import Database, Server

_MIB = 1 << 20
_ABOUT = {
    "mysql": """SELECT VERSION(), CONCAT('innodb_buffer_pool_size=', @@innodb_buffer_pool_size DIV 1048576, 'MB, ',
        'innodb_adaptive_hash_index=', IF(@@innodb_adaptive_hash_index, 'ON', 'OFF'))""",
    "postgresql": "SELECT current_setting('server_version'), 'shared_buffers=' || current_setting('shared_buffers')",
}
_LOG_BYTES = {
    "mysql": """SELECT data_length + index_length FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = 'switches_log'""",
    "postgresql": "SELECT pg_total_relation_size('switches_log')",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
}
_PAGES_READ = {
    "mysql": "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_reads'",
    "postgresql": "SELECT 'blks_read', sum(blks_read) FROM pg_stat_database",
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
    """Return the name and version of a database server (None: SQLite), and the settings of its cache."""
    if server is None:
        return f"SQLite {sqlite3.sqlite_version}", "defaults"
    version, settings = _row(server.connect(), _ABOUT[server.dialect])
    number = version.split("-")[0].split(" ")[0]
    if server.dialect == "postgresql":
        return f"PostgreSQL {number}", settings
    return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {number}", settings


def log_mib(database: Database) -> int:
    """Return how large the log and its indexes are; of SQLite, the whole file."""
    return round(int(_row(database.connect(), _LOG_BYTES[database.dialect])[0]) / _MIB)


def pages_read(server: Server | None) -> int:
    """Return how many pages a server did not find in its own cache since it started."""
    if server is None:
        return 0
    return int(_row(server.connect(), _PAGES_READ[server.dialect])[1])


def _row(connection: Any, sql: str) -> Any:
    with contextlib.closing(connection):
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchone()

"""The machine and the databases that a measurement was made on, without names of hosts."""

import contextlib
import os
import platform
import re
import sqlite3
from pathlib import Path

from dev.servers.databases import Database

# The server's version, the settings of its cache, and the bytes of the log with its indexes; of SQLite, of the file.
_ABOUT = {
    "mysql": """SELECT VERSION(), CONCAT('innodb_buffer_pool_size=', @@innodb_buffer_pool_size DIV 1048576,
        'MB, innodb_adaptive_hash_index=', IF(@@innodb_adaptive_hash_index, 'ON', 'OFF')), data_length + index_length
        FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'switches_log'""",
    "postgresql": """SELECT current_setting('server_version'), 'shared_buffers=' || current_setting('shared_buffers'),
        pg_total_relation_size('switches_log')""",
    "sqlite": f"""SELECT '{sqlite3.sqlite_version}', 'defaults', page_count * page_size
        FROM pragma_page_count, pragma_page_size""",
}


def memory_mib() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def facts() -> dict[str, str | int]:
    """Return cores, memory, processor and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*: (.*)$", cpuinfo.read_text() if cpuinfo.exists() else "", re.MULTILINE)
    processor = model[1] if model else platform.processor() or platform.machine()
    cores, python = os.cpu_count() or 0, platform.python_version()
    return {"cores": cores, "memory_mib": memory_mib(), "processor": processor, "python": python}


def describe(database: Database) -> tuple[str, str, int]:
    """Return the engine and its version, the settings of its cache, and the size of the log in MiB."""
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(_ABOUT[database.dialect])
        version, settings, size = cursor.fetchone()
    mysql = "MariaDB" if "MariaDB" in version else "MySQL"
    name = {"mysql": mysql, "postgresql": "PostgreSQL", "sqlite": "SQLite"}[database.dialect]
    return f"{name} {re.split('[- ]', version)[0]}", settings, round(int(size) / (1 << 20))

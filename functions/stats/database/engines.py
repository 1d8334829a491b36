"""The database engines, by their names in RDS's secrets.

To add another name of an engine, add it to MYSQL or POSTGRESQL; to add an engine, write a module like postgresql.py.
Only the module of the engine that is used is imported, and with it the driver.
"""

from stats.database.driver import Engine

MYSQL = ("mysql", "mariadb", "aurora-mysql")
POSTGRESQL = ("postgres", "aurora-postgresql")
ENGINES = (*MYSQL, *POSTGRESQL, "sqlite")


def engine_of(name: str) -> Engine:
    """Return the engine of one of the names in ENGINES."""
    if name in MYSQL:
        from stats.database import mysql

        return mysql.ENGINE
    if name in POSTGRESQL:
        from stats.database import postgresql

        return postgresql.ENGINE
    from stats.database import sqlite

    return sqlite.ENGINE

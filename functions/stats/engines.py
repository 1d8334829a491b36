"""The database engines by the names that RDS's secrets have for them.

To add an engine, write a module like postgresql.py and add its names here. Only the module of the engine that is
used is imported, and with it the driver.
"""

from stats.connection import Engine

ENGINES = ("mysql", "mariadb", "aurora-mysql", "postgres", "aurora-postgresql", "sqlite")


def engine_of(name: str) -> Engine:
    """Return the engine of one of the names in ENGINES."""
    if name in {"mysql", "mariadb", "aurora-mysql"}:
        from stats import mysql

        return mysql.ENGINE
    if name in {"postgres", "aurora-postgresql"}:
        from stats import postgresql

        return postgresql.ENGINE
    from stats import sqlite

    return sqlite.ENGINE

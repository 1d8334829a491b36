"""How MariaDB and PostgreSQL run the statement: their plans of its part that reads the log."""

import contextlib
from datetime import UTC, datetime

from dev.servers.databases import Database
from stats.database.engines import engine_of
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS, needed

_LOG = tuple(each for each in STATISTICS if list(needed([each])) == ["switches_log"])
_EXPLAIN = {"mysql": "ANALYZE", "postgresql": "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF)"}


def plans(stock: Database, indexed: Database) -> str:
    """Return the plans without and with the indexes, as Markdown."""
    texts = [("Without the indexes", _plan(stock, ())), ("With the indexes", _plan(indexed, query.INDEXES))]
    return "\n".join(f"{title}:\n\n```text\n{text}\n```\n" for title, text in texts)


def _plan(database: Database, indexes: query.Indexes) -> str:
    sql = query.statement(datetime.now(UTC), UTC, _LOG)(engine_of(database.engine), lambda: indexes)
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for _ in range(2):  # the first time reads the pages
            cursor.execute(f"{_EXPLAIN[database.dialect]} {sql}")
            rows = cursor.fetchall()
        # The indexes of a throwaway database have its user's name.
        texts = [[str(cell or "").replace(database.user, "openl2m_stats") for cell in row] for row in rows]
        if database.dialect == "mysql":
            texts.insert(0, [column[0] for column in cursor.description])
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in texts)

"""How MariaDB and PostgreSQL run the statement: what they tell of it, cut down to the log."""

import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dev.servers.databases import Database
from stats.database.driver import Indexes
from stats.database.engines import engine_of
from stats.numbers.query import INDEXES, statement

_EXPLAIN = {"mysql": "ANALYZE FORMAT=JSON", "postgresql": "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF)"}
_ENGINE = {"mysql": "mysql", "postgresql": "postgres"}
_WIDTH = 130
# Of PostgreSQL's lines: those without interest here, and the alias that a table has when it is read twice.
_DROPPED = re.compile(r"\s*(Heap Fetches|Planning|Batches|Workers Planned)")
_ALIAS = re.compile(r"(?<= switches_log) switches_log_\d+")


def plans(stock: Database, indexed: Database) -> str:
    """Return the plans without and with the indexes, as Markdown."""
    texts = [("Without the indexes", _plan(stock, ())), ("With the indexes", _plan(indexed, INDEXES))]
    return "\n".join(f"{title}:\n\n```text\n{text}\n```\n" for title, text in texts)


def _plan(database: Database, indexes: Indexes) -> str:
    engine = engine_of(_ENGINE[database.dialect])
    sql = statement(datetime.now(UTC), UTC)(engine, lambda: indexes)
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for _ in range(2):  # the first time reads the pages
            cursor.execute(f"{_EXPLAIN[database.dialect]} {sql}")
            lines = [line for (text,) in cursor.fetchall() for line in text.split("\n")]
    kept = _mariadb(json.loads("\n".join(lines)), 0) if database.dialect == "mysql" else _postgresql(lines)
    named = (line.replace(database.user, "openl2m_stats") for line in kept)
    return "\n".join(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in named)


def _postgresql(lines: list[str]) -> Iterator[str]:
    """Yield the lines that are not about the other tables."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        # At two spaces a subquery of the SELECT list begins, or the plan of the FROM clause; what follows is planning.
        if line.startswith(("  InitPlan", "  ->", "Planning:", "Execution")):
            blocks.append([])
        blocks[-1].append(line)
    for number, block in enumerate(blocks):
        if number in {0, len(blocks) - 1} or any("switches_log" in line for line in block):
            yield from (_ALIAS.sub("", line) for line in block if not _DROPPED.match(line))


def _mariadb(node: Any, depth: int) -> Iterator[str]:
    """Yield a line for each query block and table, indented like PostgreSQL's."""
    if isinstance(node, list):
        for each in node:
            yield from _mariadb(each, depth)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name in {"query_block", "table"} and "switches_log" in json.dumps(value):
            yield "  " * depth + (_block(value) if name == "query_block" else _table(value))
            yield from _mariadb(value, depth + 1)
        elif name not in {"query_block", "table"}:
            yield from _mariadb(value, depth)


def _block(block: dict[str, Any]) -> str:
    grouped = ", grouped in a temporary table" if "temporary_table" in block.get("filesort", block) else ""
    return f"SELECT #{block['select_id']}: {_ms(block, 'r_total_time_ms')}{_loops(block)}{grouped}"


def _table(table: dict[str, Any]) -> str:
    parts = [f"{table['table_name']}: access_type={table['access_type']}"]
    parts += [f"key={table['key']}"] if "key" in table else []
    parts += ["using_index"] if table.get("using_index") else []
    parts += [f"rows={table.get('r_rows', 0):,.0f}{_loops(table).replace(' in ', ' in each of ')}"]
    parts += [f"filtered={table['r_filtered']:.0f}%"] if table.get("r_filtered", 100) < 100 else []
    pages = table.get("r_engine_stats", {}).get("pages_accessed")
    parts += [f"pages={pages:,}"] if pages else []
    return ", ".join([*parts, _ms(table, "r_table_time_ms", "r_other_time_ms")])


def _loops(node: dict[str, Any]) -> str:
    return f" in {node['r_loops']:,} loops" if node.get("r_loops", 1) > 1 else ""


def _ms(node: dict[str, Any], *names: str) -> str:
    return f"{sum(node.get(name, 0) for name in names):.1f} ms"

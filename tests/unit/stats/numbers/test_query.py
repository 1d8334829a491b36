"""The statement's text, as far as no database is needed to tell what is right."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from stats.database.engines import engine_of
from stats.numbers.query import INDEXES, statement

NOW = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("recurses", [False, True])
@pytest.mark.parametrize("indexes", [(), INDEXES], ids=["scan", "indexes"])
def test_the_past_only_adds_a_bound_to_each_reading_of_the_log(indexes: list[list[str]], recurses: bool) -> None:
    zone, engine = ZoneInfo("America/Chicago"), engine_of("postgres")._replace(recurses=recurses)
    current, past = (statement(NOW, zone, in_the_past=past)(engine, lambda: indexes) for past in (False, True))
    bound = "timestamp <= '2026-11-22 23:59:59+00:00' AND "
    assert past.replace(bound, "") == current
    assert bound not in current
    readings = past.count("FROM switches_log WHERE ")
    assert readings >= 1
    assert past.count(f"FROM switches_log WHERE {bound}") == readings

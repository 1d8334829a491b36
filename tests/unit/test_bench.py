"""What `make bench` makes its databases, its tables and its picture of."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dev.bench import plot, report
from dev.bench.markdown import put_into_page, times_as_long
from dev.bench.report import Measured
from dev.bench.rows import log_rows
from dev.bench.timing import Timing, pairs, sample, summarize
from openl2m_stats.openl2m_schema import COLUMNS

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def rows(count: int) -> list[dict[str, Any]]:
    names = [column.name for column in COLUMNS["switches_log"]]
    return [dict(zip(names, row, strict=True)) for row in log_rows(count, NOW)]


def test_rows_are_of_every_kind_in_its_proportion() -> None:
    found = Counter((row["type"], row["action"]) for row in rows(50_000))
    shares = {(0, 90): 0.60, (1, 1): 0.08, (4, 91): 0.05, (5, 92): 0.13, (5, 95): 0.09, (3, 93): 0.05}
    assert {kind: round(number / 50_000, 2) for kind, number in found.items()} == shares


def test_rows_are_evenly_over_180_days_up_to_now_in_order() -> None:
    times = [row["timestamp"] for row in rows(360)]
    assert times[-1] == NOW
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(hours=12)}


def test_rows_are_of_as_many_switches_groups_and_users_as_there_are() -> None:
    found = rows(50_000)
    assert {row["switch_id"] for row in found} == {None, *range(1, 1247)}
    assert {row["group_id"] for row in found} == {None, *range(1, 34)}
    assert {row["user_id"] for row in found} == {None, *range(1, 123)}
    assert all((row["switch_id"] is None) == (row["type"] in {3, 5}) for row in found)


def test_rows_have_texts_as_long_as_real_ones_and_safe_in_any_statement() -> None:
    texts = [row["ip_address"] + row["description"] + row["if_name"] for row in rows(5000)]
    assert 60 <= sum(map(len, texts)) / len(texts) <= 100
    assert not set("\t\n\\'") & set("".join(texts))


def test_rows_are_the_same_every_time() -> None:
    assert rows(100) == rows(100)


def test_summary_of_many_samples_has_percentiles_and_of_few_the_extremes() -> None:
    many = summarize([number * 1_000_000 for number in range(101)])
    assert many == Timing(50, 5, 95, 101)
    assert summarize([3_000_000, 1_000_000, 2_000_000]) == Timing(2, 1, 3, 3)


def test_pairs_are_compared_each_for_itself() -> None:
    """The machine was twice as slow during the second pair, and ten times during the third."""
    assert pairs([3, 6, 20], [2, 4, 20]) == Timing(1.5, 1, 1.5, 3)
    assert times_as_long(pairs([3, 6, 20], [2, 4, 20])) == "1.50 (1.00 to 1.50)"
    with pytest.raises(ValueError, match="shorter"):
        pairs([1, 2], [1])


def test_calls_are_sampled_in_turn_after_a_round_that_is_not_counted() -> None:
    called: list[str] = []
    found = sample({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 0)
    assert called == ["a", "b"] * 4
    assert {name: len(taken) for name, taken in found.items()} == {"a": 3, "b": 3}


def timing(milliseconds: float) -> Timing:
    return Timing(milliseconds, milliseconds * 0.9, milliseconds * 1.1, 30)


def measured(engine: str, entries: int, *, indexed: bool = True) -> Measured:
    names = ("statement", "select_1", "cached", "head", "not_modified", "refused")
    others = {name: timing(0.1) for name in names}
    stock = {"fresh": timing(entries / 100), **others}
    index = {"fresh": timing(entries / 200), **others} if indexed else {}
    return Measured(engine, "defaults", entries, timing(entries / 10), stock, index)


FOUND = [
    measured("MariaDB <10> & co", 1000),
    measured("MariaDB <10> & co", 100_000),
    measured("SQLite 3", 1000, indexed=False),
]


def test_details_have_every_measure_beside_openl2ms_statements() -> None:
    lines = report.details(FOUND[1]).splitlines()
    assert lines[0] == "#### MariaDB <10> & co, 100,000 log entries"
    assert "| a fresh answer | 1,000 (900 to 1,100, n=30) | 10 | 500 (450 to 550, n=30) | 20 |" in lines
    assert len(lines) == 2 + 2 + 8


def test_summary_has_a_column_an_engine_and_four_lines_a_size() -> None:
    lines = report.summary(FOUND).splitlines()
    assert lines[0] == "| log entries | milliseconds | MariaDB <10> & co | SQLite 3 |"
    assert lines[2:6] == [
        "| 1,000 | OpenL2M's statements | 100 | 100 |",
        "|  | a fresh answer | 10 (10 times faster) | 10 (10 times faster) |",
        "|  | … with the index | 5.0 (20 times faster) |  |",
        "|  | an answer from memory | 0.10 | 0.10 |",
    ]
    assert lines[6] == "| 100,000 | OpenL2M's statements | 10,000 |  |"


def test_growth_compares_the_most_entries_with_the_fewest() -> None:
    lines = report.growth(FOUND[:2]).splitlines()
    assert lines[2] == "| OpenL2M's statements | 100 |"
    assert lines[-1] == "| an answer from memory | 1.0 |"
    assert report.growth(FOUND[:1]) == ""


def test_json_has_every_timing() -> None:
    found = json.loads(json.dumps(FOUND[0].as_json()))
    assert found["openl2m"] == {"median": 100, "low": 90, "high": 110, "samples": 30}
    assert found["indexed"]["fresh"]["median"] == 5


def test_picture_is_svg_with_a_panel_an_engine_and_a_dot_a_timing() -> None:
    root = ET.fromstring(plot.svg(FOUND))
    assert root.tag == f"{SVG}svg"
    panels = root.findall(f"{SVG}g")
    assert [panel[0].text for panel in panels] == ["MariaDB <10> & co", "SQLite 3"]
    assert [len(panel.findall(f"{SVG}circle")) for panel in panels] == [8, 3]
    mariadb = panels[0].findall(f"{SVG}polyline")
    # A hundred times the entries: all the way to the right, and two powers of ten up, but for the memory's.
    heights = [[float(pair.split(",")[1]) for pair in line.get("points", "").split()] for line in mariadb]
    steps = [before - after for before, after in heights]
    assert steps[:3] == pytest.approx([steps[0]] * 3, abs=0.2)
    assert steps[0] > 0
    assert steps[3] == 0


@pytest.mark.parametrize("found", [FOUND[:1], FOUND[2:]])
def test_picture_of_one_size_is_valid_too(found: list[Measured]) -> None:
    text = plot.svg(found)
    ET.fromstring(text)
    assert "nan" not in text


def test_table_is_put_between_the_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- make bench: begin -->\nold\n<!-- make bench: end -->\nafter\n")
    put_into_page(path, "make bench", "new\n")
    put_into_page(path, "make bench", "newer\n")
    assert path.read_text() == "before\n<!-- make bench: begin -->\nnewer\n<!-- make bench: end -->\nafter\n"


def test_table_without_a_place_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("<!-- make bench: end -->\n<!-- make bench: begin -->\nrest")
    with pytest.raises(ValueError, match=r"README\.md has no place for the table"):
        put_into_page(path, "make bench", "new\n")
    assert path.read_text().endswith("rest")


def test_page_has_the_places_that_both_commands_fill() -> None:
    text = (Path(__file__).parents[2] / "docs/performance.md").read_text()
    for command in ("make bench", "make bench-cold"):
        assert text.count(f"<!-- {command}: begin -->\n") == text.count(f"<!-- {command}: end -->\n") == 1

"""The parts of `make bench`: rows of the log, timings, tables, JSON and the picture."""

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dev.bench import containers, plot, report
from dev.bench.load import log_rows
from dev.bench.report import Measured
from dev.bench.timing import Timing, pairs, summarize, times_as_long
from dev.markdown import put_into_page
from openl2m_stats.local.openl2m_schema import COLUMNS

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


def timing(milliseconds: float) -> Timing:
    return Timing(milliseconds, milliseconds * 0.9, milliseconds * 1.1, 30)


def measured(engine: str, entries: int, *, indexed: bool = True, before: float | None = None) -> Measured:
    times = {"openl2m": entries / 10, "memory": 0.1, "fresh": entries / 100, "openl2m/fresh": 11}
    if indexed:
        times |= {"indexed": entries / 200, "openl2m/indexed": 22}
    if before:
        times |= {"before/fresh": before} | ({"before/indexed": before} if indexed else {})
    return Measured(
        "2026-11-23", engine, "cache=1GB", 230, entries, {name: timing(value) for name, value in times.items()}
    )


FOUND = [
    measured("MariaDB <10> & co", 1000),
    measured("MariaDB <10> & co", 100_000, before=1.5),
    measured("SQLite 3", 1000, indexed=False),
]


def test_another_revision_is_compared_in_a_table_of_its_own() -> None:
    assert report.before(FOUND).splitlines()[2:] == [
        "| MariaDB <10> & co | 100,000 | 1.50 (1.35 to 1.65) | 1.50 (1.35 to 1.65) |"
    ]
    assert report.before([measured("SQLite 3", 1000, indexed=False, before=2)]).endswith("| 2.00 (1.80 to 2.20) |  |\n")
    assert report.before(FOUND[:1]) == ""


def test_caches_are_those_of_the_largest_log() -> None:
    assert report.caches(FOUND).splitlines() == [
        "- MariaDB <10> & co, 100,000 log entries: cache=1GB; log and indexes have 230 MiB.",
        "- SQLite 3, 1,000 log entries: cache=1GB; log and indexes have 230 MiB.",
    ]


def test_summary_has_a_column_an_engine_and_four_lines_a_size() -> None:
    lines = report.summary(FOUND).splitlines()
    assert lines[0] == "| log entries | milliseconds | MariaDB <10> & co | SQLite 3 |"
    faster = "(11 times faster, 9.9 to 12)"
    assert lines[2:6] == [
        "| 1,000 | OpenL2M's statements | 100 | 100 |",
        f"|  | a fresh answer | 10 {faster} | 10 {faster} |",
        "|  | … with the indexes | 5.0 (22 times faster, 20 to 24) |  |",
        "|  | an answer from memory | 0.10 | 0.10 |",
    ]
    assert lines[6] == "| 100,000 | OpenL2M's statements | 10,000 |  |"


def test_growth_compares_the_most_entries_with_the_fewest_that_all_engines_had() -> None:
    lines = report.growth(FOUND[:2]).splitlines()
    assert lines[2] == "| OpenL2M's statements | 100 |"
    assert lines[-1] == "| an answer from memory | 1.0 |"
    assert report.growth(FOUND[:1]) == report.growth(FOUND) == ""


def test_gain_that_is_quoted_is_postgresqls_with_so_many_entries() -> None:
    found = [measured("MariaDB 10", 1000), measured("PostgreSQL 15", 1000, indexed=False)]
    expected = "[11 times faster than OpenL2M's own statements](docs/performance.md) on PostgreSQL"
    assert report.gain(found, 1000) == f"{expected}, or in 0.1 ms from memory"
    found[1] = measured("PostgreSQL 15", 1000)
    assert report.gain(found, 1000) == f"{expected} (22 times with two indexes), or in 0.1 ms from memory"
    assert report.gain(found, 2000) == ""
    assert report.gain(found[:1], 1000) == ""


def test_json_has_every_timing_and_can_be_read_again() -> None:
    content = json.loads(json.dumps(FOUND[1].as_json()))
    assert content["times"]["openl2m"] == {"median": 10_000, "low": 9000, "high": 11_000, "samples": 30}
    assert content["times"]["indexed"]["median"] == 500
    assert report.from_json(content).as_json() == content
    assert report.from_json(FOUND[2].as_json()).as_json() == FOUND[2].as_json()


def test_picture_has_a_bar_a_timing_as_long_as_it_took() -> None:
    root = ET.fromstring(plot.svg(FOUND))
    assert root.get("width") == "800"
    engines = root.findall(f"{SVG}g")
    assert [engine[0].text for engine in engines] == ["MariaDB", "SQLite"]  # with 1,000 entries, which both had
    mariadb, sqlite = ([float(bar.get("width", "")) for bar in engine.findall(f"{SVG}rect")] for engine in engines)
    assert mariadb == pytest.approx([mariadb[0], mariadb[0] / 10, mariadb[0] / 20], abs=0.1)
    assert sqlite == mariadb[:2]
    assert [text.text for text in engines[0].findall(f"{SVG}text")][1:] == [
        "100 ms",
        "10 ms, 11 times faster",
        "5.0 ms, 22 times faster",
    ]


def test_answers_take_turns_and_are_compared_within_a_round() -> None:
    called: list[str] = []
    slowed = iter([1, 1, 10, 1, 1])

    def stock(number: int) -> list[int]:
        called.append("stock")
        return [next(slowed) * 1000] * number

    def indexed(number: int) -> list[int]:
        called.append("indexed")
        return [500] * number

    passes, answers = containers.take_turns(lambda: called.append("openl2m"), {"stock": stock, "indexed": indexed}, 0)
    assert called == [*["openl2m", "stock", "indexed", "openl2m", "indexed", "stock"] * 2, *called[:3]]
    assert len(passes) == 5
    assert answers["stock"] == [[1000] * 3, [1000] * 3, [10_000] * 3, [1000] * 3, [1000] * 3]
    assert answers["indexed"] == [[500] * 3] * 5


def test_functions_of_a_revision(tmp_path: Path) -> None:
    assert (containers.functions_of("HEAD", tmp_path) / "stats/api.py").is_file()


def test_a_tag_of_a_release_is_a_revision_and_what_is_absent_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    for arguments in (
        ["clone", "--quiet", "--shared", str(containers._ROOT), str(clone)],
        ["-C", str(clone), "tag", "v0.1.0"],
    ):
        subprocess.run(["git", *arguments], check=True)
    monkeypatch.setattr(containers, "_ROOT", clone)
    assert (containers.functions_of("v0.1.0", tmp_path) / "stats/api.py").is_file()
    with pytest.raises(ValueError, match=r"no revision v0\.2\.0\. `git fetch --tags` brings"):
        containers.functions_of("v0.2.0", tmp_path)


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
    text = (Path(__file__).parents[3] / "docs/performance.md").read_text()
    for command in ("make bench", "make bench-cold"):
        assert text.count(f"<!-- {command}: begin -->\n") == text.count(f"<!-- {command}: end -->\n") == 1


@pytest.mark.parametrize(
    ("page", "command"),
    [
        ("README.md", "make bench"),
        ("docs/query-plans.md", "make bench, MariaDB"),
        ("docs/query-plans.md", "make bench, PostgreSQL"),
    ],
)
def test_other_pages_have_their_places(page: str, command: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text()
    assert text.count(f"<!-- {command}: begin -->") == text.count(f"<!-- {command}: end -->") == 1


def test_words_are_put_between_markers_within_a_line(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("It is <!-- make bench: begin -->slow<!-- make bench: end -->,\nnow.\n")
    put_into_page(path, "make bench", "fast")
    assert path.read_text() == "It is <!-- make bench: begin -->fast<!-- make bench: end -->,\nnow.\n"

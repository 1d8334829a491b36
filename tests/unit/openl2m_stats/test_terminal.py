"""Text for a terminal."""

import pytest

from openl2m_stats import terminal


@pytest.mark.parametrize(
    ("value", "text"),
    [("Zürich 交换机", "Zürich 交换机"), ("a\x1b[2J", r"'a\x1b[2J'"), ("a\nb", r"'a\nb'"), (3, "3")],
)
def test_nothing_controls_the_terminal(value: object, text: str) -> None:
    assert terminal.printable(value) == text


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("交换机", 6), ("e\u0301", 1), ("a\u200b", 1), ("Ａ", 2)]
)
def test_widths(text: str, columns: int) -> None:
    assert terminal.width(text) == columns


@pytest.mark.parametrize(
    ("text", "most", "lines"),
    [
        ("", 3, [""]),
        ("abc", 3, ["abc"]),
        ("abcd", 3, ["abc", "d"]),
        ("交换机", 5, ["交换", "机"]),
        ("abe\u0301d", 3, ["abe\u0301", "d"]),
    ],
)
def test_wrapping(text: str, most: int, lines: list[str]) -> None:
    assert terminal.wrap(text, most) == lines


def test_the_widest_line() -> None:
    assert terminal.widest([["a", "交换"], ["abc"]]) == 4


def test_a_table_with_wide_characters_and_cells_of_several_lines() -> None:
    rows = [[["NAME"], ["NETWORKS"], ["STATE"]], [["交换机"], ["10.0.0.0/8,", "::1"], ["active"]]]
    assert list(terminal.table(rows)) == [
        "NAME    NETWORKS     STATE",
        "交换机  10.0.0.0/8,  active",
        "        ::1",
    ]

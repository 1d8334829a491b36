"""The words for the engines are those of the database secret, too."""

import pytest

from openl2m_stats.cli import main
from stats.database.engines import MYSQL, POSTGRESQL


@pytest.mark.parametrize(
    ("word", "same"),
    [
        *((word, "mysql") for word in MYSQL),
        *((word, "postgresql") for word in POSTGRESQL),
    ],
)
def test_words_for_engines(word: str, same: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grants", "--engine", same]) == 0
    printed = capsys.readouterr().out
    assert main(["grants", "--engine", word]) == 0
    assert capsys.readouterr().out == printed

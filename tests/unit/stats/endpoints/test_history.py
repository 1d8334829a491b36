"""What an Accept header makes of the history's answer: JSON unless it prefers CSV."""

import pytest

from stats.endpoints.history import _prefers_csv

CSV = [
    "text/csv",
    "TEXT/CSV",
    "text/csv;charset=utf-8",
    "text/csv; header=present; q=0.5",
    "text/csv, */*;q=0.1",
    "text/csv, */*",
    "text/csv,application/json;q=0.9",
    "application/json;q=0.5 , text/csv ; Q = 0.501",
    "text/*",
    "text/html, text/*;q=0.5",
    "*/*, application/json;q=0.1",
    "application/json;q=0, */*;q=0.001",
]
JSON = [
    "",
    ",",
    "*/*",
    "application/json",
    "application/json, text/csv",
    "text/csv, application/json",
    "text/csv;q=0",
    "text/csv;q=0, */*",
    "text/csv;q=0.9, application/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/csv;q=0.5, */*",
    "application/pdf",
    "text",
    "text/csvx",
    "a;b;c,;;,\u00e9",
]


@pytest.mark.parametrize(("accept", "is_csv"), [(text, True) for text in CSV] + [(text, False) for text in JSON])
def test_content_is_negotiated(accept: str, is_csv: bool) -> None:
    assert _prefers_csv([accept]) == is_csv

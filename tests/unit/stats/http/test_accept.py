"""What a header of preferences accepts, and how much."""

import pytest

from stats.http.accept import preference


@pytest.mark.parametrize(
    ("values", "weight"),
    [
        ([], 0),
        ([""], 0),
        (["gzip"], 1),
        (["GZIP"], 1),
        (["deflate, gzip;q=0.5"], 0.5),
        (["deflate", "gzip;q=0.5"], 0.5),
        (["br"], 0),
        (["*"], 1),
        (["*;q=0"], 0),
        (["gzip;q=0, *"], 0),
        (["gzip;q=1, *;q=0"], 1),
        (["gzip ; Q = 0.001"], 0.001),
        (["gzip;q=2"], 1),  # not a weight
        (["identity"], 0),
        (["x-gzip"], 0),
    ],
)
def test_gzip(values: list[str], weight: float) -> None:
    assert preference(values, ("gzip", "*"))[0] == weight


def test_the_more_exact_name_tells_two_equal_weights_apart() -> None:
    header = ["text/csv, */*"]
    assert preference(header, ("text/csv", "text/*", "*/*")) > preference(header, ("application/json", "*/*"))

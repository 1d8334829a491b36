"""What a caller is told who is to come back."""

from datetime import timedelta

import pytest

from stats.http.response import unavailable


@pytest.mark.parametrize(("seconds", "told"), [(0, "1"), (0.2, "1"), (1, "1"), (1.2, "2"), (30, "30")])
def test_retry_after_is_a_second_at_least(seconds: float, told: str) -> None:
    assert unavailable("Later.", timedelta(seconds=seconds)).response["headers"]["Retry-After"] == told

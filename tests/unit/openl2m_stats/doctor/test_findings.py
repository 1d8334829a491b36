"""What a check found."""

import pytest

from openl2m_stats.doctor.findings import Known, listed
from openl2m_stats.doctor.setups import Setup


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["a", "b", "c"], "a, b and 1 more"),
        (list("abcd"), "a, b and 2 more"),
    ],
)
def test_items_as_text(items: list[str], text: str) -> None:
    assert listed(items, 2) == text


def test_causes_are_of_one_examination() -> None:
    one, other = Known(Setup("", {})), Known(Setup("", {}))
    one.causes["login"] = "TLS"
    assert other.causes == {}

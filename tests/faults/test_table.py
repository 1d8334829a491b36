"""The table itself: nothing is missing."""

from collections import Counter

from tests.faults.table import ABSENT, FAULTS, ROWS
from tests.faults.world import DEPENDENCIES


def test_every_fault_of_every_dependency_is_a_row_or_has_a_reason_for_not_being_one() -> None:
    rows = [(row.dependency, row.fault) for row in ROWS]
    absent = [(each, fault) for entry in ABSENT for each in entry.dependencies for fault in entry.faults]
    assert Counter(rows + absent) == Counter((each, fault) for each in DEPENDENCIES for fault in FAULTS)

"""The table itself: nothing is missing, and the documentation shows it as it is."""

from collections import Counter

from tests.faults.page import PAGE, render
from tests.faults.table import ABSENT, FAULTS, ROWS
from tests.faults.world import DEPENDENCIES


def test_every_fault_of_every_dependency_is_a_row_or_has_a_reason_for_not_being_one() -> None:
    rows = [(row.dependency, row.fault) for row in ROWS]
    absent = [(each, fault) for entry in ABSENT for each in entry.dependencies for fault in entry.faults]
    assert Counter(rows + absent) == Counter((each, fault) for each in DEPENDENCIES for fault in FAULTS)


def test_the_documentation_is_current() -> None:
    assert render(PAGE.read_text()) == PAGE.read_text(), "run `make docs`"

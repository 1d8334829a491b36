"""What the template makes, beside what it made when somebody last looked."""

import pytest

from tests.template.translated import DIRECTORY, NAMES, text


@pytest.mark.parametrize("name", NAMES)
def test_translated_template_is_as_reviewed(name: str) -> None:
    command = "PYTHONPATH=functions .venv-sam/bin/python -m tests.template.translated"
    remedy = f"review what has changed: {command}; git diff tests/template"
    assert text(name) == (DIRECTORY / f"{name}.json").read_text(), remedy


def test_no_other_file_is_there() -> None:
    assert {path.stem for path in DIRECTORY.iterdir()} == set(NAMES)

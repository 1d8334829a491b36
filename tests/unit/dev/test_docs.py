"""What `make docs` writes into documents and scripts."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from dev import docs
from tests.docs import PARTS

PAGES = [docs.ROOT / name for name in PARTS]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_generated_parts_are_current(path: Path) -> None:
    text = path.read_text()
    assert docs.render(text, PARTS[str(path.relative_to(docs.ROOT))]) == text, "run `make docs`"


@pytest.mark.parametrize("name", docs.FILES)
def test_generated_files_are_current(name: str) -> None:
    assert docs.FILES[name]() == (docs.ROOT / name).read_text(), "run `make docs`"


def test_what_is_not_current_is_reported_and_brought_up_to_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- make docs: begin x -->\nold\n<!-- make docs: end -->\nafter\n")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    parts = {"page.md": {"x": lambda: "new\n"}}
    (tmp_path / "whole.json").write_text("old\n")
    monkeypatch.setattr(docs, "FILES", {"whole.json": lambda: "new\n"})
    assert docs.main(["--check"], parts) == 1
    assert capsys.readouterr().err == "Not current: page.md, whole.json. Run `make docs`.\n"
    assert docs.main([], parts) == 0
    assert (tmp_path / "whole.json").read_text() == "new\n"
    assert page.read_text() == "before\n<!-- make docs: begin x -->\nnew\n<!-- make docs: end -->\nafter\n"
    assert docs.main(["--check"], parts) == 0


@pytest.mark.parametrize("text", ["", "<!-- make docs: begin x -->\n", "<!-- make docs: end -->\n"])
def test_a_page_without_a_place_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no line has: make docs: "):
        docs.render(text, {"x": str})


def test_openapi_is_valid() -> None:
    document: Any = yaml.safe_load((docs.ROOT / "docs/openapi.yaml").read_text())
    assert document["openapi"].startswith("3.1.")
    validate(document)

"""What `make release` puts into the archive, and what it leaves out. tests/release builds it."""

import shutil
from pathlib import Path

import pytest

from dev.build import release_files

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a page of documents."""
    root = tmp_path / "checkout"
    for folder in ("infra", "docs", "functions", "layer"):
        (root / folder).mkdir(parents=True)
    shutil.copy(ROOT / "infra/template.yaml", root / "infra/template.yaml")
    (root / "docs/api.md").write_text("api")
    monkeypatch.setattr(release_files, "_ROOT", root)
    return root


def names(root: Path) -> list[str]:
    return sorted(release_files.contents(root / "functions", root / "layer"))


def test_documents_are_in_it(root: Path) -> None:
    assert names(root) == ["docs/api.md", "template.yaml"]


def test_what_editors_and_systems_leave_is_not(root: Path) -> None:
    """Git ignores such files on many machines, so nothing warns of them."""
    for name in ("docs/.DS_Store", "docs/.api.md.swp", ".env.md"):
        (root / name).write_text("secret")
    (root / "deploy.toml").write_text("secret")
    assert names(root) == ["docs/api.md", "template.yaml"]


def test_what_a_link_leads_to_is_not(root: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("secret")
    (root / "docs/notes.md").symlink_to(tmp_path / "notes.md")
    (root / "functions/notes.md").symlink_to(tmp_path / "notes.md")
    assert names(root) == ["docs/api.md", "template.yaml"]

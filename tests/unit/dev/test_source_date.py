import subprocess
from pathlib import Path

import pytest

from dev.build.source_date import EARLIEST, source_date_epoch

MOMENT = 1764047249


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def commit(folder: Path) -> None:
    (folder / "file").write_text("content")
    git = ["git", "-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    dates = {"GIT_COMMITTER_DATE": f"@{MOMENT} +1100", "GIT_AUTHOR_DATE": "@1 +0000", "PATH": "/usr/bin:/bin"}
    for command in (["init", "--quiet"], ["add", "file"], ["commit", "--quiet", "--no-gpg-sign", "-m", "Add a file"]):
        subprocess.run([*git, *command], cwd=folder, env=dates, check=True)


def test_it_is_the_time_of_the_commit(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    commit(tmp_path)
    assert source_date_epoch(tmp_path) == MOMENT
    assert capfd.readouterr().err == ""


def test_files_that_are_not_as_committed_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    commit(tmp_path)
    (tmp_path / "file").write_text("another content")
    assert source_date_epoch(tmp_path) == MOMENT
    assert capfd.readouterr().err.endswith("nobody else can build the same:\n M file\n")


@pytest.mark.parametrize("below", [False, True])
def test_without_a_commit_it_is_1980_and_that_is_said(
    below: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder inside somebody else's repository has no commit either."""
    if below:
        commit(tmp_path)
    folder = tmp_path / "source"
    folder.mkdir()
    assert source_date_epoch(folder) == EARLIEST
    assert "dated 1980" in capfd.readouterr().err


@pytest.mark.parametrize(("given", "used"), [(str(MOMENT), MOMENT), ("0", EARLIEST)])
def test_what_is_given_comes_first(given: str, used: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    assert source_date_epoch(tmp_path) == used

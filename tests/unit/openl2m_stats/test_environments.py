"""deploy.toml, as the command reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from openl2m_stats.environments import Environment, EnvironmentFileError, exists, read
from tests.support.databases import ROOT


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnvironmentFileError, match=f"deploy.toml is missing in {tmp_path}"):
        read("production")


def test_the_file_is_utf_8_in_any_locale(tmp_path: Path) -> None:
    text = '# für Zürich\n[production.deploy.parameters]\nstack_name = "stats"\n'
    (tmp_path / "deploy.toml").write_text(text, encoding="utf-8")
    code = "from openl2m_stats.environments import read; print(read('production').stack_name)"
    variables = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("stats\n", "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"deploy.toml has no table \[production.deploy.parameters\]. It has no environment yet."),
        ("version = 0.1\n[test]\n", r"no table \[production.deploy.parameters\]. It has: test."),
        ("[production.global.parameters]\n", r"deploy.toml has no table \[production.deploy.parameters\].$"),
        ("[production.deploy.parameters]\n", r"\[production.deploy.parameters\] needs a stack_name."),
        ("[production.deploy.parameters]\nstack_name = 1\n", "needs a stack_name"),
        ("[production\n", "deploy.toml cannot be read: "),
    ],
)
def test_a_file_without_a_usable_environment(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy.toml").write_text(text)
    with pytest.raises(EnvironmentFileError, match=problem):
        read("production")


def test_the_table_of_the_command_wins_over_the_global_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy.toml").write_text(
        '[production.global.parameters]\nstack_name = "other"\nregion = "us-east-1"\nprofile = "ops"\n'
        '[production.deploy.parameters]\nstack_name = "stats"\nregion = "us-west-2"\n'
    )
    assert read("production") == Environment("production", "stats", "us-west-2", "ops")


def test_whether_an_environment_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not exists("production")
    (tmp_path / "deploy.toml").write_text("[production]\n")
    assert exists("production")
    assert not exists("test")

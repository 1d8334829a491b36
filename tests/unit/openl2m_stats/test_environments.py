"""deploy.toml, as the command reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from openl2m_stats.environments import EnvironmentFileError, read
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

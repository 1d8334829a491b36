"""A folder of the project as an operator has it, in which commands are typed."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deployment.aws import REGION, Identity
from tests.support.stack import ROOT

ENVIRONMENT, STACK = "production", "openl2m-stats"
_SECONDS = 300


@dataclass(frozen=True)
class Folder:
    """One version of the project. `shell` holds the variables of the shell, credentials aside."""

    path: Path
    shell: Mapping[str, str]

    def configure(self, **parameters: str) -> None:
        """Write deploy.toml, as docs/deploy.md says, with these parameters."""
        text = (self.path / "deploy.example.toml").read_text()
        text = re.sub(r"(?ms)^\[production\.deploy\.parameters\.parameter_overrides\]\n.*?(?=^\[|\Z)", "", text)
        lines = [f'{name} = "{value}"' for name, value in parameters.items()]
        table = "\n[production.deploy.parameters.parameter_overrides]\n"
        (self.path / "deploy.toml").write_text(text + table + "\n".join(lines) + "\n")

    def run(
        self, who: Identity, *command: str, text: str = "", code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with someone's credentials. Its exit code must be the one given."""
        environment = {**self.shell, **who.environment, **variables}
        finished = subprocess.run(
            command,
            cwd=self.path,
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert finished.returncode == code, f"{command}: {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
        return finished

    def make(self, who: Identity, target: str, *, text: str = "", code: int = 0) -> str:
        """Run a target of make for the environment; return what it printed."""
        finished = self.run(who, "make", target, f"ENV={ENVIRONMENT}", text=text, code=code)
        return finished.stdout + finished.stderr

    def command(self, who: Identity, *arguments: str, text: str = "", code: int = 0, **variables: str) -> str:
        """Run this version's `openl2m-stats` for the environment; return its stdout."""
        return self.run_command(who, *arguments, text=text, code=code, **variables).stdout

    def run_command(
        self, who: Identity, *arguments: str, text: str = "", code: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run this version's `openl2m-stats` for the environment."""
        command = [".venv/bin/python", "-m", "openl2m_stats", *arguments, "--env", ENVIRONMENT]
        return self.run(who, *command, text=text, code=code, PYTHONPATH="functions", **variables)

    def token(self, who: Identity, name: str) -> str:
        """Create a token; return its key."""
        return key_of(self.command(who, "tokens", "create", name))


def key_of(printed: str) -> str:
    """Return the key in what `tokens create` prints."""
    found = re.fullmatch(r"[\w-]+\t([0-9a-f]{40})\n", printed)
    assert found, printed
    return found[1]


def first_release() -> str:
    """Return the revision of 1.0.0."""
    command = ["git", "log", "--grep=^Release 1.0.0$", "--format=%H"]
    found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert found, "the history does not reach back to 1.0.0: git fetch --unshallow"
    return found[-1]


def checkout(path: Path, shell: Mapping[str, str], revision: str | None = None) -> Folder:
    """Return a folder with a revision of the project, or with the working tree, and its environments."""
    path.mkdir()
    if revision:
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=path, input=archive, check=True)
    else:
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (source := ROOT / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, path / name)
    for environment in (".venv", ".venv-sam", ".venv-tools"):
        (path / environment).symlink_to(ROOT / environment)
    return Folder(path, shell)


def shell(directory: Path, authority: Path, wheels: Path) -> dict[str, str]:
    """Return the variables of an operator's shell: the emulator is trusted, and the registry is a folder."""
    home = directory / "home"
    home.mkdir()
    return {
        "AWS_CA_BUNDLE": str(authority),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_INDEX": "1",
        "REQUESTS_CA_BUNDLE": str(authority),
        "SSL_CERT_FILE": str(authority),
    }


def roll_back(folder: Folder, who: Identity, printed: str) -> None:
    """Run the command that `make deploy` prints, and answer its question."""
    found = re.search(r"^  (\S*?)openl2m-stats (versions rollback .+)$", printed, re.MULTILINE)
    assert found, printed
    assert found[1] in {"", ".venv/bin/"}
    words = found[2].split()
    assert words[2:4] == ["--env", ENVIRONMENT]
    folder.command(who, *words[:2], *words[4:], text="y\n")

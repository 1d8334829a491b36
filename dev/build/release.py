"""`make release`: what an operator downloads, in dist/, the same bytes wherever and whenever it is built.

The archive has the built functions, their layer, a template that names both, and the documents. The wheel is the
command, and the constraints are the versions of its dependencies that it was tested with. Archive and wheel each have a
list of their contents (CycloneDX), and SHA256SUMS has the hashes of all of these.

SOURCE_DATE_EPOCH dates what is in them. Without it, that is the time of the commit, and 1980 where there is no commit.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from dev.build import changelog
from dev.build.release_files import contents, relinked
from dev.build.release_zip import write_zip
from dev.build.sbom import SbomError, pins, sbom
from dev.build.source_date import source_date_epoch
from stats import __version__

_ROOT = Path(__file__).parents[2]
_DIST = _ROOT / "dist"
_BUNDLE = _ROOT / "layers/dependencies/rds-global-bundle.pem"
_LAYER_LOCK, _COMMAND_LOCK = _ROOT / "layers/dependencies/requirements.txt", _ROOT / "requirements/run.txt"


class ReleaseError(Exception):
    """There can be no release; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 when nothing was made."""
    parser = argparse.ArgumentParser(prog="make release", allow_abbrev=False)
    parser.add_argument("--tag", help="the tag that the release is for, vX.Y.Z: it must agree with the code")
    parser.add_argument("--output", type=Path, default=_DIST, help="a new folder instead of dist/, which is emptied")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.tag:
            _check_tag(parsed.tag)
        _make(parsed.output.absolute())
    except (ReleaseError, SbomError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(error.stderr or error, file=sys.stderr)
        return 2
    return 0


def _check_tag(tag: str) -> None:
    if tag != f"v{__version__}":
        raise ReleaseError(f"The tag is {tag}, and functions/stats/__init__.py says {__version__}.")
    if __version__ not in changelog.sections():
        raise ReleaseError(f"CHANGELOG.md has no section `## {__version__} – YYYY-MM-DD`.")


def _make(output: Path) -> None:
    if output != _DIST and output.exists() and any(output.iterdir()):
        raise ReleaseError(f"{output} is not empty: --output takes a new folder.")
    epoch = source_date_epoch(_ROOT)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
        functions, layer = Path(directory, "functions"), Path(directory, "layer")
        _run_make("functions", "build-StatsFunction", functions)
        _run_make("layers/dependencies", "build-DependenciesLayer", layer)
        archive = output / f"openl2m-stats-{__version__}.zip"
        write_zip(archive, archive.stem, contents(functions, layer), epoch)
    wheel = _wheel(output, epoch)
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    lists = (
        (archive, _LAYER_LOCK, _required(_LAYER_LOCK.with_suffix(".in")), [_BUNDLE]),
        (wheel, _COMMAND_LOCK, [Requirement(each).name for each in project["dependencies"]], [_BUNDLE]),
    )
    for artifact, lock, roots, files in lists:
        text = sbom(artifact, version=__version__, lock=lock, roots=roots, files=files, epoch=epoch)
        artifact.with_name(f"{artifact.name}.cdx.json").write_text(text)
    constraints = output / f"{wheel.name.partition('-py3')[0]}-constraints.txt"
    constraints.write_text(pins(wheel.with_name(f"{wheel.name}.cdx.json").read_text()))
    # Beside a release, relative links would lead nowhere.
    (output / "notes.md").write_text(relinked(changelog.notes(__version__), "", set()) + "\n")
    _write_sums(output, [constraints, *(path for artifact, *_ in lists for path in _with_list(artifact))])


def _run_make(folder: str, target: str, artifacts: Path) -> None:
    """Build what `sam build` builds, by the same target, with this Python."""
    artifacts.mkdir()
    variables = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ARTIFACTS_DIR": str(artifacts),
        "PYTHONPATH": "",
    }
    command = ["make", "--no-print-directory", "--silent", "-C", folder, target]
    subprocess.run(command, cwd=_ROOT, env={**os.environ, **variables}, check=True)


def _wheel(output: Path, epoch: int) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(output)]
    subprocess.run(command, cwd=_ROOT, env=environment, check=True, capture_output=True, text=True)
    [wheel] = output.glob("*.whl")
    return wheel


def _required(path: Path) -> list[str]:
    """Return what a list of requirements names, boto3 aside, which Lambda's runtime brings."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [name for name in (Requirement(line).name for line in lines) if name != "boto3"]


def _with_list(artifact: Path) -> Iterator[Path]:
    yield artifact
    yield artifact.with_name(f"{artifact.name}.cdx.json")


def _write_sums(output: Path, paths: Sequence[Path]) -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(paths)]
    (output / "SHA256SUMS").write_text("".join(lines))
    for path, line in zip(sorted(paths), lines, strict=True):
        print(f"{path.stat().st_size:>12,} bytes  {line}", end="")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

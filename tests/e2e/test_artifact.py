"""What is in the built artifact, and what happens to it on its way to Lambda."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.build import artifact
from dev.build.artifact import BUILD
from dev.build.sandbox import Package
from tests.e2e.conftest import SAM, Sandbox
from tests.support.databases import ROOT

# What starts the function up to its first answer needs no network: there is no token in this event.
EVENT = {"version": "2.0", "rawPath": "/nothing", "requestContext": {"http": {"method": "GET"}}}
# Nothing listens there: what the start asks for is refused at once.
VARIABLES = {"DATABASE_SECRET_ID": "none", "TOKENS_SECRET_ID": "none", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
_ZIP = "import sys; from samcli.lib.package.utils import make_zip_with_lambda_permissions as zip; zip(*sys.argv[1:])"


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def unpack(package: Path, directory: Path) -> Path:
    """Unpack as Lambda does: a file is as old as its package says."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            path = Path(archive.extract(entry, directory))
            os.utime(path, (315532800, 315532800))
    return directory


@pytest.fixture
def deployed(tmp_path: Path) -> Package:
    """The function and its layer after SAM has packed them."""
    directories = []
    for name in ("StatsFunction", "DependenciesLayer"):
        subprocess.run([SAM / "python", "-c", _ZIP, tmp_path / name, BUILD / name], check=True)
        directories.append(unpack(tmp_path / f"{name}.zip", tmp_path / "deployed" / name))
    return Package(*directories)


def test_function_is_the_package_and_its_bytecode() -> None:
    sources = {str(path.relative_to(ROOT / "functions")) for path in (ROOT / "functions/stats").rglob("*.py")}
    web = "stats/endpoints/web"
    page = {f"{web}/{path.name}" for path in (ROOT / "functions" / web).iterdir()}
    bytecode = {f"{Path(name).parent}/__pycache__/{Path(name).stem}.cpython-313.pyc" for name in sources}
    assert files(BUILD / "StatsFunction").keys() == sources | bytecode | page
    assert files(BUILD / "SnapshotFunction") == files(BUILD / "StatsFunction")


def test_layer_is_pure_python_for_both_architectures_and_the_certificates() -> None:
    names = set(files(BUILD / "DependenciesLayer"))
    assert not [name for name in names if name.endswith(".so")]
    assert {name.split("/")[0] for name in names} == {"python"}
    tops = {name.split("/")[1] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {
        *("__pycache__", "asn1crypto", "aws_lambda_powertools", "dateutil", "jmespath", "pg8000", "prometheus_client"),
        *("pymysql", "rds-global-bundle.pem", "scramp", "six.py", "typing_extensions.py", "tzdata"),
    }


def test_sizes() -> None:
    assert artifact.main() == 0


def test_nothing_names_the_machine_that_built_it() -> None:
    for name in ("StatsFunction", "DependenciesLayer"):
        assert not [path for path, content in files(BUILD / name).items() if str(ROOT).encode() in content]


def test_another_build_elsewhere_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("functions", "infra", "layers", "samconfig.toml"):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, tmp_path)
    interpreter = (ROOT / ".venv-runtime/bin/python").resolve().parent  # another place for it, too
    search = f"{interpreter}:{SAM}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": search, "PYTHONHASHSEED": "7", "SAM_CLI_TELEMETRY": "0"}
    subprocess.run([SAM / "sam", "build"], cwd=tmp_path, env=environment, umask=0o077, check=True, capture_output=True)
    for name in ("StatsFunction", "DependenciesLayer"):
        assert files(tmp_path / ".aws-sam/build" / name) == files(BUILD / name)


def test_importing_compiles_nothing_and_takes_nothing_from_elsewhere(
    deployed: Package, start: Callable[..., Sandbox]
) -> None:
    before = files(deployed.function) | files(deployed.layer)
    sandbox = start(deployed, PYTHONVERBOSE="1", **VARIABLES)

    assert sandbox.invoke(EVENT).status == 404

    ours = [path for path in sandbox.loaded if path.is_relative_to(deployed.function.parent)]
    assert deployed.function / "stats/__pycache__/api.cpython-313.pyc" in ours
    assert deployed.layer / "python/aws_lambda_powertools/__pycache__/__init__.cpython-313.pyc" in ours
    assert {path.suffix for path in ours} == {".pyc"}
    assert files(deployed.function) | files(deployed.layer) == before

    runtime = [ROOT / ".venv-runtime", *map(Path, python313_libraries())]
    foreign = [path for path in sandbox.loaded if path not in ours and not any(map(path.is_relative_to, runtime))]
    assert not foreign


def python313_libraries() -> list[str]:
    command = "import sysconfig; print(sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'))"
    python = ROOT / ".venv-runtime/bin/python"
    return subprocess.run([python, "-c", command], capture_output=True, text=True, check=True).stdout.split()


def test_the_page_is_served_from_the_artifact(deployed: Package, start: Callable[..., Sandbox]) -> None:
    answer = start(deployed, **VARIABLES).invoke(EVENT | {"rawPath": "/"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith("<!doctype html>")


def test_bytecode_that_is_checked_by_date_would_be_void(deployed: Package, start: Callable[..., Sandbox]) -> None:
    """Without this, the test above could pass whatever the build did."""
    subprocess.run([SAM / "python3.13", "-m", "compileall", "-q", "-f", deployed.function], check=True)
    for path in deployed.function.rglob("*.py"):
        os.utime(path, (315532801, 315532801))
    sandbox = start(deployed, PYTHONVERBOSE="1", PYTHONDONTWRITEBYTECODE="1", **VARIABLES)

    assert sandbox.invoke(EVENT).status == 404

    assert deployed.function / "stats/api.py" in sandbox.loaded

"""What `make release` has put into dist/, as whoever downloads it sees it, beside a second build."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from dev.build import changelog
from stats import __version__
from tests.deployment.operator_folder import checkout
from tests.support.documents import anchors, links
from tests.support.stack import ROOT

DIST, PYTHON = ROOT / "dist", ROOT / ".venv-release/bin/python"
ARCHIVE, WHEEL = f"openl2m-stats-{__version__}.zip", f"openl2m_stats-{__version__}-py3-none-any.whl"
CONSTRAINTS = f"openl2m_stats-{__version__}-constraints.txt"
FILES = {CONSTRAINTS, *(each for name in (ARCHIVE, WHEEL) for each in (name, f"{name}.cdx.json"))}
TOP = f"openl2m-stats-{__version__}"
LOCKS = {ARCHIVE: "layers/dependencies/requirements.txt", WHEEL: "requirements/run.txt"}
VALIDATE = (
    "import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import JsonStrictValidator;"
    "problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read());"
    "sys.exit(str(problem) if problem else 0)"
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(DIST / ARCHIVE) as archive:
        archive.extractall(directory)
    return directory / TOP


def release(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [PYTHON, "-m", "dev.build.release", *arguments]
    environment = {**os.environ, "PYTHONPATH": "functions", **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_another_build_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    """In another folder, by another user with another umask, in another time zone, on another day, and without git."""
    wheels, home = tmp_path / "wheels", tmp_path / "home"
    home.mkdir()
    pip: list[str | Path] = [PYTHON, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    pip += ["--only-binary=:all:", f"--dest={wheels}", "-r", ROOT / LOCKS[ARCHIVE]]
    subprocess.run(pip, check=True)
    folder = checkout(tmp_path / "a folder of another name", {}).path
    (folder / ".venv-release").symlink_to(ROOT / ".venv-release")
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() or os.access(path, os.X_OK) else 0o600)
    commit = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_", "XDG_"))},
        "HOME": str(home),
        "LANG": "tr_TR.UTF-8",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_INDEX": "1",
        "PYTHONHASHSEED": "1234",
        "SOURCE_DATE_EPOCH": commit,
        "TZ": "Pacific/Kiritimati",
        "USER": "somebody",
    }
    another = ["unshare", "--user", "--map-user=4242", "--map-group=4242"]
    if subprocess.run([*another, "true"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI"), "a build by another user cannot be tried here"
        another = []
    command = [*another, "faketime", "-f", "+400d", "make", "release", "PYTHON=false"]
    built = subprocess.run(
        command, cwd=folder, env=environment, umask=0o077, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    for name in sorted(FILES | {"SHA256SUMS", "notes.md"}):
        assert (folder / "dist" / name).read_bytes() == (DIST / name).read_bytes(), name


def test_sums_are_of_every_file() -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=DIST, capture_output=True, text=True, check=True
    )
    assert {line.removesuffix(": OK") for line in checked.stdout.splitlines()} == FILES
    assert {path.name for path in DIST.iterdir()} == FILES | {"SHA256SUMS", "notes.md"}


def test_the_notes_are_the_changelogs_without_links_that_lead_nowhere() -> None:
    notes = (DIST / "notes.md").read_text()
    assert not [link for link in links(notes) if "://" not in link]
    for line in changelog.notes(__version__).splitlines():
        assert "](" in line or line in notes
    assert "### Added" in notes


def test_the_archive_has_what_an_operator_needs(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {
        *("functions", "layer", "template.yaml", "deploy.example.toml"),
        *("dashboards", "docs", "infra"),
        *("CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md"),
    }
    for name in ("api", "schedule"):
        assert (unpacked / f"functions/stats/{name}.py").is_file()
        assert (unpacked / f"functions/stats/__pycache__/{name}.cpython-313.pyc").is_file()
    assert (unpacked / "layer/python/rds-global-bundle.pem").is_file()
    scripts = {path.name for path in (ROOT / "infra/database").glob("*.sql")}
    assert {path.name for path in (unpacked / "infra/database").iterdir()} == scripts
    for path in unpacked.rglob("*"):
        assert not path.is_file() or str(ROOT).encode() not in path.read_bytes(), path


def test_the_template_names_what_is_beside_it(unpacked: Path) -> None:
    text = (unpacked / "template.yaml").read_text()
    folders = re.findall(r"(?m)^ +(?:CodeUri|ContentUri): (.+)$", text)
    assert sorted(folders) == ["functions/", "functions/", "layer/"]
    assert "BuildMethod" not in text
    assert len(text.splitlines()) == len((ROOT / "infra/template.yaml").read_text().splitlines()) - 4


def test_links_in_its_documents_lead_somewhere(unpacked: Path) -> None:
    found = 0
    for document in unpacked.rglob("*.md"):
        if "layer" in document.relative_to(unpacked).parts:
            continue
        for link in links(document.read_text()):
            name, _, anchor = link.partition("#")
            if "://" in link:
                continue
            target = document.parent / name if name else document
            assert target.exists(), f"{document}: {link}"
            assert not anchor or anchor in anchors(target.read_text()), f"{document}: {link}"
            found += 1
    assert found > 100


@pytest.mark.parametrize("name", [ARCHIVE, WHEEL])
def test_the_list_of_contents_has_what_is_locked(name: str, unpacked: Path) -> None:
    listed = json.loads((DIST / f"{name}.cdx.json").read_text())
    packages = {each["name"]: each["version"] for each in listed["components"] if each["type"] == "library"}
    locked = dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ;]+)", (ROOT / LOCKS[name]).read_text()))
    if name == ARCHIVE:
        infos = (unpacked / "layer/python").glob("*.dist-info")
        installed = dict(path.name.removesuffix(".dist-info").split("-") for path in infos)
        assert packages == locked == {key.lower().replace("_", "-"): value for key, value in installed.items()}
    else:
        assert packages.items() <= locked.items()
        assert {"boto3", "click", "urllib3"} <= set(packages)
        assert not {"moto", "uvicorn"} & set(packages)
        pins = dict(line.split("==") for line in (DIST / CONSTRAINTS).read_text().splitlines())
        assert pins == packages
    whole = listed["metadata"]["component"]
    sums = dict(line.split()[::-1] for line in (DIST / "SHA256SUMS").read_text().splitlines())
    assert whole["hashes"] == [{"alg": "SHA-256", "content": sums[name]}]
    for each in listed["components"]:
        assert each["type"] == "data" or (each["licenses"] and each["purl"] and each["externalReferences"])
    references = {each["bom-ref"] for each in listed["components"]}
    assert references <= {each for entry in listed["dependencies"] for each in entry.get("dependsOn", [])}


@pytest.mark.parametrize("name", [ARCHIVE, WHEEL])
def test_the_list_of_contents_matches_the_published_schema(name: str) -> None:
    text = (DIST / f"{name}.cdx.json").read_text()
    for content, code in ((text, 0), (text.replace('"type": "library"', '"type": "lib"'), 1)):
        checked = subprocess.run([PYTHON, "-c", VALIDATE], input=content, capture_output=True, text=True, check=False)
        assert checked.returncode == code, checked.stderr


def test_a_tag_must_agree_with_the_version(tmp_path: Path) -> None:
    done = release("--tag", "v0.0.1", "--output", str(tmp_path / "dist"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"The tag is v0.0.1, and functions/stats/__init__.py says {__version__}.\n"
    assert not (tmp_path / "dist").exists()


def test_a_folder_of_something_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = release("--output", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path} is not empty: --output takes a new folder.\n"
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_locked_version_that_is_not_installed_is_noticed(tmp_path: Path) -> None:
    """Otherwise the list would quote the licence and the needs of another release."""
    lock = tmp_path / "requirements.txt"
    lock.write_text((ROOT / LOCKS[ARCHIVE]).read_text().replace("tzdata==", "tzdata==1."))
    program = (
        "import sys; from pathlib import Path; from dev.build.sbom import sbom;"
        "sbom(Path(sys.argv[1]), version='1', lock=Path(sys.argv[1]), roots=['tzdata'], files=[], epoch=0)"
    )
    done = subprocess.run([PYTHON, "-c", program, lock], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "SbomError: tzdata is locked at 1." in done.stderr

"""What `make build` and `make test-debian` check before they begin."""

import calendar
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from dev.build.check_rds_ca import main, problems, without_expired

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "layers/dependencies/rds-global-bundle.pem"
NOW = calendar.timegm((2026, 11, 23, 0, 0, 0))


def certificate(
    name: str = "test", *, authority: bool = True, expires: datetime = datetime(2040, 1, 1, tzinfo=UTC)
) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(expires - timedelta(days=365)).not_valid_after(expires)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def proxys() -> str:
    """Return certificates of the names that RDS Proxy needs."""
    return "".join(certificate(f"Amazon Root CA {number}") for number in range(1, 5))


def test_committed_bundle_is_good() -> None:
    bundle = BUNDLE.read_text()
    assert bundle.count("BEGIN CERTIFICATE") == 92
    assert problems(bundle, NOW) == []


def test_expired_certificates_are_named() -> None:
    bundle = certificate() + certificate(expires=datetime(2026, 11, 22, tzinfo=UTC)) + proxys()
    assert problems(bundle, NOW) == ["certificate 2 expired on Nov 22 00:00:00 2026 GMT"]


def test_certificates_of_servers_are_refused() -> None:
    assert problems(certificate(authority=False) + proxys(), NOW) == ["certificate 1 is not an authority's"]


def test_damaged_certificates_are_refused() -> None:
    lines = certificate().splitlines(keepends=True)
    [problem] = problems("".join([lines[0], "AAAA\n", *lines[2:]]) + proxys(), NOW)
    assert problem.startswith("certificate 1 cannot be read: ")


def test_authorities_of_rds_proxy_are_needed() -> None:
    expired = certificate("Amazon Root CA 2", expires=datetime(2026, 11, 22, tzinfo=UTC))
    bundle = certificate("Amazon Root CA 1") + expired + certificate("Amazon Root CA 4")
    assert problems(bundle, NOW) == [
        "certificate 2 expired on Nov 22 00:00:00 2026 GMT",
        "Amazon Root CA 2 is missing, which RDS Proxy needs",
        "Amazon Root CA 3 is missing, which RDS Proxy needs",
    ]


def test_expired_certificates_are_left_out_of_a_new_bundle() -> None:
    good, expired = certificate(), certificate(expires=datetime(2026, 11, 22, tzinfo=UTC))
    assert without_expired(good + expired + good, NOW) == good + good


@pytest.mark.parametrize("text", ["", "<html>Access Denied</html>", "-----BEGIN CERTIFICATE-----\nMIIB"])
def test_what_is_no_bundle_is_refused(text: str) -> None:
    assert problems(text, NOW) == ["it is not a bundle of certificates in PEM form"]


def test_bad_bundle_stops_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.pem"
    path.write_text("nothing")
    assert main([str(path)]) == 1
    assert "make update-rds-ca" in capsys.readouterr().err
    path.write_text(proxys())
    assert main([str(path)]) == 0


def test_bundle_is_put_together_from_what_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rds, amazon, bundle = tmp_path / "rds.pem", tmp_path / "amazon.pem", tmp_path / "bundle.pem"
    rds.write_text(certificate() + certificate(expires=datetime(2020, 1, 1, tzinfo=UTC)))
    amazon.write_text(proxys())
    assert main([str(bundle), str(rds), str(amazon)]) == 0
    assert bundle.read_text().count("BEGIN CERTIFICATE") == 5
    assert main([str(bundle), str(rds)]) == 1
    assert "Amazon Root CA 1 is missing" in capsys.readouterr().err
    assert main([str(bundle), str(rds), str(tmp_path / "none.pem")]) == 1


class Machine:
    """A machine whose account has a home, with or without interpreters."""

    def __init__(self, directory: Path) -> None:
        self.bin, self.home = directory / "bin", directory / "home"
        for folder in (self.bin, self.home):
            folder.mkdir()
        self.put(self.bin / "getent", f"echo account:x:0:0::{self.home}:/bin/sh")
        for name in ("sh", "cut", "id", "tr"):
            (self.bin / name).symlink_to(Path("/usr/bin", name))

    def put(self, path: Path, script: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def python(self, path: Path, version: str = "3.13") -> Path:
        """Put an interpreter there that says it is of a version."""
        version_info = tuple(map(int, version.split(".")))
        return self.put(path, f'exec {sys.executable} -c "import sys; sys.version_info = {version_info}\n$2"')

    def find(self, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": "/nonexistent", **variables}
        command = [ROOT / "dev/build/find_python.sh"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_python_is_what_the_variable_names(machine: Machine) -> None:
    named = machine.python(machine.home / "own/python")
    machine.python(machine.bin / "python3.13")
    assert machine.find(PYTHON313=str(named)).stdout == f"{named}\n"


def test_variable_that_names_another_version_is_an_error(machine: Machine) -> None:
    named = machine.python(machine.home / "own/python", "3.12")
    machine.python(machine.bin / "python3.13")
    found = machine.find(PYTHON313=str(named))
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == f"PYTHON313={named} is no CPython 3.13 with venv\n"


@pytest.mark.parametrize(
    "place", [".pyenv/versions/3.13.7/bin/python3.13", ".local/share/uv/python/cpython-3.13.9-linux/bin/python3.13"]
)
def test_python_is_found_in_the_accounts_home_wherever_home_points(machine: Machine, place: str) -> None:
    machine.put(machine.bin / "python3.13", "echo pyenv: python3.13: command not found >&2; exit 127")
    machine.python(machine.bin / "python3", "3.11")
    machine.python(machine.home / place)
    found = machine.find()
    assert (found.returncode, found.stdout) == (0, f"{sys.executable}\n")


def test_no_python_is_one_clear_line(machine: Machine) -> None:
    machine.python(machine.bin / "python3", "3.11")
    found = machine.find()
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.count("\n") == 1
    assert "PYTHON313=" in found.stderr
    assert os.environ["PATH"] not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "user", "words"),
    [
        ([""], 0, "name a release: make test-debian RELEASE=trixie"),
        (["trixie"], 1000, "it needs root"),
        (["trixie"], 0, "debootstrap is missing: apt-get install debootstrap"),
    ],
)
def test_what_a_debian_needs_is_told_in_one_line(arguments: list[str], user: int, words: str, machine: Machine) -> None:
    (machine.bin / "id").unlink()
    machine.put(machine.bin / "id", f"echo {user}")
    command = [str(ROOT / "dev/debian"), *arguments]
    finished = subprocess.run(command, env={"PATH": str(machine.bin)}, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith(f"dev/debian: {words}")
    assert finished.stderr.count("\n") == 1

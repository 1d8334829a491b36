"""One emulated AWS, one database, and the people who work with both, for all the steps."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.servers.databases import Database, server_database
from dev.servers.programs import ServerError
from openl2m_stats.local.demo import ROWS, insert_inventory
from openl2m_stats.local.openl2m_schema import DIALECTS
from tests.deployment import dns, namespaces
from tests.deployment.aws import ACCOUNT, Aws, Identity, allow, deploy_policies, emulated
from tests.deployment.operator_folder import Folder, checkout, first_release, shell
from tests.deployment.stack import Stack
from tests.support.certificates import Authority, new_authority, new_certificate
from tests.support.permissions import documented
from tests.support.stack import ROOT
from tests.support.tls_servers import postgresql_with_tls

DATABASE_HOST = "openl2m.abcdefghijkl.us-east-1.rds.amazonaws.com"
# Where the layer would be. The emulator puts it elsewhere, and the database's authority is ours.
LAYER_BUNDLE = Path("/opt/python/rds-global-bundle.pem")
# What the rights for operating are given on.
OPERATED = {
    "cloudformation": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/openl2m-stats/*",
    "cloudwatch": "*",
    "lambda": "arn:aws:lambda:*:*:function:openl2m-stats-*",
    "s3": "arn:aws:s3:::openl2m-stats-*",
    "sqs": "arn:aws:sqs:*:*:openl2m-stats-SnapshotFailures-*",
}
CHANGES = 7  # of one switch and one user, just now


@pytest.fixture(scope="session")
def authority() -> Authority:
    return new_authority()


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-deployment-") as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def wheels(directory: Path) -> Path:
    """The layer's packages, since the registry is out of reach once the network is our own."""
    wheels = directory / "wheels"
    pip: list[str | Path] = [
        ROOT / ".venv-sam/bin/python",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
    ]
    locked = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", "layers/dependencies/requirements.txt"]
    subprocess.run([*pip, *locked, f"--dest={wheels}"], cwd=ROOT, check=True)
    return wheels


@pytest.fixture(scope="session")
def programs(directory: Path) -> Path:
    """A PATH with what docs/deploy.md has an operator install, and without make, git and compilers.

    The command is installed from the release's wheel, with the versions of its dependencies that the release names.
    """
    programs, command = directory / "programs", directory / "command"
    programs.mkdir()
    [wheel] = (ROOT / "dist").glob("*.whl")
    [constraints] = (ROOT / "dist").glob("*-constraints.txt")
    venv.create(command)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", command, "--disable-pip-version-check"]
    pip += ["install", "--quiet", "--constraint", constraints, wheel]
    subprocess.run(pip, check=True)
    for program in (".venv-sam/bin/sam", ".venv-emulated/bin/aws", command / "bin/openl2m-stats"):
        (programs / Path(program).name).symlink_to(ROOT / program)
    return programs


@pytest.fixture(scope="session")
def isolated(wheels: Path, programs: Path, directory: Path, authority: Authority) -> Iterator[Path]:
    """Enter namespaces in which AWS's names lead to this machine; return the authority that signs for them."""
    resolver, trusted = directory / "resolv.conf", directory / "authority.pem"
    resolver.write_text("nameserver 127.0.0.1\n")
    trusted.write_bytes(authority.pem)
    try:
        namespaces.check()
        namespaces.enter(resolver)
    except namespaces.NoNamespacesError as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"nothing can be deployed here: {reason}")
    LAYER_BUNDLE.parent.mkdir()
    LAYER_BUNDLE.write_bytes((ROOT / "layers/dependencies/rds-global-bundle.pem").read_bytes() + authority.pem)
    with pytest.MonkeyPatch.context() as patch, dns.served():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            patch.setenv(name, str(trusted))
        yield trusted


@pytest.fixture(scope="session")
def aws(isolated: Path, directory: Path, authority: Authority) -> Iterator[Aws]:
    with emulated(directory, authority) as running:
        yield running


@pytest.fixture(scope="session")
def database(isolated: Path, authority: Authority) -> Iterator[Database]:
    """OpenL2M's database, as RDS would have it: PostgreSQL with TLS, under RDS' kind of name."""
    try:
        servers = contextlib.ExitStack()
        server = servers.enter_context(postgresql_with_tls())
    except ServerError as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"nothing can be deployed here: {reason}")
    with servers, server_database(server.server, "a-Passw0rd-of-its-own") as database:
        server.present(new_certificate(authority, DATABASE_HOST, days=90))
        with contextlib.closing(database.connect()) as connection:
            insert_inventory(connection, DIALECTS[database.dialect], ROWS)
        change = {"timestamp": datetime.now(UTC), "type": 1, "action": 1, "switch_id": 1, "user_id": 1}
        database.insert("switches_log", [change] * CHANGES)
        yield database


@pytest.fixture(scope="session")
def database_secret(aws: Aws, database: Database) -> str:
    """The ARN of the secret that docs/deploy.md has the operator create."""
    text = json.dumps(database.secret(host=DATABASE_HOST))
    client = aws.root.client("secretsmanager")
    arn: str = client.create_secret(Name="openl2m-stats-database", SecretString=text)["ARN"]
    return arn


@pytest.fixture(scope="session")
def variables(isolated: Path, directory: Path, wheels: Path) -> dict[str, str]:
    """The variables of an operator's shell, credentials aside."""
    return shell(directory, isolated, wheels)


@pytest.fixture(scope="session")
def parameters(database_secret: str) -> dict[str, str]:
    """What deploy.toml says; the emulator runs functions on this machine's processor."""
    return {"DatabaseSecretArn": database_secret, "TimeZone": "America/Los_Angeles", "Architecture": "x86_64"}


@pytest.fixture(scope="session")
def now(directory: Path, variables: dict[str, str], parameters: dict[str, str]) -> Folder:
    """The working tree, configured for deployment."""
    folder = checkout(directory / "now", variables)
    folder.configure(**parameters)
    return folder


@pytest.fixture(scope="session")
def before(directory: Path, variables: dict[str, str], parameters: dict[str, str]) -> Folder:
    """The first release, configured in the same way."""
    folder = checkout(directory / "before", variables, first_release())
    folder.configure(**parameters)
    return folder


@pytest.fixture(scope="session")
def downloaded(directory: Path, variables: dict[str, str], parameters: dict[str, str], programs: Path) -> Folder:
    """The release's archive, unpacked and configured, on a machine that has little else."""
    [archive] = (ROOT / "dist").glob("*.zip")
    shutil.unpack_archive(archive, directory / "downloaded")
    folder = Folder(directory / "downloaded" / archive.stem, {**variables, "PATH": str(programs)})
    folder.configure(**parameters)
    return folder


@pytest.fixture(scope="session")
def stack(aws: Aws) -> Stack:
    return Stack(aws.root)


@pytest.fixture(scope="session")
def deployer(aws: Aws) -> Identity:
    """Someone who may deploy, and nothing else."""
    return aws.user("deployer", *deploy_policies())


@pytest.fixture(scope="session")
def operator(aws: Aws) -> Identity:
    """Someone with the rights that docs/permissions.md lists for tokens, for the doctor and for operating."""
    stack_arn = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/openl2m-stats/*"
    operating = set().union(*documented().values()) - {"lambda:UpdateAlias", "lambda:DeleteFunction"}
    tokens = "secretsmanager:GetSecretValue secretsmanager:DescribeSecret secretsmanager:PutSecretValue"
    return aws.user(
        "operator",
        allow(
            ("cloudformation:DescribeStacks cloudformation:DescribeStackResource", stack_arn),
            (f"{tokens} secretsmanager:UpdateSecretVersionStage", "arn:aws:secretsmanager:*:*:secret:TokenSecret-*"),
            (
                "secretsmanager:GetSecretValue secretsmanager:DescribeSecret",
                "arn:aws:secretsmanager:*:*:secret:openl2m-stats-database-*",
            ),
            ("lambda:GetFunctionConfiguration", "arn:aws:lambda:*:*:function:openl2m-stats-*"),
            ("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:openl2m-stats-*:live"),
            ("s3:GetObject s3:ListBucket", "arn:aws:s3:::openl2m-stats-*"),
            *((action, OPERATED[action.partition(":")[0]]) for action in sorted(operating)),
        ),
    )

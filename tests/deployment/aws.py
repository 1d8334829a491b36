"""The emulated AWS: its certificates, its process, and the identities that people have in it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import requests

from tests.support.certificates import Authority, new_certificate
from tests.support.stack import ROOT

ACCOUNT, REGION = "111122223333", "us-east-1"
PYTHON = ROOT / ".venv-emulated/bin/python"
HOSTS = (
    "*.amazonaws.com",
    f"*.{REGION}.amazonaws.com",
    f"*.execute-api.{REGION}.amazonaws.com",
    f"*.s3.{REGION}.amazonaws.com",
    "*.s3.amazonaws.com",
)
_ROOT_KEY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_START_SECONDS = 60


def deploy_policies(folder: Path = ROOT) -> list[str]:
    """Return a version's policies for deploying with this account's number in them, as docs/permissions.md says.

    The first is enough for the defaults.
    """
    files = sorted((folder / "infra").glob("deploy-policy*.json"), key=lambda path: len(path.name))
    return [path.read_text().replace("123456789012", ACCOUNT) for path in files]


@dataclass(frozen=True)
class Identity:
    """Someone with an access key. `environment` is what the AWS variables of a shell would be."""

    name: str
    environment: Mapping[str, str] = field(repr=False)

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        key, secret = self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
        session: Any = boto3.Session(key, secret, region_name=REGION)
        return session.client(service)


@dataclass(frozen=True)
class Aws:
    """A running emulator, and the account's root."""

    process: subprocess.Popen[bytes]
    root: Identity
    log: Path

    def user(self, name: str, *policies: str) -> Identity:
        """Create a user with an access key, who may do what policy documents say."""
        iam = self.root.client("iam")
        iam.create_user(UserName=name)
        for number, policy in enumerate(policies):
            made = iam.create_policy(PolicyName=f"policy-{number}-of-{name}", PolicyDocument=policy)
            iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        environment = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return Identity(name, environment)

    def end_environments(self, function: str) -> int:
        """End a function's execution environments, as Lambda does when it likes; return how many there were."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        ids = {int(each) for listed in children for each in listed.read_text().split()}
        ended = [each for each in ids if f"ministack-lambda-{function}-".encode() in _command_line(each)]
        for each in ended:
            os.kill(each, signal.SIGKILL)
        return len(ended)


def _command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def allow(*statements: tuple[str, str]) -> str:
    """Return a policy document that allows actions, separated by spaces, on an ARN, for each pair."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": actions.split(), "Resource": resource} for actions, resource in statements
            ],
        }
    )


@contextlib.contextmanager
def emulated(directory: Path, authority: Authority) -> Iterator[Aws]:
    """Serve AWS at its own names, in the namespaces of this process."""
    certificate, key = new_certificate(authority, *HOSTS)
    files = {"MINISTACK_SSL_CERT": directory / "aws.pem", "MINISTACK_SSL_KEY": directory / "aws-key.pem"}
    for path, content in zip(files.values(), (certificate, key), strict=True):
        path.write_bytes(content)
    temporary = directory / "emulator"
    temporary.mkdir()
    environment = {
        **os.environ,
        **_ROOT_KEY,
        **{name: str(path) for name, path in files.items()},
        "AUTH": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",  # its functions call AWS by name, as Lambda's do
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": "8443",  # with TLS it serves 443 as well, and fails if that is named here
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_HOST": f"{REGION}.amazonaws.com",
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(temporary),
        "USE_SSL": "1",
    }
    log = directory / "emulator.log"
    with log.open("wb") as output:
        command = [str(PYTHON), "-W", "ignore", "-m", "tests.deployment.emulator"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait(process, log)
        yield Aws(process, Identity("root", _ROOT_KEY), log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with the execution environments; in order it takes half a minute
        process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"https://sts.{REGION}.amazonaws.com/_ministack/health", timeout=5).ok:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)

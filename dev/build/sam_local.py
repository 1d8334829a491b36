"""`make sam-local`: the built function in a container, by `sam local start-api`, over the demo database.

It serves a copy of the build: the demo database lies beside the code, since a container sees no other file,
and the copy's template names the endpoint of moto, which stands in for Secrets Manager.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import boto3
import yaml

from dev.build.artifact import BUILD
from openl2m_stats.local import aws as local_aws
from openl2m_stats.local import demo

_COPY = BUILD.parent / "local"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}


def _bridge() -> str:
    """Return this machine's address on Docker's network, which only containers reach. Raise OSError."""
    inspect = ["docker", "network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"]
    try:
        config = json.loads(subprocess.run(inspect, capture_output=True, text=True, check=True).stdout)[0]
    except (subprocess.CalledProcessError, FileNotFoundError):
        raise OSError("Docker is needed, and does not run.") from None
    return str(config.get("Gateway") or ip_network(config["Subnet"])[1])


@contextlib.contextmanager
def _serving_moto() -> Iterator[str]:
    """Serve moto with the demo's secrets where containers reach it; yield its URL as they see it. Raise OSError."""
    bridge = _bridge()
    # Docker Desktop's network is inside a virtual machine: from there this machine has a name.
    host, seen_as = (bridge, bridge) if platform.system() == "Linux" else ("127.0.0.1", "host.docker.internal")
    with local_aws.moto_server(host) as port:
        client: Any = boto3.client(
            "secretsmanager",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 moto takes any
        )
        local_aws.create_secrets(client, {"engine": "sqlite", "dbname": "/var/task/openl2m.sqlite3"})
        yield f"http://{seen_as}:{port}"


def _copy_build(endpoint: str) -> None:
    shutil.rmtree(_COPY, ignore_errors=True)
    shutil.copytree(BUILD, _COPY)
    demo.create_database(_COPY / "StatsFunction/openl2m.sqlite3")
    path = _COPY / "template.yaml"
    template = yaml.safe_load(path.read_text())
    variables = template["Resources"]["StatsFunction"]["Properties"]["Environment"]["Variables"]
    variables |= {"DATABASE_SECRET_ID": local_aws.DATABASE_SECRET, "TOKENS_SECRET_ID": local_aws.TOKENS_SECRET}
    variables |= {"AWS_ENDPOINT_URL": endpoint, "SNAPSHOT_BUCKET": ""}
    path.write_text(yaml.safe_dump(template))


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    port = os.environ.get("PORT") or "8000"
    try:
        with _serving_moto() as endpoint:
            return _serve(endpoint, port, arguments)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


def _serve(endpoint: str, port: str, arguments: list[str]) -> int:
    _copy_build(endpoint)
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    command = ["sam", "local", "start-api", "--template", str(_COPY / "template.yaml"), "--port", port]
    command += ["--warm-containers", "LAZY", "--parameter-overrides", f"Architecture={architecture}", *arguments]
    print(f"curl http://127.0.0.1:{port}/api/stats/ -H 'Authorization: Token {demo.TOKEN}'", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.run(command, env={**os.environ, **_CREDENTIALS}, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

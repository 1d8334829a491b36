"""AWS on this machine: moto's server on loopback with the two secrets and a bucket, and the environment for it."""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from tools import demo
from tools.database_url import parse_database_url

_ROOT = Path(__file__).parent.parent
DATABASE_SECRET, TOKENS_SECRET = "openl2m-stats/database", "openl2m-stats/tokens"
_BUCKET = "openl2m-stats"


@contextlib.contextmanager
def local_aws(database_url: str | None) -> Iterator[None]:
    """Run the block in an environment whose Secrets Manager knows a database and the demo token, and whose S3 is empty.

    Without a URL the database is the demo. Variables that are set already stay as they are, but for AWS's own.
    Raise DatabaseURLError.
    """
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
        if database_url:
            database = parse_database_url(database_url)
        else:
            path = Path(directory, "openl2m.sqlite3")
            demo.create_database(path)
            database = {"engine": "sqlite", "dbname": str(path)}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            _set_environment(f"http://{host}:{port}")
            create_secrets(boto3.client("secretsmanager"), database)
            _create_bucket()
            yield
        finally:
            server.stop()


def _set_environment(endpoint: str) -> None:
    # Real credentials and profiles of this account must not be used, nor looked for on a network.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "DATABASE_SECRET_ID": DATABASE_SECRET,
        "TOKENS_SECRET_ID": TOKENS_SECRET,
        "SNAPSHOT_BUCKET": _BUCKET,
    }
    os.environ.setdefault("DATABASE_CA_FILE", str(_ROOT / "layers/dependencies/rds-global-bundle.pem"))
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "openl2m-stats")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")


def create_secrets(client: Any, database: dict[str, str | int]) -> None:
    """Create the two secrets: a database's login, and a registry of the demo token. `client` is Secrets Manager's."""
    tokens = [{"name": "demo", "sha256": hashlib.sha256(demo.TOKEN.encode()).hexdigest()}]
    client.create_secret(Name=DATABASE_SECRET, SecretString=json.dumps(database))
    client.create_secret(Name=TOKENS_SECRET, SecretString=json.dumps({"tokens": tokens}))


def _create_bucket() -> None:
    client: Any = boto3.client("s3")
    client.create_bucket(Bucket=_BUCKET)

"""AWS on this machine: moto's Secrets Manager with both secrets, its S3 with a bucket, and the variables for them.

DATABASE_URL contains a password. Moto's server checks no signatures, and lets every web page read its responses, so
local_aws() runs moto inside this process. The server is only for other processes, and for data that anybody may see.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from openl2m_stats.database_url import parse_database_url
from openl2m_stats.files import CA_FILE
from openl2m_stats.local import demo

DATABASE_SECRET, TOKENS_SECRET = "openl2m-stats/database", "openl2m-stats/tokens"
_BUCKET = "openl2m-stats"


@contextlib.contextmanager
def local_aws(database_url: str | None) -> Iterator[None]:
    """Run the block with a Secrets Manager that has a database and the demo token, and an S3, both in this process.

    AWS clients that are created in the block reach no real AWS. Without a URL the database is the demo, and S3 has its
    history. Existing variables stay as they are, except AWS's own. Raise DatabaseURLError.
    """
    with _database(database_url) as database:
        _set_environment()
        with mock_aws(config={"core": {"mock_credentials": False}}):
            _fill(database)
            if not database_url:
                _put_history(str(database["dbname"]))
            yield


@contextlib.contextmanager
def served_aws() -> Iterator[None]:
    """Do what local_aws() does, also for other processes: AWS_ENDPOINT_URL is a port on loopback."""
    with _database(None) as database, moto_server("127.0.0.1") as port:
        _set_environment()
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        _fill(database)
        _put_history(str(database["dbname"]))
        yield


@contextlib.contextmanager
def moto_server(host: str) -> Iterator[int]:
    """Serve moto on a free port of `host`; yield the port. Anybody who can reach it can read and change its data."""
    from moto.server import ThreadedMotoServer  # which needs more than moto does here

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(host, 0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()[1]
    finally:
        server.stop()


@contextlib.contextmanager
def _database(url: str | None) -> Iterator[dict[str, str | int]]:
    if url:
        named = parse_database_url(url)
        os.environ |= named.variables
        yield named.secret
        return
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as directory:
        path = Path(directory, "openl2m.sqlite3")
        demo.create_database(path)
        yield {"engine": "sqlite", "dbname": str(path)}


def _set_environment() -> None:
    # The user's real credentials and profiles must not be used, nor looked up on a network.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "DATABASE_SECRET_ID": DATABASE_SECRET,
        "TOKENS_SECRET_ID": TOKENS_SECRET,
        "SNAPSHOT_BUCKET": _BUCKET,
    }
    os.environ.setdefault("DATABASE_CA_FILE", str(CA_FILE))
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "openl2m-stats")
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")


def _fill(database: dict[str, str | int]) -> None:
    create_secrets(boto3.client("secretsmanager"), database)
    client: Any = boto3.client("s3")
    client.create_bucket(Bucket=_BUCKET)


def _put_history(database: str) -> None:
    # Imported after _set_environment(), because these modules read the environment.
    from openl2m_stats.local.demo_history import months, snapshots
    from stats.base.settings import SettingsError, load
    from stats.snapshots.months import line

    with contextlib.suppress(SettingsError):  # the function reports the error itself
        settings = load()
        client: Any = boto3.client("s3")
        now, zone = datetime.now(UTC), settings.time_zone
        rows = months(Path(database), now, zone)
        objects = {key: line(month) for key, month in rows.items()}
        objects |= {each.key: each.line for each in snapshots(Path(database), now, zone, rows)}
        for key, body in objects.items():
            client.put_object(Bucket=_BUCKET, Key=settings.snapshot_prefix + key, Body=body)


def create_secrets(client: Any, database: dict[str, str | int]) -> None:
    """Create the two secrets: a database's login, and a registry of the demo token. `client` is Secrets Manager's."""
    tokens = [{"name": "demo", "sha256": hashlib.sha256(demo.TOKEN.encode()).hexdigest()}]
    client.create_secret(Name=DATABASE_SECRET, SecretString=json.dumps(database))
    client.create_secret(Name=TOKENS_SECRET, SecretString=json.dumps({"tokens": tokens}))

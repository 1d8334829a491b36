"""`openl2m-stats snapshot`: one snapshot of the demo database, or of DATABASE_URL, into moto's S3."""

import os
from typing import Any

import boto3
import click

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.errors import NotAvailable
from openl2m_stats.parameters import database_url


@click.command(name="snapshot")
@database_url
def command(database_url: str | None) -> None:
    """Take one snapshot into a local S3, and print it."""
    # Only errors are worth a line besides the snapshot.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")

    from openl2m_stats.local.aws import local_aws

    try:
        with local_aws(database_url):
            _take()
    except DatabaseURLError as error:
        raise NotAvailable(str(error)) from None


def _take() -> None:
    # Imported after local_aws() has set the variables that the function reads.
    from stats.aws.bucket import StorageError
    from stats.base.settings import SettingsError
    from stats.database.driver import DatabaseError

    try:
        from stats.schedule import handler

        key = handler({}, None)["key"]
    except (DatabaseError, SettingsError, StorageError) as error:
        raise NotAvailable(f"The snapshot cannot be taken. {error}") from None
    client: Any = boto3.client("s3")
    print(key)
    print(client.get_object(Bucket=os.environ["SNAPSHOT_BUCKET"], Key=key)["Body"].read().decode(), end="")

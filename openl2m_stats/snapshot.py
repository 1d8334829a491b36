"""`make snapshot`: one snapshot of the demo database, or of DATABASE_URL, into moto's S3; prints key and content."""

import os
import sys
from typing import Any

import boto3

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.local_aws import local_aws


def main() -> int:
    """Return the exit code: 1 when there is no snapshot to be had."""
    # Only what went wrong is worth a line beside what was asked for.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    try:
        with local_aws(os.environ.get("DATABASE_URL")):
            return _take()
    except DatabaseURLError as error:
        print(error, file=sys.stderr)
        return 1


def _take() -> int:
    # Imported only now: what the function reads its settings from is set by local_aws().
    from stats.bucket import StorageError
    from stats.connection import DatabaseError
    from stats.settings import SettingsError

    try:
        from stats.schedule import handler

        key = handler({}, None)["key"]
    except (DatabaseError, SettingsError, StorageError) as error:
        print(f"The snapshot cannot be taken. {error}", file=sys.stderr)
        return 1
    client: Any = boto3.client("s3")
    print(key)
    print(client.get_object(Bucket=os.environ["SNAPSHOT_BUCKET"], Key=key)["Body"].read().decode(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

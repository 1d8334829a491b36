"""`openl2m-stats snapshot`: one snapshot of a deployed stack, or of a local database into moto's S3."""

import json
import os
from typing import Any

import boto3
import click

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.deployed.invocation import InvocationError, run_snapshot
from openl2m_stats.deployed.stack import Account, reading
from openl2m_stats.errors import NotAvailable
from openl2m_stats.parameters import WrongUsage, database_url, is_given, of_stack


@click.command(name="snapshot")
@database_url
@click.option("--json", "as_json", is_flag=True, help="Print the function's answer as JSON.")
@of_stack
def command(stack: str | None, database_url: str | None, as_json: bool) -> None:
    """Take one snapshot, and print it.

    With --env or --stack, it invokes the deployed function, which reads its own database and writes to its bucket.
    Otherwise it takes the snapshot of the demo database or of DATABASE_URL, into a local S3.
    """
    if stack is not None:
        if is_given("database_url"):
            raise WrongUsage("the stack has its database: leave out --database-url", click.get_current_context())
        _take_deployed(stack, as_json=as_json)
        return
    # Only what went wrong is worth a line beside what was asked for.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")

    from openl2m_stats.local.aws import local_aws

    try:
        with local_aws(database_url):
            _take(as_json=as_json)
    except DatabaseURLError as error:
        raise NotAvailable(str(error)) from None


def _take_deployed(stack: str, *, as_json: bool) -> None:
    with reading(stack):
        function = Account.of().describe(stack).output("SnapshotFunctionName")
    try:
        taken = run_snapshot(function, {})
    except InvocationError as error:
        raise NotAvailable(f"No snapshot of {stack} was taken: {str(error).rstrip('.')}.") from None
    print(json.dumps(taken) if as_json else taken["key"])


def _take(*, as_json: bool) -> None:
    # Imported only now: what the function reads its settings from is set by local_aws().
    from stats.aws.bucket import StorageError
    from stats.base.settings import SettingsError
    from stats.database.driver import DatabaseError

    try:
        from stats.schedule import handler

        taken = handler({}, None)
    except (DatabaseError, SettingsError, StorageError) as error:
        raise NotAvailable(f"The snapshot cannot be taken. {error}") from None
    if as_json:
        print(json.dumps(taken))
        return
    client: Any = boto3.client("s3")
    print(taken["key"])
    print(client.get_object(Bucket=os.environ["SNAPSHOT_BUCKET"], Key=taken["key"])["Body"].read().decode(), end="")

"""`openl2m-stats invoke`: one event file through the Lambda handler, over the demo database."""

import importlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from openl2m_stats.errors import Failed
from openl2m_stats.parameters import database_url
from stats.base.instants import timestamp
from stats.base.settings import SettingsError

# What EventBridge replaces by the time of a run.
_SCHEDULED_TIME = re.compile(r"<aws\.scheduler\.scheduled-time>|<aws\.events\.event\.ingestion-time>")


@click.command(name="invoke")
@click.argument("event", type=click.Path(path_type=Path))
@database_url
def command(event: Path, database_url: str | None) -> None:
    """Run an event file through the handler.

    It prints the response. Files whose name begins with `schedule` are for the snapshot function, all others for the
    API's, and the time that EventBridge would fill in is the current minute.
    """
    try:
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        content = json.loads(_SCHEDULED_TIME.sub(timestamp(minute), event.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Failed(f"{event} cannot be read as JSON: {error}") from None

    from openl2m_stats.local.aws import local_aws

    try:
        with local_aws(database_url):
            module = "stats.schedule" if event.name.startswith("schedule") else "stats.api"
            print(json.dumps(importlib.import_module(module).handler(content, None), indent=2))
    except SettingsError as error:
        raise Failed(str(error)) from None

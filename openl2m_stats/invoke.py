"""`make invoke EVENT=…`: one event file through the Lambda handler, over the demo database; prints the response.

Files whose name begins with `schedule` are for the snapshot function, all others for the API's.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.local_aws import local_aws
from stats.settings import SettingsError


def main(arguments: list[str]) -> int:
    """Return the exit code: 0 when the handler answered, whatever it did, 2 when there is no such event."""
    if len(arguments) != 1:
        print("usage: make invoke EVENT=events/get_stats.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        event = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        print(f"{arguments[0]} cannot be read as JSON: {error}", file=sys.stderr)
        return 2
    try:
        with local_aws(os.environ.get("DATABASE_URL")):
            module = "stats.schedule" if path.name.startswith("schedule") else "stats.api"
            print(json.dumps(importlib.import_module(module).handler(event, None), indent=2))
    except (DatabaseURLError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which service a host name is of."""

import re

from ministack import app


def install() -> None:
    """Change MiniStack in this process: it takes names such as scheduler.us-east-1.amazonaws.com for a bucket's."""
    service = r"^[a-z0-9-]+\.us-east-1\.amazonaws\.com$"
    app._S3_VHOST_EXCLUDE_RE = re.compile(f"{app._S3_VHOST_EXCLUDE_RE.pattern}|{service}")

"""Powertools' logger and metrics, one of each for the function.

The logger writes JSON lines and is never handed an event, a secret or a header. Metrics go to CloudWatch in its
embedded metric format, through the same output. Both carry the name in POWERTOOLS_SERVICE_NAME as `service`.
"""

import json
import logging
import os
import traceback
from functools import partial

from aws_lambda_powertools import Logger, Metrics

# ASCII, because text that cannot be encoded, such as a lone surrogate in an address, would lose the line.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
metrics = Metrics(namespace="OpenL2MStats")

# Where Lambda sets a level, Powertools ignores both its own variable and its own setLevel().
logging.getLogger(logger.name).setLevel((os.environ.get("POWERTOOLS_LOG_LEVEL") or "INFO").upper())
# Lambda sets the level of the root logger. At DEBUG these libraries log AWS's responses, secrets included.
for _library in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.WARNING)


def count(metric: str) -> None:
    """Count one event."""
    metrics.add_metric(name=metric, unit="Count", value=1)


def report(message: str, metric: str, error: Exception) -> None:
    """Log and count a failure. The error's text must not contain secrets."""
    logger.error(message, error=str(error))
    count(metric)


def report_unforeseen(error: Exception, metric: str | None = None) -> None:
    """Log and count an unexpected error, without its text, which may quote a header or a secret."""
    logger.error("unforeseen", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
    if metric:
        count(metric)

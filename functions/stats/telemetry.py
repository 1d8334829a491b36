"""Powertools' logger and metrics, one of each for the function.

The logger writes JSON lines and is never handed an event, a secret or a header. Metrics go to CloudWatch in its
embedded metric format, through the same output. Both carry the name in POWERTOOLS_SERVICE_NAME as `service`.
"""

import logging
import os

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics(namespace="OpenL2MStats")

# Where Lambda sets a level, Powertools ignores both its own variable and its own setLevel().
logging.getLogger(logger.name).setLevel((os.environ.get("POWERTOOLS_LOG_LEVEL") or "INFO").upper())
# Lambda gives its level to the root logger. At DEBUG these libraries log what AWS answers, secrets included.
for _library in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.WARNING)

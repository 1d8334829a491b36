"""Powertools' logger and metrics, one of each for the function.

The logger writes JSON lines and is never handed an event, a secret or a header. Metrics go to
CloudWatch in its embedded metric format, through the same output.
"""

from aws_lambda_powertools import Logger, Metrics

SERVICE = "openl2m-stats"

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="OpenL2MStats", service=SERVICE)


def count(metric: str) -> None:
    """Count one event."""
    metrics.add_metric(name=metric, unit="Count", value=1)


def report(message: str, metric: str, error: Exception) -> None:
    """Log and count a failure. The error's text must be fit for a log."""
    logger.error(message, error=str(error))
    count(metric)

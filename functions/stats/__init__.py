"""OpenL2M's statistics, served by AWS Lambda: the same JSON from the same database."""

__version__ = "1.1.0"

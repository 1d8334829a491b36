"""Clients of AWS services for the operator's commands, and the texts of their errors."""

import contextlib
import re
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from botocore.parsers import ResponseParserError

# Errors of a call to AWS. boto3 raises ValueError for an endpoint that is not a URL.
AWS_ERRORS = (BotoCoreError, ClientError, ResponseParserError, ValueError)
_WHERE = "OpenL2MStatsWhere"
_REGION = "You must specify a region: --region, AWS_REGION, or `region` in deploy.toml."
_PAGE = re.compile(rb"\s*<(!doctype html|html)\b", re.IGNORECASE)
_ACCOUNT = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})


class NotAWSError(BotoCoreError):
    """Something else than AWS answered."""

    fmt = "{url} answers with a web page, not as AWS: a proxy or the login page of this network is in between."


def client(service: str, config: Config, session: Any = None) -> Any:
    """Return a client of a service, in the account and region of a session or, without one, of boto3's own.

    Its calls raise NotAWSError where botocore would not understand the answer. Raise one of AWS_ERRORS.
    """
    session = session or boto3.Session()
    found = session.client(service, config=config)

    def refuse_pages(response_dict: dict[str, Any], **_: Any) -> None:
        body = response_dict["body"]
        # botocore turns a successful response of S3 that is not XML into a 500.
        status_fits = response_dict["status_code"] < 300 or response_dict["status_code"] == 500
        if status_fits and isinstance(body, bytes) and _PAGE.match(body):
            raise NotAWSError(url=found.meta.endpoint_url)

    def note_where(parsed: dict[str, Any], **_: Any) -> None:
        if "Error" in parsed:
            parsed.setdefault("ResponseMetadata", {})[_WHERE] = (session, found.meta.region_name)

    found.meta.events.register("before-parse", refuse_pages)
    found.meta.events.register("after-call", note_where)
    return found


def explain(error: Exception) -> str:
    """Return one of AWS_ERRORS as a line: AWS's own message, with the region and account."""
    if isinstance(error, NoRegionError):
        return f"{type(error).__name__}: {_REGION}"
    text = str(error) if isinstance(error, ClientError | NotAWSError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()) + _where(error)


def _where(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return ""
    metadata: dict[str, Any] = {**error.response.get("ResponseMetadata", {})}
    if _WHERE not in metadata:
        return ""
    session, region = metadata[_WHERE]
    account = ""
    with contextlib.suppress(*AWS_ERRORS, KeyError):
        account = f", account {client('sts', _ACCOUNT, session).get_caller_identity()['Account']}"
    return f" (region {region}{account})"

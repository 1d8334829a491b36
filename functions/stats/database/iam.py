"""IAM database authentication: a signed token instead of a password."""

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError

from stats.aws import clients


class SigningError(Exception):
    """There are no credentials to sign a token with; the text is the AWS error's class."""


def new_token(host: str, port: int, user: str) -> str:
    """Return a token that lets a user of a database log in, for 15 minutes. Raise SigningError.

    It is signed locally, with the function's own credentials and for its region. That needs no call to RDS, but may
    need one for the credentials.
    """
    try:
        return str(_client().generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user))
    except BotoCoreError as error:
        raise SigningError(type(error).__name__) from None


@cache  # slow to create, and only needed for secrets without a password
def _client() -> Any:
    return clients.client("rds")

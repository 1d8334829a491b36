"""IAM database authentication: a token of RDS in the place of a password."""

from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError

from stats.aws import clients


class SigningError(Exception):
    """There is nothing to sign a token with; the text is the AWS error's class."""


def new_token(host: str, port: int, user: str) -> str:
    """Return a token that lets a user of a database log in, for 15 minutes. Raise SigningError.

    It is signed here, with the function's own credentials and for its region. RDS is not asked, but the credentials
    may have to be fetched.
    """
    try:
        return str(_client().generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user))
    except BotoCoreError as error:
        raise SigningError(type(error).__name__) from None


@cache  # making the client takes long, and only a secret without a password needs it
def _client() -> Any:
    return clients.client("rds")

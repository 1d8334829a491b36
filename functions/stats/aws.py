"""AWS clients of one botocore session, and calls that end at a deadline."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from stats.aws_data import ServiceLoader
from stats.deadline import Deadline, within

T = TypeVar("T")


class AWSError(Exception):
    """A call failed. The text is AWS's code for the error, or the error's class; `status` is the HTTP status."""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@cache  # each session reads botocore's endpoints anew
def _session() -> Any:
    session = botocore.session.get_session()
    if not session.get_config_variable("data_path"):  # AWS_DATA_PATH: the operator has data files of their own
        session.lazy_register_component("data_loader", ServiceLoader)
    return session


def client(service: str, attempts: int = 2) -> Any:
    """Return a client of an AWS service, which tries each call so often. Raise BotoCoreError, ValueError."""
    # Botocore's defaults are a minute and five attempts; a request has 10 s in all.
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": attempts})
    return _session().create_client(service, config=config)


def ask(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return what the call of a client returns. Raise AWSError, with the code TimeoutError at the deadline."""
    try:
        return within(deadline, call)
    except ClientError as error:
        raise AWSError(code_of(error), error.response["ResponseMetadata"].get("HTTPStatusCode")) from None
    except Exception as error:  # noqa: BLE001 an answer that is garbage makes botocore raise anything
        raise AWSError(type(error).__name__) from None


def code_of(error: ClientError) -> str:
    """Return AWS's code for an error."""
    return str(error.response["Error"].get("Code", "ClientError"))

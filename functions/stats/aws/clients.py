"""AWS clients of one botocore session, and calls that end at a deadline."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from stats.aws.credentials import LazyProvider
from stats.aws.loader import ServiceLoader
from stats.base.deadline import Deadline, each_within

T = TypeVar("T")


class AWSError(Exception):
    """A call failed. The text is AWS's code for the error, or the error's class; `status` is the HTTP status."""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@cache  # every new session would read botocore's endpoints again
def _session() -> Any:
    session = botocore.session.get_session()
    if not session.get_config_variable("data_path"):  # AWS_DATA_PATH: the operator has data files of their own
        session.lazy_register_component("data_loader", ServiceLoader)
    session.register_component("credential_provider", LazyProvider(session.get_component("credential_provider")))
    return session


def client(service: str, attempts: int = 2) -> Any:
    """Return a client of an AWS service, with at most `attempts` tries per call. Raise BotoCoreError, ValueError."""
    # Botocore's defaults are a minute and five attempts; a request has 10 s in all.
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": attempts})
    return _session().create_client(service, config=config)


def ask(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return the result of a client's call. Raise AWSError, with the code TimeoutError at the deadline."""
    [outcome] = ask_each(deadline, [call])
    try:
        if isinstance(outcome, AWSError):
            raise outcome
        return outcome
    finally:
        del outcome  # breaks a reference cycle: error, this frame


def ask_each(deadline: Deadline, calls: Sequence[Callable[[], T]]) -> list[T | AWSError]:
    """Call AWS in parallel; return the result or the AWSError of each call, in the same order."""
    try:
        futures = each_within(deadline, calls)
    except TimeoutError as error:
        return [AWSError(type(error).__name__) for _ in calls]
    return list(map(_outcome, futures))


def _outcome(future: "Future[T]") -> T | AWSError:
    try:
        return future.result(0)
    except ClientError as error:
        return AWSError(code_of(error), error.response["ResponseMetadata"].get("HTTPStatusCode"))
    except Exception as error:  # noqa: BLE001 on a malformed response, botocore may raise anything
        return AWSError(type(error).__name__)
    finally:
        del future  # breaks a reference cycle: future, error, this frame


def code_of(error: ClientError) -> str:
    """Return AWS's code for an error."""
    return str(error.response["Error"].get("Code", "ClientError"))

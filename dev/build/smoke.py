"""What follows `sam deploy`: a call of the API, a snapshot, and the commands that roll back."""

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.stack import ALIAS, Account, StackError, reading
from openl2m_stats.environments import Environment

Versions = Mapping[str, str | None]

_TRIES = 3
_PAUSE_SECONDS = 2
_ANSWER_SECONDS = 35  # API Gateway gives up after 30
_RUN_SECONDS = 60  # the function's own limit is 30, and a cold start comes on top
# With one of these, an answer does not show that the token secret was read.
_UNPROVEN = {
    "ApiEnabled": "ApiEnabled=false refuses every call",
    "ClientIpAllowed": "ClientIpAllowed may refuse this machine's address",
    "ClientIpDenied": "ClientIpDenied may refuse this machine's address",
}


def versions_before(environment: Environment) -> Versions:
    """Return the live version of each function; empty if the stack does not exist."""
    with contextlib.suppress(StackError):
        return _live_versions(environment)
    return {}


def conclude(environment: Environment, before: Versions) -> int:
    """Show that the deployment works, and how to roll it back; return the exit code."""
    try:
        now = _live_versions(environment)
        with reading(environment.stack_name):
            account = _account(environment)
            outputs, parameters = account.outputs(environment.stack_name), account.parameters(environment.stack_name)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    works = [_call(outputs, parameters), _take_snapshot(environment, outputs)]
    _warn_of_topic(environment, parameters.get("AlarmTopicArn", ""))
    if not all(works):
        print(f"The stack stays as it was deployed. `make logs ENV={environment.name}` shows more.", file=sys.stderr)
    _print_rollback(environment, {name: before[name] for name in now if before.get(name) not in {None, now[name]}})
    return 0 if all(works) else 1


def _account(environment: Environment) -> Account:
    return Account.of(environment.region, environment.profile)


def _live_versions(environment: Environment) -> Versions:
    """Return the version of each function that answers now. Raise StackError."""
    with reading(environment.stack_name):
        account = _account(environment)
        return {name: account.live_version(name) for name in account.functions(environment.stack_name)}


def _call(outputs: Mapping[str, str], parameters: Mapping[str, str]) -> bool:
    """Call the API with a key of nobody's: 401 shows that it has read the tokens, which a call without a key does not.

    Return whether it gave that answer.
    """
    url = outputs["Url"]
    if parameters.get("TruststoreUri"):
        print(f"{url} asks for a client certificate, so it was not called.")
        return True
    seen = ""
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_SECONDS if attempt else 0)
        seen = _answer(url)
        if seen == str(HTTPStatus.UNAUTHORIZED.value):
            reason = next((why for name, why in _UNPROVEN.items() if _restricts(name, parameters)), None)
            shown = f"{reason}, so this does not show that it can read the tokens" if reason else "it reads the tokens"
            print(f"{url} refuses an unknown token (401): {shown}.")
            return True
    print(f"{url} should answer 401 to an unknown token, and does not: {seen}.", file=sys.stderr)
    if seen == str(HTTPStatus.SERVICE_UNAVAILABLE.value):
        print("Most likely, the function cannot read the token secret.", file=sys.stderr)
    if "DomainTarget" in outputs:
        print(f"Its name must lead to {outputs['DomainTarget']}.", file=sys.stderr)
    return False


def _restricts(name: str, parameters: Mapping[str, str]) -> bool:
    return parameters.get(name) == "false" if name == "ApiEnabled" else bool(parameters.get(name))


def _answer(url: str) -> str:
    request = Request(url, headers={"Authorization": f"Token {secrets.token_hex(20)}"})  # noqa: S310 the stack's own
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
            return str(answer.status)
    except HTTPError as error:
        error.close()
        return str(error.code)
    except (URLError, OSError) as error:
        return str(getattr(error, "reason", error))


def _take_snapshot(environment: Environment, outputs: Mapping[str, str]) -> bool:
    """Invoke the snapshot function like the schedule; return whether it read the database and wrote to S3."""
    config = Config(connect_timeout=5, read_timeout=_RUN_SECONDS, retries={"total_max_attempts": 1})
    try:
        session = boto3.Session(region_name=environment.region, profile_name=environment.profile)
        client: Any = session.client("lambda", config=config)
        answer = client.invoke(FunctionName=outputs["SnapshotFunctionName"], Qualifier=ALIAS, Payload=b"{}")
        content = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        print(f"No snapshot was taken. {explain(error)}", file=sys.stderr)
        return False
    if "FunctionError" in answer:
        print(f"No snapshot was taken: {content.get('errorMessage', 'the function crashed')}.", file=sys.stderr)
        return False
    print(f"A snapshot was taken, {content['key']}: the database and the bucket can be reached.")
    return True


def _warn_of_topic(environment: Environment, topic: str) -> None:
    """Warn of a topic whose key CloudWatch may not use: it drops the alarms, and nobody hears of it."""
    with contextlib.suppress(*AWS_ERRORS):  # the topic may be another account's
        session = boto3.Session(region_name=environment.region, profile_name=environment.profile)
        client: Any = session.client("sns")
        attributes = client.get_topic_attributes(TopicArn=topic)["Attributes"] if topic else {}
        if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
            print(
                f"{topic} is encrypted with aws/sns, which CloudWatch may not use: no alarm will arrive. "
                "Encrypt it with a key of your own, or not at all.",
                file=sys.stderr,
            )


def _print_rollback(environment: Environment, earlier: Versions) -> None:
    if not earlier:
        return
    named = (("--region", environment.region), ("--profile", environment.profile))
    options = "".join(f" {option} {value}" for option, value in named if value)
    print("\nTo roll back to the earlier version of the functions:\n")
    for function, version in earlier.items():
        print(
            f"  aws lambda update-alias --function-name {function} --name {ALIAS} --function-version {version}{options}"
        )
    print(flush=True)

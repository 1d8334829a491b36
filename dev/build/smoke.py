"""What follows `sam deploy`: a call of the API, a snapshot, and the command that rolls back."""

import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

from openl2m_stats.aws import AWS_ERRORS
from openl2m_stats.deployed.invocation import InvocationError, run_snapshot
from openl2m_stats.deployed.refusal import unproven
from openl2m_stats.deployed.stack import FUNCTIONS, Account, Description, StackError, reading
from openl2m_stats.doctor.address import check_address
from openl2m_stats.environments import Environment

Versions = Mapping[str, str | None]

_TRIES = 3
_PAUSE_SECONDS = 2


def versions_before(environment: Environment) -> Versions:
    """Return the version of each function that answers now, by the name of its output; nothing without a stack."""
    with contextlib.suppress(StackError):
        return _live_versions(*_read(environment))
    return {}


def conclude(environment: Environment, before: Versions) -> int:
    """Show that the deployment works, and how to roll it back; return the exit code."""
    try:
        account, stack = _read(environment)
        now = _live_versions(account, stack)
        works = [_call(stack), _take_snapshot(account, stack)]
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    _warn_of_topic(account, stack.parameters.get("AlarmTopicArn", ""))
    if not all(works):
        print(f"The stack stays as it was deployed. `make logs ENV={environment.name}` shows more.", file=sys.stderr)
    if all(before.get(name) for name in FUNCTIONS) and before != now:
        _print_rollback(environment, before)
    return 0 if all(works) else 1


def _read(environment: Environment) -> tuple[Account, Description]:
    """Return the account and the stack of an environment. Raise StackError."""
    with reading(environment.stack_name):
        account = Account.of(environment.region, environment.profile)
        return account, account.describe(environment.stack_name)


def _live_versions(account: Account, stack: Description) -> Versions:
    """Return the version of each function that answers now. Raise StackError."""
    with reading(stack.name):
        return {name: account.live_version(stack.output(name)) for name in FUNCTIONS}


def _call(stack: Description) -> bool:
    """Call the API with a key of nobody's: 401 shows that it has read the tokens, which a call without a key does not.

    Return whether it gave that answer.
    """
    url = stack.output("Url")
    if stack.parameters.get("TruststoreUri"):
        print(f"{url} asks for a client certificate, so it was not called.")
        return True
    finding = check_address(url)
    for _ in range(_TRIES - 1):
        if finding.state == "ok":
            break
        time.sleep(_PAUSE_SECONDS)
        finding = check_address(url)
    if finding.state == "ok":
        print(f"{finding.seen}: {unproven(stack.parameters) or 'it reads the tokens'}.")
        return True
    print(f"{finding.seen}. {finding.advice}", file=sys.stderr)
    if "DomainTarget" in stack.outputs:
        print(f"Its name must lead to {stack.outputs['DomainTarget']}.", file=sys.stderr)
    return False


def _take_snapshot(account: Account, stack: Description) -> bool:
    """Invoke the snapshot function as the schedule does; tell whether it has read the database and written to S3."""
    try:
        taken = run_snapshot(stack.output("SnapshotFunctionName"), {}, account.session)
    except InvocationError as error:
        print(f"No snapshot was taken: {str(error).rstrip('.')}.", file=sys.stderr)
        return False
    print(f"A snapshot was taken, {taken['key']}: the database and the bucket can be reached.")
    return True


def _warn_of_topic(account: Account, topic: str) -> None:
    """Warn of a topic whose key CloudWatch may not use: it drops the alarms, and nobody hears of it."""
    with contextlib.suppress(*AWS_ERRORS):  # the topic may be another account's
        session: Any = account.session
        attributes = session.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"] if topic else {}
        if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
            print(
                f"{topic} is encrypted with aws/sns, which CloudWatch may not use: no alarm will arrive. "
                "Encrypt it with a key of your own, or not at all.",
                file=sys.stderr,
            )


def _print_rollback(environment: Environment, before: Versions) -> None:
    api, snapshots = (before[name] for name in FUNCTIONS)
    # `make deploy` does without the command, which `make setup` puts there.
    command = "openl2m-stats" if shutil.which("openl2m-stats") else ".venv/bin/openl2m-stats"
    target = f"--env {shlex.quote(environment.name)} --to {api} --snapshots-to {snapshots}"
    print("\nTo roll back to the earlier versions of the functions:\n")
    print(f"  {command} versions rollback {target}\n", flush=True)

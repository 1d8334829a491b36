"""`openl2m-stats verify`: calls a deployed stack as its users do, and checks the answers."""

import os
from collections.abc import Iterable
from dataclasses import replace

import click

from openl2m_stats.caller import KEY_VARIABLE, NoKeyError, read_key
from openl2m_stats.deployed.condition import check_stack
from openl2m_stats.deployed.invocation import InvocationError, run_snapshot
from openl2m_stats.deployed.refusal import unproven
from openl2m_stats.deployed.stack import Account, Description, named, reading
from openl2m_stats.doctor.address import check_address
from openl2m_stats.errors import Failed
from openl2m_stats.findings import Finding, Findings, print_findings
from openl2m_stats.parameters import of_stack
from openl2m_stats.verify import with_token, without_token
from openl2m_stats.verify.api import Api, found
from openl2m_stats.verify.storage import check_conditional_writes

_NO_KEY = f"it needs a token: --key-file, or {KEY_VARIABLE}"
_READ_ONLY = "--read-only skips it"
_CERTIFICATE = "the API takes only clients that have a certificate"
_SWITCHED_OFF = "ApiEnabled=false refuses every call"


@click.command(name="verify")
@click.option(
    "--key-file", metavar="FILE", help=f"A file with a token's key. [default: the variable {KEY_VARIABLE}, or none]"
)
@click.option("--read-only", is_flag=True, help="Take no snapshot, and write nothing to S3.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def command(stack: str | None, key_file: str | None, read_only: bool, as_json: bool) -> int:
    """Check that a deployed stack works, by using it.

    It calls the API as its users do, takes a snapshot, and writes test objects to S3 below a prefix of its own, which
    it deletes again. Without a token, it skips the checks that need one. The others still show whether the function can
    read the token secret and the database. The exit code is 1 if a check failed.
    """
    try:
        key = read_key(key_file) if key_file is not None or os.environ.get(KEY_VARIABLE) else None
    except NoKeyError as error:
        raise Failed(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    with reading(named(stack)):
        account = Account.of()
        described = account.describe(named(stack))
    url = described.output("Url")
    findings = _verify(account, described, Api(url, key), writes=not read_only)
    return print_findings(f"the stack {described.name} in {described.region}, {url}", findings, {} if as_json else None)


def _verify(account: Account, stack: Description, api: Api, *, writes: bool) -> Findings:
    yield "stack", check_stack(stack)
    # Before the calls: a new stack has no snapshot yet.
    yield "snapshot", _take_snapshot(stack) if writes else Finding("skip", _READ_ONLY)
    yield from _call(stack, api)
    if writes:
        bucket, prefix = stack.output("SnapshotBucketName"), stack.parameters["SnapshotPrefix"]
        yield "S3", check_conditional_writes(account, bucket, prefix)
    else:
        yield "S3", Finding("skip", _READ_ONLY)


def _take_snapshot(stack: Description) -> Finding:
    try:
        taken = run_snapshot(stack.output("SnapshotFunctionName"), {})
    except InvocationError as error:
        advice = (
            "Its log says more: `make logs`." if error.was_called else "Your credentials need lambda:InvokeFunction."
        )
        return Finding("FAIL", f"none was taken: {str(error).rstrip('.')}", advice)
    return Finding("ok", f"{taken['key']} was taken: the database and the bucket can be reached")


def _call(stack: Description, api: Api) -> Findings:
    anybodys = without_token.checks(stack.parameters)
    if stack.parameters.get("TruststoreUri"):
        yield from _skipped(["token secret", *anybodys, *with_token.CHECKS], _CERTIFICATE)
        return
    yield "token secret", _check_token_secret(stack, api.url)
    if stack.parameters.get("ApiEnabled") == "false":
        yield from _skipped([*anybodys, *with_token.CHECKS], _SWITCHED_OFF)
        return
    for name, check in anybodys.items():
        yield name, found(check, api)
    if api.key is None:
        yield from _skipped(with_token.CHECKS, _NO_KEY)
        return
    first, *others = with_token.CHECKS
    finding = found(with_token.CHECKS[first], api)
    yield first, finding
    if finding.state == "FAIL":
        yield from _skipped(others, f"{first} failed")
        return
    for name in others:
        yield name, found(with_token.CHECKS[name], api)


def _check_token_secret(stack: Description, url: str) -> Finding:
    finding = check_address(url)
    why_not = unproven(stack.parameters)
    if finding.state == "ok" and why_not:
        return replace(finding, state="warn", seen=f"{finding.seen}: {why_not}")
    return finding


def _skipped(names: Iterable[str], why: str) -> Findings:
    return [(name, Finding("skip", why)) for name in names]

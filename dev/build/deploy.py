"""`make deploy`, `make delete` and `make logs`: SAM for one environment of deploy.toml, and for no other.

`sam deploy` is followed by a call of the API without a token, and by the commands that roll back.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import boto3

from dev.build.environments import checked
from openl2m_stats.deployed.stack import ALIAS, Account, StackError, reading
from openl2m_stats.environments import FILE, Environment, EnvironmentFileError, exists

_TRIES = 3
_PAUSE_SECONDS = 2
_NO_CHANGE_IS_FINE = "--no-fail-on-empty-changeset"  # which --guided does not save
_ANSWER_SECONDS = 35  # API Gateway gives up after 30


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: that of SAM, 1 when the API does not answer as it should, 2 when nothing was done."""
    parser = argparse.ArgumentParser(prog="python -m dev.build.deploy", allow_abbrev=False)
    parser.add_argument("action", choices=["check", "deploy", "guided", "delete", "logs"])
    parser.add_argument("--env", required=True, help="a table of deploy.toml")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.action == "guided":
            return _deploy_guided(parsed.env)
        environment = checked(parsed.env)
    except EnvironmentFileError as problem:
        print(problem, file=sys.stderr)
        return 2
    if parsed.action == "check":
        return 0
    return {"deploy": _deploy, "delete": _delete, "logs": _logs}[parsed.action](environment)


def _sam(command: str, env: str, *arguments: str) -> int:
    # SAM takes a relative path to be relative to the template.
    configuration = ["--config-file", str(FILE.resolve()), "--config-env", env]
    sam = ["sam", command, *configuration, *arguments]
    return subprocess.run(sam, check=False).returncode


def _deploy(environment: Environment) -> int:
    before = _live_versions_before(environment)
    return _sam("deploy", environment.name, _NO_CHANGE_IS_FINE) or _conclude(environment, before)


def _deploy_guided(env: str) -> int:
    """Let SAM ask for the parameters and save them in deploy.toml. The environment may be a new one."""
    before = _live_versions_before(checked(env)) if exists(env) else {}
    if not FILE.exists():
        FILE.write_text("version = 0.1\n")
    capabilities = ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    code = _sam("deploy", env, "--guided", _NO_CHANGE_IS_FINE, *capabilities)
    return code or _conclude(checked(env), before)


def _delete(environment: Environment) -> int:
    region = boto3.Session(region_name=environment.region, profile_name=environment.profile).region_name
    if region is None:
        print(f"Name the region of {environment.stack_name} in {FILE}.", file=sys.stderr)
        return 2
    print(f"This deletes the stack {environment.stack_name} in {region}. The token secret and the snapshots are kept.")
    print("Type the name of the stack to delete it: ", end="", flush=True)
    if sys.stdin.readline().strip() != environment.stack_name:
        print("\nThat is not its name. Nothing was deleted.", file=sys.stderr)
        return 2
    return _sam("delete", environment.name, "--no-prompts", *_named(environment, region))


def _logs(environment: Environment) -> int:
    name = environment.stack_name
    groups = [f"/aws/lambda/{name}/stats", f"/aws/lambda/{name}/snapshot", f"/aws/vendedlogs/{name}/api"]
    chosen = [part for group in groups for part in ("--cw-log-group", group)]
    return _sam("logs", environment.name, *_named(environment, environment.region), *chosen, "--tail")


def _named(environment: Environment, region: str | None) -> list[str]:
    options = (("--stack-name", environment.stack_name), ("--region", region), ("--profile", environment.profile))
    return [part for option, value in options if value for part in (option, value)]


def _conclude(environment: Environment, before: dict[str, str | None]) -> int:
    """Print how to roll back, and call the API; return the exit code."""
    try:
        now = _live_versions(environment)
        with reading(environment.stack_name):
            outputs = Account.of(environment.region, environment.profile).outputs(environment.stack_name)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    changed = {name: before[name] for name in now if before.get(name) not in {None, now[name]}}
    _print_way_back(environment, changed)
    return _smoke(environment, outputs)


def _live_versions(environment: Environment) -> dict[str, str | None]:
    """Return the version of each function that answers now. Raise StackError."""
    with reading(environment.stack_name):
        account = Account.of(environment.region, environment.profile)
        return {name: account.live_version(name) for name in account.functions(environment.stack_name)}


def _live_versions_before(environment: Environment) -> dict[str, str | None]:
    with contextlib.suppress(StackError):  # mostly, the stack is not there yet
        return _live_versions(environment)
    return {}


def _print_way_back(environment: Environment, earlier: dict[str, str | None]) -> None:
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


def _smoke(environment: Environment, outputs: Mapping[str, str]) -> int:
    """Call the API without a token, which it must refuse; return the exit code."""
    url = outputs["Url"]
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_SECONDS if attempt else 0)
        seen = _answer(url)
        if seen == str(HTTPStatus.UNAUTHORIZED.value):
            print(f"{url} answers, and refuses a call without a token (401).")
            return 0
    print(f"{url} should answer 401 to a call without a token, and does not: {seen}.", file=sys.stderr)
    if "DomainTarget" in outputs:
        print(f"Its name must lead to {outputs['DomainTarget']}.", file=sys.stderr)
    print(f"The stack stays as it was deployed. `make logs ENV={environment.name}` shows more.", file=sys.stderr)
    return 1


def _answer(url: str) -> str:
    try:
        with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 the stack's own output
            return str(answer.status)
    except HTTPError as error:
        error.close()
        return str(error.code)
    except (URLError, OSError) as error:
        return str(getattr(error, "reason", error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make deploy`: `sam deploy`, then a call of the API without a token, and the commands that lead back.

The arguments are those of `sam deploy`; what they leave out is looked for in its configuration file, as SAM does.
"""

import argparse
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from openl2m_stats.deployed import ALIAS, AWS_ERRORS, Account, Deployed, explain, live_version, read

_ROOT = Path(__file__).parents[2]
_TRIES = 3
_PAUSE_SECONDS = 2
_ANSWER_SECONDS = 35  # API Gateway gives up after 30


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: that of SAM, or 1 when the API does not answer as it should."""
    before = _live_versions(arguments)
    code = subprocess.run(["sam", "deploy", *arguments], check=False).returncode  # noqa: S607 make puts it on PATH
    if code:
        return code
    target = _target(arguments)  # --guided may have chosen another
    try:
        account = Account.of(target.region, target.profile)
        deployed = read(account, target.stack_name)
        now = {function: live_version(account, function) for function in deployed.functions.values()}
    except AWS_ERRORS as error:
        print(f"The stack {target.stack_name} cannot be read. {explain(error)}", file=sys.stderr)
        return 1
    _print_way_back(target, {name: before[name] for name in now if before.get(name) not in {None, now[name]}})
    return _smoke(deployed)


def _target(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the stack, region and profile that `sam deploy` means with these arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--stack-name", "--region", "--profile"):
        parser.add_argument(name)
    parser.add_argument("--config-file", default="samconfig.toml")
    parser.add_argument("--config-env", default="default")
    target, _ = parser.parse_known_args(arguments)
    configured = _configured(_ROOT / target.config_file, target.config_env)
    for name in ("stack_name", "region", "profile"):
        setattr(target, name, getattr(target, name) or configured.get(name))
    return target


def _configured(path: Path, environment: str) -> dict[str, Any]:
    try:
        commands = tomllib.loads(path.read_text()).get(environment, {})
    except (OSError, ValueError):
        return {}  # SAM itself tells what is wrong with it
    parameters: dict[str, Any] = {}
    for command in ("global", "deploy"):
        parameters |= commands.get(command, {}).get("parameters", {})
    return parameters


def _live_versions(arguments: Sequence[str]) -> dict[str, str | None]:
    """Return the version of each function that answers now; none of a stack that is not there, or cannot be read."""
    target = _target(arguments)
    try:
        account = Account.of(target.region, target.profile)
        functions = read(account, target.stack_name).functions.values()
        return {function: live_version(account, function) for function in functions}
    except AWS_ERRORS:
        return {}


def _print_way_back(target: argparse.Namespace, versions: dict[str, str | None]) -> None:
    if not versions:
        return
    named = (("--region", target.region), ("--profile", target.profile))
    options = "".join(f" {option} {value}" for option, value in named if value)
    print("\nThe way back to the functions of before, at once:\n")
    for function, version in versions.items():
        print(
            f"  aws lambda update-alias --function-name {function} --name {ALIAS} --function-version {version}{options}"
        )
    print(flush=True)


def _smoke(deployed: Deployed) -> int:
    """Call the API without a token, which it must refuse; return the exit code."""
    url = deployed.outputs["Url"]
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_SECONDS if attempt else 0)
        seen = _answer(url)
        if seen == str(HTTPStatus.UNAUTHORIZED.value):
            print(f"{url} answers, and refuses a call without a token (401).")
            return 0
    print(f"{url} should answer 401 to a call without a token, and does not: {seen}.", file=sys.stderr)
    if "DomainTarget" in deployed.outputs:
        print(f"Its name must lead to {deployed.outputs['DomainTarget']}.", file=sys.stderr)
    print("`make logs` and `make doctor` tell more; the stack stays as it was deployed.", file=sys.stderr)
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

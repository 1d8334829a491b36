"""`make deploy`, `make delete` and `make logs`: SAM for one environment of deploy.toml, and for no other.

`check` and `find`, which does not look at the values, run on any Python without a package. `sam deploy` is followed by
what smoke.py does.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence

from dev.build.environments import checked, checked_values, overrides_of, prefix_given
from openl2m_stats.environments import FILE, Environment, EnvironmentFileError, exists

_NO_CHANGE_IS_FINE = "--no-fail-on-empty-changeset"  # which --guided does not save


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: that of SAM, 1 when the deployment does not work as it should, 2 when nothing was done."""
    parser = argparse.ArgumentParser(prog="python -m dev.build.deploy", allow_abbrev=False)
    parser.add_argument("action", choices=["check", "find", "deploy", "guided", "delete", "logs"])
    parser.add_argument("--env", required=True, help="a table of deploy.toml")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.action == "guided":
            return _deploy_guided(parsed.env)
        check = checked_values if parsed.action in {"check", "deploy"} else checked
        environment = check(parsed.env)
    except EnvironmentFileError as problem:
        print(problem, file=sys.stderr)
        return 2
    if parsed.action in {"check", "find"}:
        return 0
    return {"deploy": _deploy, "delete": _delete, "logs": _logs}[parsed.action](environment)


def _sam(command: str, env: str, *arguments: str) -> int:
    # SAM takes a relative path to be relative to the template.
    configuration = ["--config-file", str(FILE.resolve()), "--config-env", env]
    sam = ["sam", command, *configuration, *arguments]
    return subprocess.run(sam, check=False).returncode


def _deploy(environment: Environment) -> int:
    from dev.build import keys, smoke  # boto3, which the check does without

    problem = keys.forgotten_key(environment, overrides_of(environment.name))
    if problem:
        print(problem, file=sys.stderr)
        return 2
    before = smoke.versions_before(environment)
    # infra/deploy-policy.json lets a stack's deployer write below its own prefix, which --guided sets as well.
    prefix = [] if prefix_given(environment.name) else ["--s3-prefix", environment.stack_name]
    return _sam("deploy", environment.name, _NO_CHANGE_IS_FINE, *prefix) or smoke.conclude(environment, before)


def _deploy_guided(env: str) -> int:
    """Let SAM ask for the parameters and save them in deploy.toml. The environment may be a new one."""
    from dev.build import smoke

    before = smoke.versions_before(checked(env)) if exists(env) else {}
    if not FILE.exists():
        FILE.write_text("version = 0.1\n")
    capabilities = ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    code = _sam("deploy", env, "--guided", _NO_CHANGE_IS_FINE, *capabilities)
    return code or smoke.conclude(checked(env), before)


def _delete(environment: Environment) -> int:
    import boto3

    region = boto3.Session(region_name=environment.region, profile_name=environment.profile).region_name
    if region is None:
        print(f"Name the region of {environment.stack_name} in {FILE}.", file=sys.stderr)
        return 2
    print(f"This deletes the stack {environment.stack_name} in {region}. The token secret and the snapshots are kept.")
    print("Type the name of the stack to delete it: ", end="", flush=True)
    if sys.stdin.readline().strip() != environment.stack_name:
        print("\nThat is not its name. Nothing was deleted.", file=sys.stderr)
        return 2
    # Both functions have the same package in S3, and SAM deletes it once for each of them.
    print('SAM prints "Could not find and delete the S3 object" once: the functions share one. That is not an error.')
    return _sam("delete", environment.name, "--no-prompts", *_named(environment, region))


def _logs(environment: Environment) -> int:
    name = environment.stack_name
    groups = [f"/aws/lambda/{name}/stats", f"/aws/lambda/{name}/snapshot", f"/aws/vendedlogs/{name}/api"]
    chosen = [part for group in groups for part in ("--cw-log-group", group)]
    return _sam("logs", environment.name, *_named(environment, environment.region), *chosen, "--tail")


def _named(environment: Environment, region: str | None) -> list[str]:
    options = (("--stack-name", environment.stack_name), ("--region", region), ("--profile", environment.profile))
    return [part for option, value in options if value for part in (option, value)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

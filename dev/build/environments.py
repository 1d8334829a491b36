"""Checks of an environment in deploy.toml, before anything is installed or built.

`checked` finds what SAM would ignore or misread. `checked_values` also tries the values. Both need Python alone.
"""

import difflib
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from dev.build import values
from openl2m_stats.environments import FILE, Environment, EnvironmentFileError, read, tables

# What SAM reads from [ENV.deploy.parameters]. A test compares it with SAM's own command.
OPTIONS = {
    *("beta_features", "capabilities", "config_env", "config_file", "confirm_changeset"),
    *("debug", "disable_rollback", "express", "fail_on_empty_changeset", "force_upload"),
    *("guided", "image_repositories", "image_repository", "kms_key_id", "language_extensions"),
    *("max_wait_duration", "metadata", "no_execute_changeset", "no_progressbar", "notification_arns"),
    *("on_failure", "output", "parameter_overrides", "profile", "region"),
    *("resolve_image_repos", "resolve_s3", "role_arn", "s3_bucket", "s3_prefix"),
    *("save_params", "signing_profiles", "stack_name", "tags", "template_file", "use_json"),
}


def checked(name: str) -> Environment:
    """Return an environment of deploy.toml. Raise EnvironmentFileError, also when SAM would misread it."""
    commands = tables(name)
    _refuse(_misread(name, commands))
    return read(name)


def checked_values(name: str) -> Environment:
    """Return an environment that can be deployed as far as that shows here. Raise EnvironmentFileError."""
    environment = checked(name)
    home = f"[{name}.deploy.parameters]"
    _refuse(values.problems(_options(name), overrides_of(name), home))
    return environment


def overrides_of(name: str) -> dict[str, Any]:
    """Return the template's parameters that an environment gives."""
    return parse_overrides(_options(name).get("parameter_overrides", {}))


def _options(name: str) -> Mapping[str, Any]:
    return {**_given(name, "global"), **_given(name, "deploy")}


def prefix_given(name: str) -> bool:
    """Return whether an environment sets the prefix of SAM's uploads."""
    return any("s3_prefix" in _given(name, command) for command in ("global", "deploy"))


def parse_overrides(overrides: Any) -> dict[str, Any]:
    """Return `parameter_overrides` as a map. SAM also takes text, which `--guided` saves, and lists of text."""
    if isinstance(overrides, dict):
        return overrides
    found: dict[str, Any] = {}
    for item in overrides if isinstance(overrides, list) else [overrides]:
        if isinstance(item, str) and not item.startswith("file://"):
            for word in shlex.split(item):
                key, _, value = word.partition("=")
                if key == "ParameterKey":  # ParameterKey=NAME,ParameterValue=VALUE
                    key, _, value = value.partition(",ParameterValue=")
                found[key] = value
        elif not isinstance(item, str):
            found.update(parse_overrides(item))
    return found


def _refuse(problems: Iterator[str]) -> None:
    lines = [f"{FILE}: {problem}" for problem in problems]
    if lines:
        raise EnvironmentFileError("\n".join(lines))


def _given(name: str, command: str) -> Mapping[str, Any]:
    given: Mapping[str, Any] = tables(name).get(command, {}).get("parameters", {})
    return given


def _misread(name: str, commands: Mapping[str, Any]) -> Iterator[str]:
    """Yield what SAM itself would ignore, because it does not look for it."""
    strays = list(_strays(name, commands))
    for table, key in strays:
        yield f"{key} in {table} has no effect. {_remedy(name, key)}"
    if not strays:
        for command, table in commands.items():
            yield from _unknown(name, command, table.get("parameters", {}))


def _unknown(name: str, command: str, given: Mapping[str, Any]) -> Iterator[str]:
    overrides = f"[{name}.deploy.parameters.parameter_overrides]"
    for key in sorted(set(given) - OPTIONS):
        yield f"{key} in [{name}.{command}.parameters] is not an option of `sam deploy`. {_remedy(name, key)}"
    for key, value in parse_overrides(given.get("parameter_overrides", {})).items():
        if key not in values.PARAMETERS:
            yield f"{key} in {overrides} is not a parameter of the template. {_remedy(name, key)}"
        if isinstance(value, bool):
            yield f'{key} in {overrides} needs quotes: {key} = "{str(value).lower()}".'


def _remedy(name: str, key: str) -> str:
    home = f"[{name}.deploy.parameters]"
    if key in values.PARAMETERS:
        return f"Move it to [{name}.deploy.parameters.parameter_overrides]."
    if key in OPTIONS:
        return f"Move it to {home}."
    close = difflib.get_close_matches(key, [*OPTIONS, *values.PARAMETERS], 1)
    return f"Do you mean {close[0]}?" if close else f"Only {home} and what is below it are read."


def _strays(name: str, commands: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what stands where SAM does not look for a deployment's options, as a table and a key."""
    for command, table in commands.items():
        if command not in {"deploy", "global"} or not isinstance(table, dict):
            yield f"[{name}]", command
            continue
        for key, given in table.items():
            if key != "parameters" or not isinstance(given, dict):
                yield f"[{name}.{command}]", key

"""What is wrong with an environment of deploy.toml, told before SAM runs."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openl2m_stats.environments import FILE, Environment, EnvironmentFileError, read, tables

_TEMPLATE = Path(__file__).parents[2] / "infra/template.yaml"


def checked(name: str) -> Environment:
    """Return an environment of deploy.toml. Raise EnvironmentFileError, also when SAM would misread it."""
    for problem in _problems(name, tables(name)):
        raise EnvironmentFileError(f"{FILE}: {problem}")
    return read(name)


def _problems(name: str, commands: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong. SAM itself ignores what it does not look for."""
    home, overrides = f"[{name}.deploy.parameters]", f"[{name}.deploy.parameters.parameter_overrides]"
    parameters, options = _template_parameters(), _sam_options()

    def remedy(key: str) -> str:
        if key in parameters:
            return f"Move it to {overrides}."
        if key in options:
            return f"Move it to {home}."
        close = difflib.get_close_matches(key, options | parameters, 1)
        return f"Do you mean {close[0]}?" if close else f"Only {home} and what is below it are read."

    for table, key in _strays(name, commands):
        yield f"{key} in {table} has no effect. {remedy(key)}"
    for command, table in commands.items():
        given = table.get("parameters", {})
        for key in set(given) - options:
            yield f"{key} in [{name}.{command}.parameters] is no option of `sam deploy`. {remedy(key)}"
        for key, value in _overrides(given).items():
            if key not in parameters:
                yield f"{key} in {overrides} is no parameter of the template. {remedy(key)}"
            if isinstance(value, bool):
                yield f'{key} in {overrides} needs quotes: {key} = "{str(value).lower()}".'


def _strays(name: str, commands: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what stands where SAM does not look for a deployment's options, as a table and a key."""
    for command, table in commands.items():
        if command not in {"deploy", "global"} or not isinstance(table, dict):
            yield f"[{name}]", command
            continue
        for key, given in table.items():
            if key != "parameters" or not isinstance(given, dict):
                yield f"[{name}.{command}]", key


def _overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    overrides = given.get("parameter_overrides", {})
    if isinstance(overrides, dict):
        return overrides
    from samcli.cli.types import CfnParameterOverridesType  # --guided saves a text

    parsed: dict[str, Any] = CfnParameterOverridesType().convert(overrides, None, None)
    return parsed


def _template_parameters() -> set[str]:
    from samcli.yamlhelper import yaml_parse

    return set(yaml_parse(_TEMPLATE.read_text())["Parameters"])


def _sam_options() -> set[str]:
    # With this import, SAM lets the libraries of this process log to stderr.
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    from samcli.commands.deploy.command import cli

    root.handlers[:] = handlers
    root.setLevel(level)
    options: Iterable[Any] = cli.params
    return {str(option.name) for option in options}

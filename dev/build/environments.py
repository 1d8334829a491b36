"""What is wrong with an environment of deploy.toml, told before SAM runs."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openl2m_stats.environments import FILE, Environment, EnvironmentProblem, read, tables

_TEMPLATE = Path(__file__).parents[2] / "infra/template.yaml"


def checked(name: str) -> Environment:
    """Return an environment of deploy.toml. Raise EnvironmentProblem, also when SAM would misread it."""
    for problem in _problems(name, tables(name)):
        raise EnvironmentProblem(f"{FILE}: {problem}")
    return read(name)


def _problems(name: str, commands: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong. SAM itself ignores what it does not look for."""
    home = f"[{name}.deploy.parameters]"
    overrides = f"[{name}.deploy.parameters.parameter_overrides]"
    parameters, options = _template_parameters(), _sam_options()

    def remedy(key: str) -> str:
        if key in parameters:
            return f"Move it to {overrides}."
        if key in options:
            return f"Move it to {home}."
        close = difflib.get_close_matches(key, options | parameters, 1)
        return f"Do you mean {close[0]}?" if close else f"Only {home} and what is below it are read."

    for command, table in commands.items():
        if command not in {"deploy", "global"} or not isinstance(table, dict):
            yield f"{command} in [{name}] has no effect. {remedy(command)}"
            continue
        for key, given in table.items():
            if key != "parameters" or not isinstance(given, dict):
                yield f"{key} in [{name}.{command}] has no effect. {remedy(key)}"
            for option in set(given) - options:
                yield f"{option} in [{name}.{command}.parameters] is no option of `sam deploy`. {remedy(option)}"
            for parameter, value in _overrides(given).items():
                if parameter not in parameters:
                    yield f"{parameter} in {overrides} is no parameter of the template. {remedy(parameter)}"
                if isinstance(value, bool):
                    yield f'{parameter} in {overrides} needs quotes: {parameter} = "{str(value).lower()}".'


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
    from samcli.commands.deploy.command import cli

    # With this import, SAM lets the libraries of this process log to stderr.
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    options: Iterable[Any] = cli.params
    return {str(option.name) for option in options}

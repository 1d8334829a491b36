"""The environments in deploy.toml, which is SAM's own format, and what is wrong with them before SAM runs."""

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path("deploy.toml")  # in the folder that the command runs in
_TEMPLATE = Path(__file__).parent.parent / "infra/template.yaml"


class EnvironmentProblem(Exception):
    """An environment cannot be used; the text says why and what to do, in one line."""


@dataclass(frozen=True)
class Environment:
    """Where an environment's stack is. Without a region or a profile, those of the AWS variables count."""

    name: str
    stack_name: str
    region: str | None
    profile: str | None


def read(name: str) -> Environment:
    """Return an environment of deploy.toml. Raise EnvironmentProblem when SAM would misread it."""
    tables = _tables()
    names = [each for each, table in tables.items() if isinstance(table, dict)]
    if name not in names:
        have = f"It has: {', '.join(names)}." if names else "It has no environment yet."
        raise EnvironmentProblem(f"{FILE} has no table [{name}.deploy.parameters]. {have}")
    for problem in _problems(name, tables[name]):
        raise EnvironmentProblem(f"{FILE}: {problem}")
    parameters = tables[name].get("global", {}).get("parameters", {}) | tables[name]["deploy"]["parameters"]
    return Environment(name, parameters["stack_name"], parameters.get("region"), parameters.get("profile"))


def exists(name: str) -> bool:
    """Return whether deploy.toml has a table of this name. Raise EnvironmentProblem when it is not TOML."""
    return FILE.exists() and name in _tables()


def _tables() -> dict[str, Any]:
    try:
        return tomllib.loads(FILE.read_text())
    except FileNotFoundError:
        raise EnvironmentProblem(f"{FILE} is missing. Copy deploy.example.toml to it and fill it in.") from None
    except (OSError, ValueError) as error:
        raise EnvironmentProblem(f"{FILE} cannot be read: {error}") from None


def _problems(name: str, tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong, the first of it first. SAM itself ignores what it does not look for."""
    home = f"[{name}.deploy.parameters]"
    parameters, options = _template_parameters(), _sam_options()
    for command, table in tables.items():
        if command not in {"deploy", "global"} or not isinstance(table, dict):
            yield f"{command} in [{name}] has no effect. {_where(command, home, options, parameters)}"
            continue
        for key in table:
            if key != "parameters" or not isinstance(table[key], dict):
                yield f"{key} in [{name}.{command}] has no effect. {_where(key, home, options, parameters)}"
    given = tables.get("deploy", {}).get("parameters")
    if given is None:
        yield f"There is no table {home}."
        return
    for table, keys in ((f"[{name}.global.parameters]", tables.get("global", {}).get("parameters", {})), (home, given)):
        for key in keys:
            if key not in options:
                yield f"{key} in {table} is no option of `sam deploy`. {_where(key, home, options, parameters)}"
    if not isinstance(given.get("stack_name"), str) or not given["stack_name"]:
        yield f"{home} needs a stack_name."
    yield from _override_problems(home, given.get("parameter_overrides", {}), options, parameters)


def _override_problems(home: str, given: Any, options: set[str], parameters: set[str]) -> Iterator[str]:
    table = f"{home[:-1]}.parameter_overrides]"
    if not isinstance(given, dict):  # a text, as --guided saves it
        from samcli.cli.types import CfnParameterOverridesType

        given = CfnParameterOverridesType().convert(given, None, None)
    for key, value in given.items():
        if key not in parameters:
            yield f"{key} in {table} is no parameter of the template. {_where(key, home, options, parameters)}"
        if isinstance(value, bool):
            yield f'{key} in {table} needs quotes: {key} = "{str(value).lower()}".'


def _where(key: str, home: str, options: set[str], parameters: set[str]) -> str:
    if key in parameters:
        return f"Move it to {home[:-1]}.parameter_overrides]."
    if key in options:
        return f"Move it to {home}."
    close = difflib.get_close_matches(key, options | parameters, 1)
    return f"Do you mean {close[0]}?" if close else f"Only {home} and what is below it are read."


def _template_parameters() -> set[str]:
    from samcli.yamlhelper import yaml_parse

    return set(yaml_parse(_TEMPLATE.read_text())["Parameters"])


def _sam_options() -> set[str]:
    from samcli.commands.deploy.command import cli

    options: Iterable[Any] = cli.params
    return {str(option.name) for option in options}

"""The environments in deploy.toml, a configuration file for SAM. This module needs only the standard library."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path("deploy.toml")  # in the working directory


class EnvironmentFileError(Exception):
    """An environment cannot be used; the text has a line for each problem, with its remedy."""


@dataclass(frozen=True)
class Environment:
    """The location of an environment's stack. The AWS variables replace a missing region or profile."""

    name: str
    stack_name: str
    region: str | None
    profile: str | None


def read(name: str) -> Environment:
    """Return an environment of deploy.toml. Raise EnvironmentFileError."""
    found = tables(name)
    given = _parameters(found, "deploy")
    if given is None:
        raise EnvironmentFileError(f"{FILE} has no table [{name}.deploy.parameters].")
    stack_name = given.get("stack_name")
    if not isinstance(stack_name, str) or not stack_name:
        raise EnvironmentFileError(f"{FILE}: [{name}.deploy.parameters] needs a stack_name.")
    # SAM reads both tables, and --guided saves the region in both.
    both = {**(_parameters(found, "global") or {}), **given}
    return Environment(name, stack_name, both.get("region"), both.get("profile"))


def tables(name: str) -> Mapping[str, Any]:
    """Return the table of an environment. Raise EnvironmentFileError if deploy.toml has none."""
    content = _content()
    names = [each for each, table in content.items() if isinstance(table, dict)]
    if name not in names:
        have = f"It has: {', '.join(names)}." if names else "It has no environment yet."
        raise EnvironmentFileError(f"{FILE} has no table [{name}.deploy.parameters]. {have}")
    table: Mapping[str, Any] = content[name]
    return table


def exists(name: str) -> bool:
    """Return whether deploy.toml has a table with this name. Raise EnvironmentFileError if it is not TOML."""
    return FILE.exists() and name in _content()


def _content() -> dict[str, Any]:
    try:
        return tomllib.loads(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EnvironmentFileError(
            f"{FILE} is missing in {Path.cwd()}. Change to the folder that has it, or copy deploy.example.toml to it "
            "and fill it in."
        ) from None
    except (OSError, ValueError) as error:
        raise EnvironmentFileError(f"{FILE} cannot be read: {error}") from None


def _parameters(tables_of_commands: Mapping[str, Any], command: str) -> dict[str, Any] | None:
    table = tables_of_commands.get(command)
    found = table.get("parameters") if isinstance(table, dict) else None
    return found if isinstance(found, dict) else None

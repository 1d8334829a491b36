"""The shared parts of the commands of `openl2m-stats tokens`: group, options for the token secret, NAME."""

import functools
import io
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from openl2m_stats.aws import explain
from openl2m_stats.deployed.stack import Account, reading
from openl2m_stats.errors import Failed, Interrupted
from openl2m_stats.parameters import Parsed, WrongUsage, of_stack
from openl2m_stats.tokens import arguments
from openl2m_stats.tokens.registry import Registry, RegistryError
from stats.base.settings import SettingsError
from stats.base.telemetry import logger
from stats.database.driver import DatabaseError
from stats.tokens.authorization import KEY

NAME = Parsed("NAME", arguments.name)


class TokensGroup(click.Group):
    """A group of commands that never repeat a possible key, and report errors of AWS or a database in one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Raise WrongUsage if one of them may be a key."""
        if any(re.search(KEY, arg.lower()) for arg in args):
            raise WrongUsage("a key is never an argument: it is in the shell's history now, so rotate it")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and return its exit code. Raise Failed for an error of AWS, the database or the settings."""
        logger.setLevel("CRITICAL")  # `list` reports malformed entries itself
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a name that cannot be encoded must not lose a new key
        try:
            return super().invoke(ctx)
        except (BotoCoreError, ClientError) as error:
            problem = f"{ctx.meta['secret']}: {explain(error)}"
        except (DatabaseError, SettingsError) as error:
            problem = str(error)
        except KeyboardInterrupt:
            raise Interrupted("Interrupted. `openl2m-stats tokens list` shows what was done.") from None
        raise Failed(problem)


def of_registry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the token secret; the command's function gets a Registry as its first argument."""

    @of_stack
    @click.option("--secret-id", metavar="ID", help="The token secret. [default: the stack's, or TOKENS_SECRET_ID]")
    @functools.wraps(function)
    def call(*, stack: str | None, secret_id: str | None, **others: Any) -> Any:
        ctx = click.get_current_context()
        if secret_id is None:
            secret_id = _secret_of(stack) if stack else os.environ.get("TOKENS_SECRET_ID")
        if not secret_id:
            raise WrongUsage("name the token secret: --env, --stack, --secret-id or the variable TOKENS_SECRET_ID", ctx)
        ctx.meta["secret"] = secret_id
        return function(Registry(secret_id), **others)

    return call


def _secret_of(stack: str) -> str:
    with reading(stack):
        outputs = Account.of().outputs(stack)
    if "TokenSecretName" not in outputs:
        raise RegistryError(f"The stack {stack} has no output TokenSecretName: it is not a stack of openl2m-stats.")
    return outputs["TokenSecretName"]

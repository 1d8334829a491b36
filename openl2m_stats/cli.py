"""The command `openl2m-stats`."""

import importlib
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import get_completion_class

from openl2m_stats.parameters import explain
from stats import __version__

_NAME = "openl2m-stats"
# Loaded when they are called: what one needs, such as a local AWS, the others do without.
_COMMANDS = {
    "serve": "openl2m_stats.local.serve",
    "invoke": "openl2m_stats.local.invoke",
    "snapshot": "openl2m_stats.local.snapshot",
    "tokens": "openl2m_stats.tokens.command",
    "doctor": "openl2m_stats.doctor.command",
    "grants": "openl2m_stats.grants",
    "backfill": "openl2m_stats.backfill.command",
    "history": "openl2m_stats.history.command",
    "versions": "openl2m_stats.deployed.versions",
    "check": "openl2m_stats.check",
}
_LOCAL = ("moto", "uvicorn")  # what the extra `local` brings


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return command


@click.group(
    cls=_Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name=_NAME, message="%(prog)s %(version)s")
def command() -> None:
    """Manage a deployment of openl2m-stats, or run it on this machine."""
    # The AWS CLI reads AWS_REGION, and prefers it; boto3 reads only the other.
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


@command.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    For bash: openl2m-stats completion bash > ~/.local/share/bash-completion/completions/openl2m-stats
    """
    kind = get_completion_class(shell)
    if kind:
        print(kind(command, {}, _NAME, "_OPENL2M_STATS_COMPLETE").source())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 done, 1 checked and found wrong, 2 not to be done, which a line on stderr explains."""
    try:
        # `python -m` has the same name, and completes by the same variable.
        code = command.main(arguments, _NAME, standalone_mode=False)
    except click.UsageError as error:
        if error.ctx:
            print(error.ctx.get_usage(), file=sys.stderr)
        print(f"{error.ctx.command_path if error.ctx else _NAME}: {explain(error)}", file=sys.stderr)
        return 2
    except click.ClickException as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    except click.Abort:
        return 130
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in _LOCAL:
            raise
        print(f"{error.name} is missing: the extra `local` brings it (pipx install '.[local]').", file=sys.stderr)
        return 2
    return int(code or 0)

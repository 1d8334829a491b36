"""The command `openl2m-stats`."""

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class

from openl2m_stats.errors import Failed
from openl2m_stats.parameters import explain
from openl2m_stats.terminal import discard_output
from stats import __version__

_NAME = "openl2m-stats"
# Imported when they are called: some need packages, such as moto, that others do not need.
_COMMANDS = {
    "serve": "openl2m_stats.local.serve",
    "invoke": "openl2m_stats.local.invoke",
    "snapshot": "openl2m_stats.local.snapshot",
    "tokens": "openl2m_stats.tokens.command",
    "doctor": "openl2m_stats.doctor.command",
    "grants": "openl2m_stats.grants",
    "backfill": "openl2m_stats.backfill.command",
    "history": "openl2m_stats.history.command",
    "status": "openl2m_stats.deployed.status",
    "verify": "openl2m_stats.verify.command",
    "notices": "openl2m_stats.notices",
    "versions": "openl2m_stats.deployed.versions",
    "failures": "openl2m_stats.deployed.failures",
    "check": "openl2m_stats.check",
}
_LOCAL = ("moto", "uvicorn")  # from the extra `local`
_OUTPUT_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EIO)
_INTERRUPTED, _CLOSED_PIPE = 128 + 2, 128 + 13  # as a shell reports SIGINT and SIGPIPE


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *self.commands]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            if sys.stdout:
                sys.stdout.flush()
        except OSError as error:
            if error.errno not in _OUTPUT_ERRORS:
                raise
            discard_output()
            if error.errno != errno.EPIPE:
                raise Failed(f"The output cannot be written ({error.strerror}).") from None
            raise click.exceptions.Exit(_CLOSED_PIPE) from None
        except EOFError:  # which Click takes for Ctrl-C
            raise Failed("The input ended before there was an answer.") from None
        return code

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

    For example, for bash:

    \b
    openl2m-stats completion bash \\
      > ~/.local/share/bash-completion/completions/openl2m-stats
    """  # noqa: D301 Click takes a backspace for "do not wrap this"
    kind = get_completion_class(shell)
    if kind:
        print(kind(command, {}, _NAME, "_OPENL2M_STATS_COMPLETE").source())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 success, 1 a check found a problem, 2 an error, which a line on stderr explains.

    It is 130 after Ctrl-C, and 141 when whoever reads the output has stopped.
    """
    if not sys.stdin:  # closed: there is nothing to read, as with /dev/null
        sys.stdin = io.TextIOWrapper(io.BytesIO())
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
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in _LOCAL:
            raise
        print(f"{error.name} is missing: the extra `local` brings it (pipx install '.[local]').", file=sys.stderr)
        return 2
    return int(code or 0)

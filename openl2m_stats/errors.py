"""Errors that end a command with one line on stderr and an exit code."""

import click


class Failed(click.ClickException):
    """The command failed; the text says why, in one line."""

    exit_code = 2


class Interrupted(Failed):
    """Ctrl-C ended the command."""

    exit_code = 130


class NotAvailable(Failed):
    """A database or a port cannot be used."""

    exit_code = 1

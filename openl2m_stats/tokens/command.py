"""`openl2m-stats tokens`: the operator's commands for the token registry."""

import click

from openl2m_stats.tokens.group import TokensGroup
from openl2m_stats.tokens.importing import import_
from openl2m_stats.tokens.keys import create, rotate
from openl2m_stats.tokens.listing import check, list_
from openl2m_stats.tokens.revoking import prune, revoke


@click.group(
    name="tokens",
    cls=TokensGroup,
    no_args_is_help=False,
    commands=[create, list_, revoke, rotate, prune, check, import_],
)
def command() -> None:
    """Create, list, revoke, rotate, check and import tokens."""

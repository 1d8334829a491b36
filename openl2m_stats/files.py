"""Files of the project that the command reads: from the wheel, or from a checkout."""

import os
from collections.abc import Mapping
from pathlib import Path

_INSTALLED = Path(__file__).parent / "data"

if _INSTALLED.is_dir():
    CA_FILE = _INSTALLED / "rds-global-bundle.pem"
else:
    CA_FILE = Path(__file__).parents[1] / "layers/dependencies/rds-global-bundle.pem"


def with_ca_file(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the function's variables with certificates that are on this machine, where the layer is not."""
    return {**variables, "DATABASE_CA_FILE": os.environ.get("DATABASE_CA_FILE") or str(CA_FILE)}

"""Files of the project that the command reads: from the wheel, or from a checkout."""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "data"

if _INSTALLED.is_dir():
    CA_FILE = _INSTALLED / "rds-global-bundle.pem"
else:
    CA_FILE = Path(__file__).parents[1] / "layers/dependencies/rds-global-bundle.pem"

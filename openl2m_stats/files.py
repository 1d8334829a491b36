"""Files of the project that the command reads: from the wheel, or from a checkout."""

from pathlib import Path

_INSTALLED = Path(__file__).parent / "data"
_CHECKOUT = Path(__file__).parents[1]

if _INSTALLED.is_dir():
    CA_FILE, DATABASE_SCRIPTS = _INSTALLED / "rds-global-bundle.pem", _INSTALLED / "database"
else:
    CA_FILE = _CHECKOUT / "layers/dependencies/rds-global-bundle.pem"
    DATABASE_SCRIPTS = _CHECKOUT / "infra/database"

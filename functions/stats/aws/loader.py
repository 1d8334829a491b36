"""A loader of botocore's data files that does not search for services and reads into plain dictionaries.

Botocore's own loader searches the folders of all services twice, and reads into ordered dictionaries. That takes an
eighth of a cold start.
"""

import json
import zlib
from contextlib import suppress
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

# The services that the function calls, and those from which botocore may get credentials.
SERVICES = ("rds", "s3", "secretsmanager", "signin", "sns", "sso", "sso-oidc", "sts")
_GZIP = 31  # of zlib's wbits: with gzip's header, of whatever window


class ServiceLoader(Loader):
    """Loads the data of SERVICES; other services do not exist for it."""

    def __init__(self) -> None:
        super().__init__(file_loader=_Files())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 each service has every type
        """Return SERVICES without searching the folders."""
        return list(SERVICES)


class _Files(JSONFileLoader):
    """Reads files into plain dictionaries, which takes half as long as into botocore's ordered ones."""

    def load_file(self, file_path: str) -> Any:
        content = _read(file_path)
        return None if content is None else json.loads(content.decode())


def _read(path: str) -> bytes | None:
    with suppress(FileNotFoundError), open(f"{path}.json", "rb") as file:  # noqa: PTH123 a Path takes longer
        return file.read()
    with suppress(FileNotFoundError), open(f"{path}.json.gz", "rb") as file:  # noqa: PTH123
        return zlib.decompress(file.read(), _GZIP)
    return None

"""A loader of botocore's data files that reads only what the function needs.

Botocore's own loader searches the folders of all services twice, and parses the endpoints of all of them. That takes an
eighth of a cold start.
"""

import json
import re
import zlib
from contextlib import suppress
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

# The services that the function calls or botocore may get credentials from, and their names in endpoints.json.
SERVICES = {
    "rds": b"rds",
    "s3": b"s3",
    "secretsmanager": b"secretsmanager",
    "signin": b"signin",
    "sso": rb"portal\.sso",
    "sso-oidc": b"oidc",
    "sts": b"sts",
}
# Landmarks in endpoints.json, by indentation: where a partition's services begin, one of ours, where they may end.
_MARKS = re.compile(
    rb'\n    (?:(?P<services>"services" : \{)|  (?P<entry>"(?:%s)" : \{)|\})' % b"|".join(SERVICES.values())
)
_ENTRY_ENDS = b"\n      }"
_GZIP = 31  # of zlib's wbits: with gzip's header, of whatever window


class ServiceLoader(Loader):
    """Loads the data of SERVICES, and knows no other services."""

    def __init__(self) -> None:
        super().__init__(file_loader=_Files())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 each has what a client needs
        """Return SERVICES, without searching the folders."""
        return list(SERVICES)


class _Files(JSONFileLoader):
    """Reads files into plain dictionaries, which takes half as long as into botocore's ordered ones."""

    def load_file(self, file_path: str) -> Any:
        content = _read(file_path)
        if content is not None and file_path.endswith("endpoints"):
            with suppress(ValueError):  # not the layout that we know: read it whole
                return json.loads(cut_endpoints(content).decode())
        return None if content is None else json.loads(content.decode())


def _read(path: str) -> bytes | None:
    with suppress(FileNotFoundError), open(f"{path}.json", "rb") as file:  # noqa: PTH123 a Path takes longer
        return file.read()
    with suppress(FileNotFoundError), open(f"{path}.json.gz", "rb") as file:  # noqa: PTH123
        return zlib.decompress(file.read(), _GZIP)
    return None


def cut_endpoints(content: bytes) -> bytes:
    """Return botocore's endpoints.json with no other services than SERVICES, so that parsing it is quick.

    Raise ValueError when it does not have the layout that we know.
    """
    cut: list[bytes] = []
    entries: list[bytes] = []
    done, found, in_services = 0, False, False
    for mark in _MARKS.finditer(content):
        if mark["services"]:
            cut.append(content[done : mark.end()])
            in_services = True
        elif mark["entry"]:
            entries.append(content[mark.start() : content.index(_ENTRY_ENDS, mark.end()) + len(_ENTRY_ENDS)])
            found = True
        elif in_services:
            cut.append(b",".join(entries))
            entries.clear()
            done, in_services = mark.start(), False
    if not found or in_services:
        raise ValueError
    return b"".join([*cut, content[done:]])

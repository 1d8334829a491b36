"""botocore's data files, of which only what the function uses is read.

Botocore's own loader looks into the folders of all services, twice, and parses the endpoints of all of them. That takes
a sixth of a cold start.
"""

import json
import re
import zlib
from contextlib import suppress
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

# What the function calls, and what botocore may call to get credentials; each with its name in endpoints.json.
SERVICES = {
    "rds": b"rds",
    "s3": b"s3",
    "secretsmanager": b"secretsmanager",
    "signin": b"signin",
    "sso": rb"portal\.sso",
    "sso-oidc": b"oidc",
    "sts": b"sts",
}
# endpoints.json is indented: here are a partition's services, one of those that are kept, and the end of them all.
_MARKS = re.compile(
    rb'\n    (?:(?P<services>"services" : \{)|  (?P<entry>"(?:%s)" : \{)|\})' % b"|".join(SERVICES.values())
)
_ENTRY_ENDS = b"\n      }"
_GZIP = 31  # of zlib's wbits: with gzip's header, of whatever window


class ServiceLoader(Loader):
    """Loads the data of SERVICES; for it, botocore has no others."""

    def __init__(self) -> None:
        super().__init__(file_loader=_Files())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 each has what a client needs
        """Return the services, without looking which others there are."""
        return list(SERVICES)


class _Files(JSONFileLoader):
    """Reads files as botocore does, but into plain dictionaries: they keep the order too, in half the time."""

    def load_file(self, file_path: str) -> Any:
        content = _read(file_path)
        if content is not None and file_path.endswith("endpoints"):
            with suppress(ValueError):  # in another layout than has been usual for years
                return json.loads(cut_endpoints(content).decode())
        return None if content is None else json.loads(content.decode())


def _read(path: str) -> bytes | None:
    with suppress(FileNotFoundError), open(f"{path}.json", "rb") as file:  # noqa: PTH123 a Path takes longer
        return file.read()
    with suppress(FileNotFoundError), open(f"{path}.json.gz", "rb") as file:  # noqa: PTH123
        return zlib.decompress(file.read(), _GZIP)
    return None


def cut_endpoints(content: bytes) -> bytes:
    """Return botocore's endpoints.json without the services that are not used: parsing is what takes long.

    Raise ValueError when its layout is not the usual one.
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

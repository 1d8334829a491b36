"""A zip archive whose bytes depend on nothing but what is in it, and on Python's own compression."""

import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

_FILE = 0o100644 << 16  # a regular file that everybody may read, whatever the umask was


def write_zip(path: Path, folder: str, files: Mapping[str, bytes], epoch: int) -> None:
    """Write `files`, by their names within `folder`, all dated `epoch`."""
    date = time.gmtime(epoch)[:6]
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", date)
            entry.external_attr = _FILE
            entry.create_system = 3  # Unix
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)

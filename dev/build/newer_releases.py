"""Offer a newer release of every locked package, in a folder for PIP_FIND_LINKS and UV_FIND_LINKS.

usage: python dev/build/newer_releases.py FOLDER

Set-up must install what the locks list, whatever has been published since. A release of these is empty, so that what
takes it breaks.
"""

import re
import sys
from pathlib import Path
from zipfile import ZipFile

_ROOT = Path(__file__).parents[2]
_VERSION = "9999"


def main(folder: Path) -> None:
    """Write the wheels."""
    folder.mkdir(parents=True, exist_ok=True)
    locks = [*(_ROOT / "requirements").glob("*.txt"), _ROOT / "layers/dependencies/requirements.txt"]
    for name in {name for lock in locks for name in re.findall(r"(?m)^([a-z0-9._-]+)==", lock.read_text())}:
        release = f"{re.sub(r'[-_.]+', '_', name)}-{_VERSION}"
        with ZipFile(folder / f"{release}-py3-none-any.whl", "w") as wheel:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {_VERSION}\n"
            wheel.writestr(f"{release}.dist-info/METADATA", metadata)
            wheel.writestr(
                f"{release}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{release}.dist-info/RECORD", "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`make build`: how large the built function and its layer are, as Lambda counts them."""

import io
import sys
import zipfile
from pathlib import Path

BUILD = Path(__file__).parents[2] / ".aws-sam/build"
# What grows beyond these has lost what keeps a cold start short. Of the function, what is ours to keep small is
# its source: bytecode is about twice as large, and repays that at every start. The page's files are an eighth of it;
# they are unpacked with it, and read at the first request for the page.
_LIMITS = {
    "StatsFunction": ("without bytecode", 140_000),
    "SnapshotFunction": ("without bytecode", 140_000),
    "DependenciesLayer": ("with bytecode", 4_500_000),
}


def pack(directory: Path, *, bytecode: bool = True) -> bytes:
    """Return the package that SAM uploads of a built directory: every file in it is of 1980."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for path in sorted(directory.rglob("*")):
            if path.is_file() and (bytecode or path.suffix != ".pyc"):
                entry = zipfile.ZipInfo(str(path.relative_to(directory)))
                package.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def main() -> int:
    """Return the exit code: 0 when every part is below its limit."""
    too_large = False
    for name, (what, limit) in _LIMITS.items():
        bare, full = len(pack(BUILD / name, bytecode=False)), len(pack(BUILD / name))
        print(f"{name}: zipped {full:,} bytes with bytecode, {bare:,} without; {what} it may be {limit:,}")
        too_large |= (full if what == "with bytecode" else bare) >= limit
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())

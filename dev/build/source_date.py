"""SOURCE_DATE_EPOCH: the date of everything in a release, so that the day of the build does not show in it."""

import os
import subprocess
import sys
from pathlib import Path

EARLIEST = 315532800  # 1980-01-01, before which an archive can name no date


def source_date_epoch(root: Path) -> int:
    """Return the date in seconds since 1970: SOURCE_DATE_EPOCH, or the time of the commit in `root`.

    Say so on stderr if there is no commit, and which files are not as committed.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(given), EARLIEST)
    try:
        top, moment = _git(root, "rev-parse", "--show-toplevel"), _git(root, "log", "-1", "--format=%ct")
    except (OSError, subprocess.CalledProcessError):
        top, moment = "", ""
    if not top or Path(top.strip()).resolve() != root.resolve():
        print(
            "This folder has no commit to take the date from: everything is dated 1980. With SOURCE_DATE_EPOCH set to "
            "the commit's time (git log -1 --format=%ct), the files are those of a build from git.",
            file=sys.stderr,
        )
        return EARLIEST
    if changed := _git(root, "status", "--porcelain"):
        print(
            f"These files are not as committed, so nobody else can build the same:\n{changed}", end="", file=sys.stderr
        )
    return max(int(moment), EARLIEST)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout

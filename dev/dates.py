"""Run the tests that need no server at dates on which code that rests on today's would fail.

usage: python -m dev.dates PYTHON [ARGUMENTS OF PYTEST]

PYTHON is that of an environment whose clock may be moved: each of its processes starts with an offset from the real
clock. The offset reaches whatever asks Python for the time; OpenSSL and SQLite go by the real clock.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_ZONE = "America/New_York"  # the machine's time zone in these runs
_HALF_AN_HOUR = timedelta(minutes=30)
_MODULE = """import pathlib, time, time_machine
time_machine.travel(time.time() + float(pathlib.Path(__file__).with_suffix(".txt").read_text()), tick=True).start()
"""


def instants(now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield future dates, with the special property of each."""
    new_year = datetime(now.year + 1, 1, 1, tzinfo=UTC)
    yield "the end of the year", new_year - _HALF_AN_HOUR
    year = [new_year + _HALF_AN_HOUR * number for number in range(366 * 48)]
    offsets = [instant.astimezone(ZoneInfo(_ZONE)).utcoffset() for instant in year]
    changes = [instant for instant, offset, then in zip(year, offsets, offsets[1:], strict=False) if offset != then]
    yield from zip(("the start of daylight saving time", "the end of daylight saving time"), changes, strict=False)
    leap_year = next(year for year in range(now.year + 1, now.year + 9) if year % 4 == 0 and year % 100)
    yield "a leap day", datetime(leap_year, 2, 29, 12, tzinfo=UTC)
    yield "five years on", now + timedelta(days=5 * 365)


def main(python: str, *arguments: str) -> int:
    """Return the exit code: 1 when a test failed at one of the dates."""
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    start, module, offset = (packages / f"moved_clock.{kind}" for kind in ("pth", "py", "txt"))
    results = []
    try:
        for name, instant in instants(datetime.now(UTC)):
            print(f"\n{name}: {instant:%Y-%m-%d %H:%M} UTC", flush=True)
            offset.write_text(str((instant - datetime.now(UTC)).total_seconds()))
            module.write_text(_MODULE)
            start.write_text("import moved_clock\n")
            results.append(_run(python, arguments))
    finally:
        for path in (start, module, offset):
            path.unlink(missing_ok=True)
    return int(any(results))


def _run(python: str, arguments: Sequence[str]) -> int:
    early = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"  # time_machine
    command = [python, "-m", "pytest", "--quiet", "-W", early, "-m", "not slow and not real_clock", *arguments]
    variables = {"STATS_TEST_ENGINES": "sqlite", "STATS_TEST_DATABASE_URLS": "", "TZ": _ZONE}
    return subprocess.run(command, check=False, env={**os.environ, **variables}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Time zones from the pinned tzdata package, not from the system."""

import functools
from pathlib import Path
from zoneinfo import ZoneInfo


@functools.cache
def time_zone(key: str) -> ZoneInfo:
    """Return a zone of the tzdata package, the same object each time; ZoneInfo(key) would prefer the system's data.

    Raise ValueError for a name that the package does not have.
    """
    import tzdata  # `make deploy` checks settings without installed packages

    data = Path(tzdata.__file__).parent
    if key not in (data / "zones").read_text().split():
        raise ValueError("not a time zone")
    with (data / "zoneinfo" / key).open("rb") as file:
        return ZoneInfo.from_file(file, key)

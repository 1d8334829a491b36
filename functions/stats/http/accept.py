"""The preferences in Accept and Accept-Encoding headers; pure."""

import re
from collections.abc import Sequence

_QUALITY = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)


def preference(values: Sequence[str], ranges: Sequence[str]) -> tuple[float, int]:
    """Return the weight of a type or coding, 0 if it is not accepted, and how specific the header is about it.

    `values` are the header's. `ranges` go from the exact name to the widest wildcard that covers it; the most exact one
    in the header counts (RFC 9110, section 12.5).
    """
    exactness_of = {name: len(ranges) - place for place, name in enumerate(ranges)}
    weights = {}
    for item in ",".join(values).split(","):
        name, *parameters = (part.strip() for part in item.lower().split(";"))
        found = [match for match in map(_QUALITY.fullmatch, parameters) if match]
        if name in exactness_of:
            weights[exactness_of[name]] = float(found[0][1]) if found else 1.0
    exactness = max(weights, default=0)
    weight = weights.get(exactness, 0.0)
    return weight, exactness if weight else 0

"""Which modules take longest to import, of the built function in Lambda's Python."""

import re
import subprocess
from dataclasses import dataclass

from dev.build.sandbox import RUNTIME, Package

_LINE = re.compile(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", re.MULTILINE)
_RUNS = 5


@dataclass(frozen=True)
class Module:
    """Milliseconds that a module's own code takes, and with what it is first to import."""

    name: str
    alone: float
    with_imports: float


def slowest(count: int) -> list[Module]:
    """Return the modules whose own code takes longest, each at its fastest of some runs."""
    found: dict[str, Module] = {}
    for _ in range(_RUNS):
        for alone, with_imports, name in _LINE.findall(_import()):
            module = Module(name, int(alone) / 1000, int(with_imports) / 1000)
            found[name] = min(found.get(name, module), module, key=lambda each: each.alone)
    return sorted(found.values(), key=lambda each: -each.alone)[:count]


def _import() -> str:
    environment = Package().environment() | {"DATABASE_SECRET_ID": "none", "TOKENS_SECRET_ID": "none"}
    command = [str(RUNTIME), "-X", "importtime", "-c", "import stats.api"]
    return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True).stderr

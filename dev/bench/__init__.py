"""`make bench` and `make bench-cold`: the function beside OpenL2M's own statements, and beside a bare handler."""

import signal
import subprocess
import sys
from collections.abc import Callable

from dev.servers.programs import ServerError


def exit_code(command: Callable[[], None]) -> int:
    """Run a command; return 0, 130 when it is interrupted, 1 when a program is missing or the numbers differ."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        command()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except (ServerError, ValueError, subprocess.CalledProcessError) as error:
        print(f"\n{getattr(error, 'stderr', None) or error}", file=sys.stderr)
        return 1
    return 0

"""Check that deploy.toml has an environment with a stack, with nothing but the standard library.

usage: python -m dev.build.check_environment ENVIRONMENT

`make deploy` begins with this, before it installs anything.
"""

import sys

from openl2m_stats.environments import EnvironmentFileError, read


def main(name: str) -> int:
    """Return the exit code: 2 when the environment cannot be used, as of a wrong call."""
    try:
        read(name)
    except EnvironmentFileError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

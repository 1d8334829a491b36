#!/bin/sh
# usage: create_venv.sh PYTHON DIRECTORY LOCK [PART]
# Checks that a Python suits, then has it run venvs.py.
set -eu
python=$1
shift
fail() { echo "$*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 to 3.14 (Debian: apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' ||
  fail "$("$python" --version) does not suit: Python 3.11 to 3.14 is needed; name one with make PYTHON=…"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$python has no venv: install it (Debian: apt-get install python3-venv)"

exec "$python" "$(dirname "$0")/venvs.py" "$@"

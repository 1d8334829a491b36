#!/bin/sh
# Prints the CPython 3.13 that the built artifact is compiled and run with: what PYTHON313 names, else what
# is on PATH, else what pyenv or uv has installed for this account, wherever HOME points.
set -eu
suits() { "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.implementation.name != "cpython" or sys.version_info[:2] != (3, 13))' 2>/dev/null; }

if [ -n "${PYTHON313:-}" ]; then
  suits "$PYTHON313" || { echo "PYTHON313=$PYTHON313 is no CPython 3.13 with venv" >&2; exit 1; }
  echo "$PYTHON313"
  exit
fi
# A name on PATH may be a shim that only says that its version is not selected: each is tried, not looked for.
home=$(getent passwd "$(id -u)" | cut -d: -f6 || true)
for candidate in python3.13 python3 \
  "${HOME:-$home}"/.pyenv/versions/3.13*/bin/python3.13 "$home"/.pyenv/versions/3.13*/bin/python3.13 \
  "${HOME:-$home}"/.local/share/uv/python/cpython-3.13*/bin/python3.13 "$home"/.local/share/uv/python/cpython-3.13*/bin/python3.13; do
  if suits "$candidate"; then "$candidate" -c 'import sys; print(sys.executable)'; exit; fi
done
echo "CPython 3.13 is missing, which Lambda runs this on: install it (pyenv install 3.13, uv python install 3.13) or name it with PYTHON313=/path/to/python3.13" >&2
exit 1

#!/bin/sh
# usage: find_python.sh [VERSION]
# Prints a CPython of a version, by default of 3.13, which the built artifact is compiled and run with: what PYTHON313
# names (PYTHON312 for 3.12), else what is on PATH, else what pyenv or uv has installed for this account, wherever HOME
# points.
set -eu
version=${1:-3.13}
digits=$(echo "$version" | tr -d .)
is_another="sys.implementation.name != 'cpython' or sys.version_info[:2] != ($(echo "$version" | tr . ,))"
suits() { "$1" -c "import sys, ensurepip, venv; sys.exit($is_another)" 2>/dev/null; }

eval "named=\${PYTHON$digits:-}"
if [ -n "$named" ]; then
  suits "$named" || { echo "PYTHON$digits=$named is no CPython $version with venv" >&2; exit 1; }
  echo "$named"
  exit
fi
# A name on PATH may be a shim that only says that its version is not selected: each is tried, not looked for.
home=$(getent passwd "$(id -u)" | cut -d: -f6 || true)
for candidate in "python$version" python3 \
  "${HOME:-$home}/.pyenv/versions/$version"*"/bin/python$version" "$home/.pyenv/versions/$version"*"/bin/python$version" \
  "${HOME:-$home}/.local/share/uv/python/cpython-$version"*"/bin/python$version" \
  "$home/.local/share/uv/python/cpython-$version"*"/bin/python$version"; do
  if suits "$candidate"; then "$candidate" -c 'import sys; print(sys.executable)'; exit; fi
done
echo "CPython $version is missing: install it (pyenv install $version, uv python install $version) or name it with PYTHON$digits=/path/to/python$version" >&2
exit 1

#!/bin/sh
# usage: create_venv.sh PYTHON DIRECTORY REQUIREMENTS
# Creates a virtual environment with what a locked requirements file lists.
set -eu
python=$1 directory=$2 requirements=$3
fail() { echo "$*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 to 3.14 (Debian: apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' ||
  fail "$("$python" --version) does not suit: Python 3.11 to 3.14 is needed; name one with make PYTHON=…"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$python has no venv: install it (Debian: apt-get install python3-venv)"

echo "Installing $requirements into $directory; this is done once." >&2
rm -rf "$directory"
"$python" -m venv "$directory"
"$directory/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$requirements"

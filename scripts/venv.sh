#!/bin/sh
# Makes the virtual environment VENV with PYTHON; says what to install when the machine lacks it.
# Usage: venv.sh PYTHON VENV
set -eu
python=$1 venv=$2

say_and_stop() { printf '%s\n' "$@" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 ||
    say_and_stop "No $python on this machine. On Debian: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    say_and_stop "$python is older than 3.11. Name a newer one: make run PYTHON=python3.12"
if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "    installing Debian's python3-venv"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    else
        say_and_stop "$python has no venv module. On Debian, as root: apt-get install python3-venv"
    fi
fi
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r requirements-build.lock

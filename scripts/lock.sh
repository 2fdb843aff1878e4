#!/bin/sh
# Renews the hash-checked locks; no registry is named in them.  Usage: lock.sh BIN
set -eu
bin=$1
compile() {
    "$bin/python" -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options "$@"
}
"$bin/python" -m pip install --quiet pip-tools
compile -o requirements.lock pyproject.toml
compile --extra dev -o requirements-dev.lock pyproject.toml
printf 'pip\nsetuptools>=77\nwheel\n' | compile -o requirements-build.lock -

#!/bin/sh
# Writes the lock files, with hashes: one version of each package, for every runtime that may be deployed and every platform.
set -eu
cd "$(dirname "$0")/.."

python3 -m venv build/lock
build/lock/bin/pip install --quiet uv==0.13.9
for name in requirements requirements-statistics requirements-dev requirements-docs; do
    build/lock/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@" "$name.in" -o "$name.txt"
done
sh scripts/setup.sh  # npm is the one that requirements-dev.txt pins
PATH="$PWD/.venv/bin:$PATH" npm install --package-lock-only --omit-lockfile-registry-resolved

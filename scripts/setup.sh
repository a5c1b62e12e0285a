#!/bin/sh
# Checks that the machine has Python and Node.js, says what is missing, and starts install.py.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$1" >&2; }

python=""
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done

missing=0
if [ -z "$python" ]; then
    say "Python 3.11 or newer is missing: install it, or name it with PYTHON=/path/to/python3."
    missing=1
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    say "Python's venv module is missing: install your system's python3-venv package."
    missing=1
fi
if ! command -v node >/dev/null 2>&1; then
    say "Node.js 20 or newer is missing: install it."
    missing=1
elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    say "Node.js 20 or newer is needed, and this is $(node --version): upgrade it."
    missing=1
fi
if ! command -v npm >/dev/null 2>&1; then
    say "npm is missing: install it, it usually comes with Node.js."
    missing=1
fi
[ "$missing" -eq 0 ] || exit 1

exec "$python" scripts/install.py

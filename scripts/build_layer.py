"""Builds the dependency layer without Docker: hash-pinned wheels for the Lambda platform, cached by what went in.

python -m scripts.build_layer --runtime python3.14 --architecture arm64
python -m scripts.build_layer --native      (for this machine's Python: what a local account runs)
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
BUILD = ROOT / "build"
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# pip does not expand one manylinux tag to the older ones when --platform is given, and wheels use all three spellings.
PLATFORMS = ("manylinux_2_28_{}", "manylinux_2_17_{}", "manylinux2014_{}")
# Lambda takes 250 MB unzipped for all layers and the function together.
SIZE_LIMIT = 60 * 1024 * 1024


def layer_path(runtime: str, architecture: str, build: Path = BUILD) -> Path:
    """Where the layer for this runtime (`python3.14`) and architecture (`arm64`, `x86_64`) stands, built or not."""
    # No dot: CDK would take what follows it for the asset's extension.
    return build / f"layer-{architecture}-{runtime.replace('.', '')}"


def native_platform() -> tuple[str, str]:
    """Runtime and architecture of this very Python, in Lambda's words."""
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return f"python{sys.version_info.major}.{sys.version_info.minor}", architecture


def build_layer(runtime: str, architecture: str, build: Path = BUILD, lock: Path = LOCK) -> Path:
    """Returns the layer's folder, building it first if the lock file or the platform changed since it was built."""
    target = layer_path(runtime, architecture, build)
    stamp = target.with_suffix(".stamp")
    wanted = _fingerprint(runtime, architecture, lock)
    build.mkdir(parents=True, exist_ok=True)
    with exclusive(build / "layer.lock"):
        if target.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
            return target
        staging = target.with_suffix(".new")
        shutil.rmtree(staging, ignore_errors=True)
        _install(staging / "python", runtime.removeprefix("python"), MACHINES[architecture], lock)
        _strip(staging)
        _check_size(staging)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        stamp.write_text(wanted)
    return target


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds an inter-process lock: parallel test workers build one layer, not two into the same folder."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fingerprint(runtime: str, architecture: str, lock: Path) -> str:
    recipe = hashlib.sha256(Path(__file__).read_bytes() + lock.read_bytes())
    return f"{runtime} {architecture} {recipe.hexdigest()}\n"


def _install(target: Path, version: str, machine: str, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", version]
    command += [flag for tag in PLATFORMS for flag in ("--platform", tag.format(machine))]
    command += ["--requirement", str(lock), "--target", str(target)]
    subprocess.run(command, check=True)


def _strip(layer: Path) -> None:
    for name in ("__pycache__", "tests", "bin"):
        for folder in [found for found in layer.rglob(name) if found.is_dir()]:
            shutil.rmtree(folder)


def _check_size(layer: Path) -> None:
    size = sum(file.stat().st_size for file in layer.rglob("*") if file.is_file())
    if size > SIZE_LIMIT:
        raise SystemExit(f"The dependency layer is {size >> 20} MB unzipped; the limit set for it is {SIZE_LIMIT >> 20} MB.")


def main() -> None:
    """Builds the layer named by the arguments and prints its folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runtime", default="python3.14")
    parser.add_argument("--architecture", default="arm64", choices=sorted(MACHINES))
    parser.add_argument("--native", action="store_true", help="runtime and architecture of the Python that runs this")
    arguments = parser.parse_args()
    print(build_layer(*native_platform()) if arguments.native else build_layer(arguments.runtime, arguments.architecture))


if __name__ == "__main__":
    main()

"""Builds the dependency layers without Docker: hash-pinned wheels for the Lambda platform, cached by what went in.

python -m scripts.build_layer --runtime python3.14 --architecture arm64
python -m scripts.build_layer --native      (for this machine's Python: what a local account runs)

Two layers: what every function imports, and the numerical libraries that the function Compare alone imports.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MB = 1024 * 1024
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# pip does not expand one manylinux tag to the older ones when --platform is given, and wheels use all three spellings.
PLATFORMS = ("manylinux_2_28_{}", "manylinux_2_17_{}", "manylinux2014_{}")


@dataclass(frozen=True)
class Layer:
    """One layer: its name, what is locked for it, and the size it may have unzipped."""

    name: str
    lock: Path
    size_limit: int


DEPENDENCIES = Layer("layer", ROOT / "requirements.txt", 60 * MB)
STATISTICS = Layer("statistics", ROOT / "requirements-statistics.txt", 170 * MB)
LAYERS = (DEPENDENCIES, STATISTICS)
"""Together, and with the code of a function, they stay under the 250 MB that Lambda takes unzipped."""
NEVER_IMPORTED = ("*.pyi", "*.pyx", "*.pxd", "*.a", "*.h")
"""What wheels carry for compilers and type checkers."""


def layer_path(layer: Layer, runtime: str, architecture: str, build: Path = BUILD) -> Path:
    """The layer's archive for this runtime (`python3.14`) and architecture (`arm64`, `x86_64`), built or not."""
    return build / f"{layer.name}-{architecture}-{runtime.replace('.', '')}.zip"


def native_platform() -> tuple[str, str]:
    """Runtime and architecture of this very Python, in Lambda's words."""
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return f"python{sys.version_info.major}.{sys.version_info.minor}", architecture


def build_layer(layer: Layer, runtime: str, architecture: str, build: Path = BUILD) -> Path:
    """Returns the layer's archive, building it first if the lock file or the platform changed since it was built.

    An archive, not a folder: every synth copies its assets, and every deployment would compress them again.
    """
    target = layer_path(layer, runtime, architecture, build)
    stamp = target.with_suffix(".stamp")
    wanted = _fingerprint(runtime, architecture, layer)
    build.mkdir(parents=True, exist_ok=True)
    with exclusive(build / f"{layer.name}.lock"):
        if target.is_file() and stamp.is_file() and stamp.read_text() == wanted:
            return target
        staging = target.with_suffix(".new")
        shutil.rmtree(staging, ignore_errors=True)
        _install(staging / "python", runtime.removeprefix("python"), MACHINES[architecture], layer.lock)
        _strip(staging)
        _check_size(staging, layer)
        stamp.unlink(missing_ok=True)
        _archive(staging, target)
        shutil.rmtree(staging)
        stamp.write_text(wanted)
    return target


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds an inter-process lock: parallel test workers build one layer, not two into the same folder."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fingerprint(runtime: str, architecture: str, layer: Layer) -> str:
    recipe = hashlib.sha256(Path(__file__).read_bytes() + layer.lock.read_bytes())
    return f"{runtime} {architecture} {recipe.hexdigest()}\n"


def _install(target: Path, version: str, machine: str, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", version]
    command += [flag for tag in PLATFORMS for flag in ("--platform", tag.format(machine))]
    command += ["--requirement", str(lock), "--target", str(target)]
    subprocess.run(command, check=True)


def _strip(folder: Path) -> None:
    for name in ("__pycache__", "tests", "bin"):
        for found in [found for found in folder.rglob(name) if found.is_dir()]:
            shutil.rmtree(found)
    for pattern in NEVER_IMPORTED:
        for file in [found for found in folder.rglob(pattern) if found.is_file()]:
            file.unlink()


def _archive(folder: Path, target: Path) -> None:
    """The same content gives the same bytes: names in order, no times."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(found for found in folder.rglob("*") if found.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(folder)))
            info.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def unzipped(archive: Path) -> int:
    """Bytes that Lambda counts of it."""
    with zipfile.ZipFile(archive) as opened:
        return sum(info.file_size for info in opened.infolist())


def _check_size(folder: Path, layer: Layer) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > layer.size_limit:
        raise SystemExit(f"The layer {layer.name} is {size >> 20} MB unzipped; the limit set for it is {layer.size_limit >> 20} MB.")


def main() -> None:
    """Builds the layers for the platform named by the arguments and prints their archives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runtime", default="python3.14")
    parser.add_argument("--architecture", default="arm64", choices=sorted(MACHINES))
    parser.add_argument("--native", action="store_true", help="runtime and architecture of the Python that runs this")
    arguments = parser.parse_args()
    runtime, architecture = native_platform() if arguments.native else (arguments.runtime, arguments.architecture)
    for layer in LAYERS:
        print(build_layer(layer, runtime, architecture))


if __name__ == "__main__":
    main()

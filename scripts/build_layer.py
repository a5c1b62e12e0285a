"""Builds the dependency layers without Docker: hash-pinned wheels for the Lambda platform, built again when a lock file changes.

python -m scripts.build_layer              (for the runtime that is deployed by default, on arm64)
python -m scripts.build_layer --native     (for this machine's Python, as the local account needs it)

There are two layers: the libraries that every function imports, and the numerical libraries that only Compare imports.
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

from infra.places import ROOT
from infra.settings import DEFAULT_RUNTIME
from scripts import bytecode

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD = ROOT / "build"
MB = 1024 * 1024
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# With --platform, pip does not accept wheels of older manylinux tags by itself, and wheels use all three forms.
PLATFORMS = ("manylinux_2_28_{}", "manylinux_2_17_{}", "manylinux2014_{}")


@dataclass(frozen=True)
class Layer:
    """One layer: its name, its lock file, and the largest unzipped size in bytes."""

    name: str
    lock: Path
    size_limit: int


DEPENDENCIES = Layer("layer", ROOT / "requirements.txt", 60 * MB)
STATISTICS = Layer("statistics", ROOT / "requirements-statistics.txt", 170 * MB)
LAYERS = (DEPENDENCIES, STATISTICS)
"""Both layers and a function's code together stay under the 250 MB that Lambda accepts unzipped."""
NEVER_IMPORTED = ("*.pyi", "*.pyx", "*.pxd", "*.a", "*.h", "RECORD")
"""Files that only C compilers, type checkers and pip need. A RECORD also differs with the path of the Python that ran pip."""


def layer_path(layer: Layer, runtime: str, architecture: str, build: Path = BUILD) -> Path:
    """The path of the layer's archive for this runtime (`python3.14`) and architecture (`arm64`, `x86_64`), built or not."""
    return build / f"{layer.name}-{architecture}-{runtime.replace('.', '')}.zip"


def native_platform() -> tuple[str, str]:
    """The runtime and the architecture of the running Python, as Lambda names them."""
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return f"python{sys.version_info.major}.{sys.version_info.minor}", architecture


def build_layer(layer: Layer, runtime: str, architecture: str, build: Path = BUILD) -> Path:
    """Returns the layer's archive, and builds it first if the lock file or this script changed since it was built.

    It is an archive and not a folder because every synth copies its assets and every deployment would compress a folder again.
    """
    target = layer_path(layer, runtime, architecture, build)
    stamp = target.with_suffix(".stamp")
    fingerprint = _make_fingerprint(runtime, architecture, layer)
    build.mkdir(parents=True, exist_ok=True)
    with hold_lock(build / f"{layer.name}.lock"):
        if target.is_file() and stamp.is_file() and stamp.read_text() == fingerprint:
            return target
        staging = target.with_suffix(".new")
        shutil.rmtree(staging, ignore_errors=True)
        _install_wheels(staging / "python", runtime.removeprefix("python"), MACHINES[architecture], layer.lock)
        _remove_unused_files(staging)
        bytecode.compile_folder(staging, runtime, bytecode.LAYER_PATH)
        _check_size(staging, layer)
        stamp.unlink(missing_ok=True)
        _write_archive(staging, target)
        shutil.rmtree(staging)
        stamp.write_text(fingerprint)
    return target


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Holds a lock between processes, so that parallel test workers do not build into the same folder."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make_fingerprint(runtime: str, architecture: str, layer: Layer) -> str:
    recipe = hashlib.sha256(Path(__file__).read_bytes() + Path(bytecode.__file__).read_bytes() + layer.lock.read_bytes())
    recipe.update(bytecode.compiler_version(runtime).encode())
    return f"{runtime} {architecture} {recipe.hexdigest()}\n"


def _install_wheels(target: Path, version: str, machine: str, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", version]
    command += [flag for tag in PLATFORMS for flag in ("--platform", tag.format(machine))]
    command += ["--requirement", str(lock), "--target", str(target)]
    subprocess.run(command, check=True)


def _remove_unused_files(folder: Path) -> None:
    for name in ("__pycache__", "tests", "bin"):
        for subfolder in [path for path in folder.rglob(name) if path.is_dir()]:
            shutil.rmtree(subfolder)
    for pattern in NEVER_IMPORTED:
        for file in [path for path in folder.rglob(pattern) if path.is_file()]:
            file.unlink()


def _write_archive(folder: Path, target: Path) -> None:
    """Writes an archive whose bytes depend only on the content: names sorted, no timestamps."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(str(path.relative_to(folder)))
            info.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)


def unzipped_size(archive: Path) -> int:
    """The size of an archive's content in bytes, which Lambda's limit is about."""
    with zipfile.ZipFile(archive) as content:
        return sum(info.file_size for info in content.infolist())


def _check_size(folder: Path, layer: Layer) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > layer.size_limit:
        raise SystemExit(f"The layer {layer.name} is {size >> 20} MB unzipped; the limit set for it is {layer.size_limit >> 20} MB.")


def main() -> None:
    """Builds the layers for the platform of the arguments and prints the paths of their archives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runtime", default=DEFAULT_RUNTIME)
    parser.add_argument("--architecture", default="arm64", choices=sorted(MACHINES))
    parser.add_argument("--native", action="store_true", help="runtime and architecture of the Python that runs this")
    arguments = parser.parse_args()
    runtime, architecture = native_platform() if arguments.native else (arguments.runtime, arguments.architecture)
    if bytecode.find_interpreter(runtime) is None:
        print(bytecode.describe_missing_interpreter(runtime), file=sys.stderr)
    for layer in LAYERS:
        print(build_layer(layer, runtime, architecture))


if __name__ == "__main__":
    main()

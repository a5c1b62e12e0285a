"""The code asset of the functions: the package, the deployed definitions and the charting library of the reports."""

import hashlib
import json
import shutil
from pathlib import Path

from infra.definitions import Definitions
from infra.places import BUILD, PACKAGE, ROOT
from scripts import bytecode
from scripts.build_layer import hold_lock

UPLOT = ROOT / "node_modules" / "uplot"
# package-lock.json pins the library by hash. The licence has to accompany the copy.
CHARTING = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")


class MissingLibraryError(Exception):
    """The charting library is not installed."""


def stage_code(definitions: Definitions, runtime: str, build: Path = BUILD) -> Path:
    """Returns the folder for `Code.from_asset`, with bytecode for the runtime (`python3.13`) if a Python of it is
    installed. The folder is named by a hash of what it is made from: parallel synths share it."""
    files = {f"squall/{path.relative_to(PACKAGE)}": path.read_bytes() for path in sorted(PACKAGE.rglob("*")) if _is_packaged(path)}
    for name, document in definitions.files().items():
        files[f"squall/deployed/{name}"] = json.dumps(document, indent=1, sort_keys=True).encode()
    files |= {f"squall/reporting/vendor/{name}": content for name, content in read_charting_files().items()}
    folder = build / "code" / _hash_files(files | {"compiler": bytecode.compiler_version(runtime).encode()})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(folder.parent / "code.lock"):
        if not folder.is_dir():
            staging = folder.with_suffix(".new")
            shutil.rmtree(staging, ignore_errors=True)
            for name, content in files.items():
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).write_bytes(content)
            bytecode.compile_folder(staging, runtime, bytecode.CODE_PATH)
            staging.rename(folder)
    return folder


def read_charting_files() -> dict[str, bytes]:
    """The charting library by file name. A report embeds its script, so the script begins with the licence."""
    files = {Path(name).name: _read_charting_file(name) for name in CHARTING}
    files["uPlot.iife.min.js"] = b"/*!\n" + files["LICENSE"].strip() + b"\n*/\n" + files["uPlot.iife.min.js"]
    return files


def _read_charting_file(name: str) -> bytes:
    path = UPLOT / name
    if not path.is_file():
        raise MissingLibraryError(f"{path} is missing: `make setup` (or `npm ci`) installs it; reports embed it")
    return path.read_bytes()


def _is_packaged(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.parent.name != "deployed"


def _hash_files(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]

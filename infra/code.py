"""The functions' code asset: the package as it stands, the deployed definitions and the reports' charting library, in a folder named by
its content."""

import hashlib
import json
import shutil
from pathlib import Path

from infra.definitions import Definitions
from infra.settings import ROOT
from scripts.build_layer import exclusive

PACKAGE = ROOT / "lambdas" / "squall"
UPLOT = ROOT / "node_modules" / "uplot"
# As package-lock.json pins it by hash. The licence travels with the copy.
CHARTING = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")


class MissingLibraryError(Exception):
    """The charting library isn't installed."""


def stage(definitions: Definitions, build: Path = ROOT / "build") -> Path:
    """Folder to give to `Code.from_asset`; the same content gives the same folder, so parallel synths share it."""
    files = {f"squall/{path.relative_to(PACKAGE)}": path.read_bytes() for path in sorted(PACKAGE.rglob("*")) if _belongs(path)}
    for name, document in definitions.files().items():
        files[f"squall/deployed/{name}"] = json.dumps(document, indent=1, sort_keys=True).encode()
    files |= {f"squall/reporting/vendor/{Path(name).name}": _charting(name) for name in CHARTING}
    folder = build / "code" / _digest(files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(folder.parent / "code.lock"):
        if not folder.is_dir():
            staging = folder.with_suffix(".new")
            shutil.rmtree(staging, ignore_errors=True)
            for name, content in files.items():
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                (staging / name).write_bytes(content)
            staging.rename(folder)
    return folder


def _charting(name: str) -> bytes:
    path = UPLOT / name
    if not path.is_file():
        raise MissingLibraryError(f"{path} is missing: `make setup` (or `npm ci`) installs it; reports embed it")
    return path.read_bytes()


def _belongs(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and path.parent.name != "deployed"


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]

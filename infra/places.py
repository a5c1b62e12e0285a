"""Where the files that the stack is made of are: in the repository, or in the installed wheel (`squall_cdk`)."""

import json
import os
from pathlib import Path
from typing import Any

import squall.version

HERE = Path(__file__).resolve().parent
_SHIPPED = HERE / "shipped"
IS_INSTALLED = _SHIPPED.is_dir()
ROOT = _SHIPPED if IS_INSTALLED else HERE.parent
"""The repository, or the folder of the wheel that holds a copy of the files named here (`scripts/wheel.py` lists them)."""
PACKAGE = Path(squall.version.__file__).resolve().parent
"""The package that the functions run."""


def _find_build_folder() -> Path:
    """The folder for what is built: in the repository, or in the user's cache, which a wheel of another version does not
    share."""
    if not IS_INSTALLED:
        return ROOT / "build"
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "squall" / squall.version.VERSION


BUILD = _find_build_folder()


def read_feature_flags() -> dict[str, Any]:
    """Reads the context of cdk.json, which only the `cdk` command passes to the app by itself."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags

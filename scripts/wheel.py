"""Hatchling's hooks for the wheel: the packages under names that collide with nothing, and dependencies from the
`requirements*.in` files.

The folders of the repository have short names. In an environment of somebody else, `cli` or `infra` would hide, or be
hidden by, a package of theirs, so the wheel has them under the names in `PACKAGES`. Nothing else of a module changes.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

PACKAGES = {
    "lambdas/squall": "squall",
    "cli": "squall_cli",
    "discovery": "squall_discovery",
    "infra": "squall_cdk",
    "local": "squall_local",
}
"""Each folder of the repository that the wheel has as a package, and the package's name."""
SHIPPED = "squall_cdk/shipped"
CHARTING = ("node_modules/uplot/dist/uPlot.iife.min.js", "node_modules/uplot/dist/uPlot.min.css", "node_modules/uplot/LICENSE")
FILES = {
    "scripts/__init__.py": "squall_cdk/scripts/__init__.py",
    "scripts/build_layer.py": "squall_cdk/scripts/build_layer.py",
    "scripts/bytecode.py": "squall_cdk/scripts/bytecode.py",
    **{
        name: f"{SHIPPED}/{name}"
        for name in (
            "app.py",
            "cdk.json",
            "requirements.txt",
            "requirements-statistics.txt",
            "statemachines/campaign.asl.json",
            "statemachines/experiment.asl.json",
            "schemas/environment.schema.json",
            "schemas/experiment.schema.json",
            *CHARTING,
        )
    },
}
"""Further files, with their places in the wheel."""
REQUIREMENTS = ("requirements.in", "requirements-statistics.in", "requirements-command.in")
EXTRAS = {"cdk": ("requirements-cdk.in",), "local": ("requirements-cdk.in", "requirements-local.in")}
LOCKS = ("requirements.txt", "requirements-statistics.txt", "requirements-dev.txt")

_NAMES = {
    "cli": "squall_cli",
    "discovery": "squall_discovery",
    "infra": "squall_cdk",
    "local": "squall_local",
    "scripts": "squall_cdk.scripts",
}
_IMPORT = re.compile(rf"^(\s*(?:from|import) )({'|'.join(_NAMES)})(?=[. ])", re.MULTILINE)
_MODULE_NAME = re.compile(rf"\"({'|'.join(_NAMES)})((?:\.[a-z_]+)+)(?<!\.json)\"")
"""A string that is only the name of a module, as `python -m` takes it. `discovery.json` is a document, not a module."""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_PLAIN = re.compile(r"^([A-Za-z0-9._-]+)(\[[a-z0-9,_-]+\])?$")


class Metadata(MetadataHookInterface):
    """Fills in the dependencies. A package that is not pinned must have at least the version that the tests ran with."""

    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        locked = read_locked_versions(root)
        metadata["dependencies"] = [line for name in REQUIREMENTS for line in read_requirements(root / name, locked)]
        metadata["optional-dependencies"] = {
            extra: [line for name in names for line in read_requirements(root / name, locked)] for extra, names in EXTRAS.items()
        }


class Wheel(BuildHookInterface[Any]):
    """Puts the packages into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling passes it by name
        root = Path(self.root)
        staging = root / "build" / "wheel"
        shutil.rmtree(staging, ignore_errors=True)
        stage_packages(root, staging)
        build_data["force_include"] |= {str(package): package.name for package in staging.iterdir()}


def stage_packages(root: Path, staging: Path) -> None:
    """Writes the content of the wheel into a folder. In a clone without Node's packages, as pip and pre-commit make one, the
    charting library is left out: the command does not need it, and a synth names it."""
    for folder, package in PACKAGES.items():
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.parent.name != "deployed":
                _stage_file(path, staging / package / path.relative_to(root / folder))
    has_node_modules = (root / "node_modules").is_dir()
    for name, place in FILES.items():
        if name in CHARTING and not has_node_modules:
            continue
        _stage_file(root / name, staging / place)


def _stage_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".py":
        target.write_text(rename_packages(source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        shutil.copyfile(source, target)


def rename_packages(code: str) -> str:
    """The code with the packages' names in the wheel, in its imports and in the names of modules to run."""
    code = _IMPORT.sub(lambda match: match[1] + _NAMES[match[2]], code)
    return _MODULE_NAME.sub(lambda match: f'"{_NAMES[match[1]]}{match[2]}"', code)


def read_locked_versions(root: Path) -> dict[str, str]:
    """The locked version of each package."""
    return {name.lower(): version for lock in LOCKS for name, version in _PINNED.findall((root / lock).read_text())}


def read_requirements(path: Path, locked: dict[str, str]) -> list[str]:
    """The requirements of an `.in` file, each with a version."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [_bound_version(line, locked) for line in lines if line and not line.startswith("-")]


def _bound_version(requirement: str, locked: dict[str, str]) -> str:
    plain = _PLAIN.match(requirement)
    return f"{requirement}>={locked[plain[1].lower()]}" if plain else requirement

"""The catalogue and the environment policies as deployed: files in the code asset, never execution input."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEPLOYED = Path(__file__).parents[2] / "deployed"


@dataclass(frozen=True)
class Deployed:
    catalogue: dict[str, Any]
    """Catalogue name to experiment, raw: Admit parses what it runs."""
    environments: dict[str, Any]


@cache
def deployed(folder: Path = DEPLOYED) -> Deployed:
    """Read once per process. Raises FileNotFoundError when the asset was built without its definitions."""
    return Deployed(
        catalogue=json.loads((folder / "catalogue.json").read_text()),
        environments=json.loads((folder / "environments.json").read_text()),
    )

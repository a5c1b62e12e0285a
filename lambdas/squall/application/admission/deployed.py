"""The catalogue and the environment policies as deployed: files in the code asset, never part of an execution's
input."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

DEPLOYED = Path(__file__).parents[2] / "deployed"


@dataclass(frozen=True)
class DeployedDefinitions:
    catalogue: dict[str, Any]
    """Raw experiments by their name in the catalogue; Admit parses the one that it runs."""
    environments: dict[str, Any]
    """Raw policies by the name of the environment."""
    campaigns: dict[str, Any] = field(default_factory=dict)
    """Raw campaigns by their name in the catalogue."""


@cache
def load_deployed(folder: Path = DEPLOYED) -> DeployedDefinitions:
    """The deployed definitions, read once per process. Raises FileNotFoundError if the asset was built without
    them."""
    return DeployedDefinitions(
        catalogue=json.loads((folder / "catalogue.json").read_text()),
        environments=json.loads((folder / "environments.json").read_text()),
        campaigns=json.loads((folder / "campaigns.json").read_text()),
    )

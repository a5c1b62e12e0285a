"""The catalogue and the environment policies as deployed: files in the code asset, never execution input."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from squall.domain.documents.definition import Definition
from squall.domain.policy.environment import Environment
from squall.domain.vocabulary import FaultType

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


def not_as_deployed(definition: Definition) -> str:
    """Why a custom action may not be run although it was admitted: the policy that is deployed now is what counts, not the copy a
    payload or document of a run carries. Empty: it may, or it is none."""
    if definition.experiment.type is not FaultType.CUSTOM:
        return ""
    name = str(definition.experiment.parameters.get("action"))
    raw = deployed().environments.get(definition.environment.name)
    now = Environment.model_validate(raw).custom_actions.get(name) if raw is not None else None
    if now is None:
        return f"the deployed policy of {definition.environment.name} lists no custom action {name}"
    if now != definition.environment.custom_actions.get(name):
        return f"the deployed policy of {definition.environment.name} says otherwise of {name} than when this run was admitted"
    return ""

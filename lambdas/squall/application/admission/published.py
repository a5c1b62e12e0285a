"""Finds the published experiment or campaign that the input of an execution names."""

from collections.abc import Mapping
from typing import Any, Literal

from squall.domain.experiment.published import NAME, StoredVersion
from squall.wiring import Wiring


def find_published(
    w: Wiring, raw_input: object, environments: Mapping[str, Any], field: Literal["experiment", "campaign"] = "experiment"
) -> StoredVersion | None:
    """The newest published version under the name in this field of the input; None if there is none, or if no deployed policy lets
    published experiments run: then the published catalogue counts for nothing. `environments` are raw policies by name.

    Raises Unavailable or Refused if it can't be read.
    """
    name = raw_input.get(field) if isinstance(raw_input, Mapping) else None
    if not isinstance(name, str) or not NAME.fullmatch(name) or not lets_published_run(environments):
        return None
    return w.catalogue.find_newest(name)


def lets_published_run(environments: Mapping[str, Any]) -> bool:
    """Whether any of the raw policies lets published experiments run."""
    return any(isinstance(policy, Mapping) and policy.get("catalogue") == "published" for policy in environments.values())

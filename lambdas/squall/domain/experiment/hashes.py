"""What makes two experiments the same."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from squall.domain.experiment.experiment import Experiment

_OVERRIDABLE = frozenset({"override_ranges", "override_values"})
"""What an execution may change. It is not what the experiment does."""
_OF_ONE_PLACE = _OVERRIDABLE | frozenset(
    {"environment", "target_resources", "target", "fis_template_id", "schedule", "stop_alarms", "owner", "tags"}
)
"""Where, when and whose: what differs between environments when the same thing is done in both."""
_LATER = _OVERRIDABLE | frozenset({"fault_signal", "sentinel"})


def definition_hash(experiment: Experiment) -> str:
    """SHA-256 of the experiment as canonical JSON: equal for equal experiments, whatever order their keys were written in."""
    return document_hash(experiment.model_dump(mode="json"))


def document_hash(experiment: Mapping[str, Any]) -> str:
    """The same of an experiment as its document holds it, whichever version wrote that."""
    return _hash(_later_ones_given(experiment))


def promotion_hash(experiment: Experiment) -> str:
    """The same of what an experiment has in common in every environment, after overrides.

    Left out are environment, targets and the FIS template they were read from, schedule, stop alarms, owner and tags, and the
    dimensions of declared metrics and of the fault's signal, and the sentinel's URL: names that two environments of one account cannot
    share. The length counts as what it is, however it is written.
    """
    dumped: dict[str, Any] = experiment.model_dump(mode="json", exclude=set(_OF_ONE_PLACE) | {"duration", "duration_minutes"})
    dumped["seconds"] = experiment.length.total_seconds()
    dumped["metrics"] = {name: {**metric, "dimensions": None} for name, metric in dumped["metrics"].items()}
    if experiment.sentinel:
        dumped["sentinel"] = {**dumped["sentinel"], "url": None}
    if experiment.fault_signal:
        dumped["fault_signal"] = {**dumped["fault_signal"], "dimensions": None}
    return _hash(_later_ones_given(dumped))


def _later_ones_given(dumped: Mapping[str, Any]) -> dict[str, Any]:
    """Without fields that are newer than what was validated before them, unless they are given: an experiment that doesn't is the same."""
    return {name: value for name, value in dumped.items() if name not in _LATER or value}


def _hash(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()

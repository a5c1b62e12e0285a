"""Hashes of experiments: equal experiments have equal hashes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from squall.domain.experiment.experiment import Experiment

_OVERRIDABLE = frozenset({"override_ranges", "override_values"})
"""Fields that say what an execution may override. They change nothing that the experiment does."""
_LOCAL_FIELDS = _OVERRIDABLE | frozenset(
    {"environment", "target_resources", "target", "fis_template_id", "schedule", "stop_alarms", "owner", "tags"}
)
"""Fields that differ between environments although the same thing is done in both: where, when, and whose it is."""
_ADDED_FIELDS = _OVERRIDABLE | frozenset({"fault_signal", "sentinel", "observation"})
"""Fields that earlier versions did not have. Without a value they are left out, so that hashes of earlier versions still
match."""


def definition_hash(experiment: Experiment) -> str:
    """SHA-256 of the experiment as canonical JSON, in which the order of keys does not matter."""
    return document_hash(experiment.model_dump(mode="json"))


def document_hash(experiment: Mapping[str, Any]) -> str:
    """`definition_hash` of an experiment in the JSON of its document, whichever version wrote it."""
    return _hash_value(_drop_unset_additions(experiment))


def promotion_hash(experiment: Experiment) -> str:
    """SHA-256 of what an experiment has in common in every environment, after overrides.

    Left out are the environment, the targets and the FIS template they were read from, schedule, stop alarms, owner and
    tags. So are the dimensions of declared metrics and of the fault's signal, and the sentinel's URL, because two
    environments of one account cannot share these names. The length counts in seconds, however it is written.
    """
    dumped: dict[str, Any] = experiment.model_dump(mode="json", exclude=set(_LOCAL_FIELDS) | {"duration", "duration_minutes"})
    dumped["seconds"] = experiment.length.total_seconds()
    if experiment.faults:
        dumped["faults"] = {name: _drop_targets(fault) for name, fault in dumped["faults"].items()}
    dumped["observation"] = experiment.observed_length.total_seconds() if experiment.observes_longer else None
    dumped["metrics"] = {name: {**metric, "dimensions": None} for name, metric in dumped["metrics"].items()}
    if experiment.sentinel:
        dumped["sentinel"] = {**dumped["sentinel"], "url": None}
    if experiment.fault_signal:
        dumped["fault_signal"] = {**dumped["fault_signal"], "dimensions": None}
    return _hash_value(_drop_unset_additions(dumped))


def _drop_targets(fault: Mapping[str, Any]) -> dict[str, Any]:
    """The fault without what differs between environments: its targets, and the dimensions of its signal."""
    kept = {field: value for field, value in fault.items() if field not in {"target_resources", "target"}}
    return {**kept, "fault_signal": {**kept["fault_signal"], "dimensions": None}} if "fault_signal" in kept else kept


def _drop_unset_additions(dumped: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those of _ADDED_FIELDS that have no value."""
    return {name: value for name, value in dumped.items() if name not in _ADDED_FIELDS or value}


def _hash_value(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()

"""Writes the JSON Schemas of what people and machines exchange with Squall, from the models. `--check` only compares.

PYTHONPATH=lambdas python -m scripts.schemas [--check]
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from squall.domain.documents.result import Result
from squall.domain.experiment.experiment import ExecutionInput, Experiment
from squall.domain.policy.environment import Environment
from squall.domain.vocabulary import FaultType
from squall.faults import custom, registry

FOLDER = Path(__file__).resolve().parent.parent / "schemas"
_Mode = Literal["validation", "serialization"]
_MODELS: dict[str, tuple[type[BaseModel], _Mode, str]] = {
    "experiment": (Experiment, "validation", "An experiment: a file of the catalogue, or `definition` of the execution input"),
    "environment": (Environment, "validation", "The policy of an environment"),
    "input": (ExecutionInput, "validation", "The input of an execution"),
    "result": (Result, "serialization", "The document an execution leaves"),
}


def _parameters_of(fault_type: FaultType) -> dict[str, Any]:
    """What `parameters` are of an experiment of this type, as its modules declare them: which of them holds, the targets say."""
    models = [(fault, fault.parameters.model_json_schema()) for fault in registry.faults() if fault.type is fault_type]
    titled = [{**model, "title": f"Parameters of {fault_type.value} on {fault.resource_type.value}"} for fault, model in models]
    known: dict[str, Any] = {"properties": {"parameters": titled[0] if len(titled) == 1 else {"anyOf": titled}}}
    if all(model.get("required") for _, model in models):
        known["required"] = ["parameters"]
    return {"if": {"properties": {"type": {"const": fault_type.value}}, "required": ["type"]}, "then": known}


def _custom() -> dict[str, Any]:
    """The policy of the environment says which values there are."""
    parameters = {**custom.Parameters.model_json_schema(), "title": "Parameters of custom"}
    then = {"properties": {"parameters": parameters}, "required": ["parameters"]}
    return {"if": {"properties": {"type": {"const": FaultType.CUSTOM.value}}, "required": ["type"]}, "then": then}


_EXTRA: dict[str, dict[str, Any]] = {
    "experiment": {
        "oneOf": [{"required": ["duration_minutes"]}, {"required": ["duration"]}],
        "anyOf": [{"required": ["target_resources"]}, {"required": ["target"]}, {"required": ["fis_template_id"]}],
        "allOf": [_parameters_of(fault) for fault in registry.available()] + [_custom()],
    },
    "input": {"oneOf": [{"required": ["experiment"]}, {"required": ["definition"]}]},
}
"""What the models check across fields."""


def schema(name: str) -> dict[str, Any]:
    """One schema, as it should be on disk."""
    model, mode, description = _MODELS[name]
    generated = model.model_json_schema(mode=mode)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:squall:{name}",
        **generated,
        **_EXTRA.get(name, {}),
        "title": name.capitalize(),
        "description": description,
    }


def text(name: str) -> str:
    """The schema's file content."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def path(name: str) -> Path:
    """The schema's file."""
    return FOLDER / f"{name}.schema.json"


def names() -> tuple[str, ...]:
    """Every schema."""
    return tuple(_MODELS)


def stale() -> list[str]:
    """The schemas whose files are not what the models say."""
    return [name for name in names() if not path(name).exists() or path(name).read_text(encoding="utf-8") != text(name)]


def main(arguments: list[str]) -> int:
    """Write what is stale, or with --check only say so."""
    found = stale()
    if "--check" in arguments:
        for name in found:
            sys.stderr.write(f"{path(name)} is not what the models say: run python -m scripts.schemas\n")
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for name in found:
        path(name).write_text(text(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

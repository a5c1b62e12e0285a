"""Writes the JSON Schemas of definitions, policies, execution inputs and results from the models. `--check` only
compares.

PYTHONPATH=lambdas python -m scripts.schemas [--check]
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.result import Result
from squall.domain.experiment.experiment import ExecutionInput, Experiment
from squall.domain.policy.environment import Environment
from squall.faults import custom, registry

FOLDER = Path(__file__).resolve().parent.parent / "schemas"
_Mode = Literal["validation", "serialization"]
_MODELS: dict[str, tuple[type[BaseModel], _Mode, str]] = {
    "experiment": (Experiment, "validation", "An experiment: a file of the catalogue, or `definition` of the execution input"),
    "environment": (Environment, "validation", "The policy of an environment"),
    "input": (ExecutionInput, "validation", "The input of an execution"),
    "result": (Result, "serialization", "The document an execution leaves"),
}


def _parameters_schema(fault_type: FaultType) -> dict[str, Any]:
    """The schema of `parameters` for experiments of this type. Each fault module declares its own; the targets decide
    which applies."""
    models = [(fault, fault.parameters.model_json_schema()) for fault in registry.list_faults() if fault.type is fault_type]
    titled = [{**model, "title": f"Parameters of {fault_type.value} on {fault.resource_type.value}"} for fault, model in models]
    consequence: dict[str, Any] = {"properties": {"parameters": titled[0] if len(titled) == 1 else {"anyOf": titled}}}
    if all(model.get("required") for _, model in models):
        consequence["required"] = ["parameters"]
    return {"if": {"properties": {"type": {"const": fault_type.value}}, "required": ["type"]}, "then": consequence}


def _custom_schema() -> dict[str, Any]:
    """The schema of `parameters` for custom actions; which values are valid depends on the environment's policy."""
    parameters = {**custom.Parameters.model_json_schema(), "title": "Parameters of custom"}
    then = {"properties": {"parameters": parameters}, "required": ["parameters"]}
    return {"if": {"properties": {"type": {"const": FaultType.CUSTOM.value}}, "required": ["type"]}, "then": then}


def _across_fields(name: str) -> dict[str, Any]:
    """Conditions across fields, which the models check in code."""
    if name == "experiment":
        return {
            "oneOf": [{"required": ["duration_minutes"]}, {"required": ["duration"]}],
            "anyOf": [{"required": ["target_resources"]}, {"required": ["target"]}, {"required": ["fis_template_id"]}],
            "allOf": [_parameters_schema(fault_type) for fault_type in registry.list_types()] + [_custom_schema()],
        }
    return {"oneOf": [{"required": ["experiment"]}, {"required": ["definition"]}]} if name == "input" else {}


def make_schema(name: str) -> dict[str, Any]:
    """One schema as it should be on disk."""
    model, mode, description = _MODELS[name]
    generated = model.model_json_schema(mode=mode)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:squall:{name}",
        **generated,
        **_across_fields(name),
        "title": name.capitalize(),
        "description": description,
    }


def write_text(name: str) -> str:
    """One schema as the text of its file."""
    return json.dumps(make_schema(name), indent=2, ensure_ascii=False) + "\n"


def schema_path(name: str) -> Path:
    """The file of a schema."""
    return FOLDER / f"{name}.schema.json"


def list_names() -> tuple[str, ...]:
    """The names of all schemas."""
    return tuple(_MODELS)


def list_stale() -> list[str]:
    """The names of the schemas whose files differ from the models."""
    return [name for name in _MODELS if not schema_path(name).exists() or schema_path(name).read_text(encoding="utf-8") != write_text(name)]


def main(arguments: list[str]) -> int:
    """Writes the stale schemas; with --check only names them and returns 1 if there are any."""
    stale = list_stale()
    if "--check" in arguments:
        for name in stale:
            sys.stderr.write(f"{schema_path(name)} differs from the models: run python -m scripts.schemas\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        schema_path(name).write_text(write_text(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

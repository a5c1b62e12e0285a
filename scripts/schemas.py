"""Writes the JSON Schemas of definitions, policies, execution inputs and results from the models. `--check` only
compares.

PYTHONPATH=lambdas python -m scripts.schemas [--check]
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from infra.account.fleet import Fleet
from squall.domain.base.vocabulary import FaultType
from squall.domain.campaign.definition import Campaign
from squall.domain.documents.result import Result
from squall.domain.experiment.execution_input import ExecutionInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import FEWEST, LOCAL_FAULT_FIELDS, LOCAL_FIELDS, MOST, NO_FAULT
from squall.faults import registry
from squall.faults.custom.fault import Parameters

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "schemas"
EXAMPLES = FOLDER / "examples"
"""Documents that together have every field; each value in them is an example of its field."""
CATALOGUES = ("experiments", "local/experiments")
"""The catalogues whose parameters are the examples of a fault's parameters."""
MOST_EXAMPLES = 3
_Mode = Literal["validation", "serialization"]
_MODELS: dict[str, tuple[type[BaseModel], _Mode, str]] = {
    "experiment": (Experiment, "validation", "An experiment: a file of the catalogue, or `definition` of the execution input"),
    "environment": (Environment, "validation", "The policy of an environment"),
    "campaign": (Campaign, "validation", "A campaign: a file of `campaigns/`"),
    "fleet": (Fleet, "validation", "A fleet: the file `fleet.yaml`"),
    "input": (ExecutionInput, "validation", "The input of an execution"),
    "result": (Result, "serialization", "The document an execution leaves"),
}


SAID_BELOW = ("success_criteria", "abort_conditions")
"""What every experiment has, and one for several Regions may have below each of them instead."""


class _Described(GenerateJsonSchema):
    """Takes the description of a field from the docstring below it. Pydantic can do that at import, but would then read the
    sources in each cold start."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        aliases = {field: info.alias for field, info in schema["cls"].model_fields.items()}
        for field, text in read_field_docstrings(schema["cls"]).items():
            name = aliases.get(field) or field
            if name in described.get("properties", {}):
                described["properties"][name].setdefault("description", text)
        return described


def read_field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a model and of the models that it extends."""
    texts: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            try:
                (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            except OSError:  # made at run time, with descriptions in its fields
                continue
            texts |= dict(_find_docstrings(tree.body)) if isinstance(tree, ast.ClassDef) else {}
    return texts


def _find_docstrings(statements: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(statements):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr)):
            continue
        if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
            yield field.target.id, " ".join(text.value.value.split())


def add_examples(schema: dict[str, Any], whole: dict[str, Any], value: Any) -> None:
    """Adds each value of a document to the examples of its field, following references and alternatives."""
    for part in _resolve_schema(schema, whole):
        if isinstance(value, dict):
            for name, inner in value.items():
                others = [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]
                own = part.get("properties", {}).get(name)
                for field in [own] if own else [other for other in others if isinstance(other, dict)]:
                    _add_example(field, inner)
                    add_examples(field, whole, inner)
        elif isinstance(value, list) and isinstance(part.get("items"), dict):
            for inner in value:
                add_examples(part["items"], whole, inner)


def _add_example(field: dict[str, Any], value: Any) -> None:
    examples = field.setdefault("examples", [])
    if value not in examples and len(examples) < MOST_EXAMPLES:
        examples.append(value)


def _resolve_schema(schema: dict[str, Any], whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        yield from _resolve_schema(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    for alternative in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from _resolve_schema(alternative, whole)
    yield schema


def _read_examples(name: str) -> list[dict[str, Any]]:
    path = EXAMPLES / f"{name}.yaml"
    # JSON has no dates: PyYAML's base resolver for them is not wanted.
    return [json.loads(json.dumps(document, default=str)) for document in yaml.safe_load_all(path.read_text())] if path.exists() else []


@cache
def _read_catalogues() -> tuple[dict[str, Any], ...]:
    files = [file for catalogue in CATALOGUES for file in sorted((ROOT / catalogue).glob("*.yaml"))]
    return tuple(yaml.safe_load(file.read_text()) for file in files)


def _read_parameters(fault_type: FaultType) -> list[dict[str, Any]]:
    experiments = _read_catalogues()
    in_use = [
        experiment["parameters"] for experiment in experiments if experiment.get("type") == fault_type.value and "parameters" in experiment
    ]
    further: dict[str, list[dict[str, Any]]] = yaml.safe_load((EXAMPLES / "parameters.yaml").read_text())
    return in_use + further.get(fault_type.value, [])


def _parameters_schema(fault_type: FaultType) -> dict[str, Any]:
    """The schema of `parameters` for experiments of this type. Each fault module declares its own; the targets decide
    which applies."""
    models = [
        (fault, fault.parameters.model_json_schema(schema_generator=_Described))
        for fault in (*registry.list_faults(), *registry.list_action_faults())
        if fault.type is fault_type
    ]
    for _, model in models:
        for parameters in _read_parameters(fault_type):
            add_examples(model, model, parameters)
    titled = [{**model, "title": f"Parameters of {fault_type.value} on {fault.resource_type.value}"} for fault, model in models]
    consequence: dict[str, Any] = {"properties": {"parameters": titled[0] if len(titled) == 1 else {"anyOf": titled}}}
    if all(model.get("required") for _, model in models):
        consequence["required"] = ["parameters"]
    return {"if": {"properties": {"type": {"const": fault_type.value}}, "required": ["type"]}, "then": consequence}


def _list_types() -> tuple[FaultType, ...]:
    """Squall's own fault types, then those that are ids of FIS actions."""
    return (*registry.list_types(), *dict.fromkeys(fault.type for fault in registry.list_action_faults()))


def _custom_schema() -> dict[str, Any]:
    """The schema of `parameters` for custom actions; which values are valid depends on the environment's policy."""
    parameters = {**Parameters.model_json_schema(schema_generator=_Described), "title": "Parameters of custom"}
    for document in _read_parameters(FaultType.CUSTOM):
        add_examples(parameters, parameters, document)
    then = {"properties": {"parameters": parameters}, "required": ["parameters"]}
    return {"if": {"properties": {"type": {"const": FaultType.CUSTOM.value}}, "required": ["type"]}, "then": then}


def _across_fields(name: str) -> dict[str, Any]:
    """Conditions across fields, which the models check in code."""
    if name == "experiment":
        return {
            "anyOf": [
                {
                    "required": ["type"],
                    "oneOf": [{"required": ["duration_minutes"]}, {"required": ["duration"]}],
                    "anyOf": [{"required": ["target_resources"]}, {"required": ["target"]}, {"required": ["fis_template_id"]}],
                },
                {"required": ["faults"]},
                {"required": ["regions"]},
            ],
            "allOf": [
                {"if": {"required": ["regions"]}, "else": {"required": list(SAID_BELOW)}},
                *(_parameters_schema(fault_type) for fault_type in _list_types()),
                _custom_schema(),
            ],
        }
    return {"oneOf": [{"required": ["experiment"]}, {"required": ["definition"]}]} if name == "input" else {}


def _regions_schema(fields: dict[str, Any]) -> dict[str, Any]:
    """The schema of `regions`, which no model has: an experiment for several Regions is split into one for each."""
    of_fault = {field: fields[field] for field in LOCAL_FAULT_FIELDS}
    faults = {
        "type": "object",
        "description": "The targets of a scenario's faults in this Region, by the name of the fault.",
        "additionalProperties": {"type": "object", "properties": of_fault, "additionalProperties": False},
        "examples": [{"loss": {"target": {"tags": {"app": "shop"}}}}],
    }
    nothing = {
        "const": NO_FAULT,
        "description": "The Region gets no fault, and has to carry the load of the others: its guards and criteria are its own, and a "
        "critical one shows that the load arrived.",
        "examples": [NO_FAULT],
    }
    own = {field: {"faults": faults, "fault": nothing}.get(field) or fields[field] for field in LOCAL_FIELDS}
    return {
        "type": "object",
        "description": "The Regions in which the experiment runs at the same time, by name, and below each what is different "
        "there; `blast_radius` is then `multiple_region`. It runs as a campaign of kind `regions`.",
        "minProperties": FEWEST,
        "maxProperties": MOST,
        "propertyNames": {"pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]+$"},
        "additionalProperties": {"anyOf": [{"type": "null"}, {"type": "object", "properties": own, "additionalProperties": False}]},
        "examples": [{"eu-west-1": None, "eu-central-1": {"stop_alarms": ["orders-too-few"]}}],
    }


def make_schema(name: str) -> dict[str, Any]:
    """One schema as it should be on disk."""
    model, mode, description = _MODELS[name]
    generated = model.model_json_schema(mode=mode, schema_generator=_Described)
    for document in _read_examples(name):
        add_examples(generated, generated, document)
    if kinds := generated.get("$defs", {}).get("FaultType"):
        kinds["enum"] = [kind for kind in kinds["enum"] if kind != FaultType.NO_FAULT]
    if name == "experiment":
        generated["properties"]["regions"] = _regions_schema(generated["properties"])
        generated["required"] = [field for field in generated["required"] if field not in SAID_BELOW]
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

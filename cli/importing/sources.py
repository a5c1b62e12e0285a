"""Which kind of source a document is, and every template in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.importing import cloudformation, terraform
from cli.importing.chaos.experiment import read_experiment
from cli.importing.reading import KINDS
from cli.importing.values import BLANK_OR_VARIABLE, Source, Unknowns, choose_label
from squall.domain.base.problems import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING = {
    "Resources": "the template has no resource of type AWS::FIS::ExperimentTemplate",
    "planned_values": "the plan has no resource aws_fis_experiment_template",
    "values": "the state has no resource aws_fis_experiment_template",
    "experimentTemplates": "the list holds no actions; `squall import --id EXT…` reads a template by its id",
    "experiment": "an experiment of FIS or a journal was run; import its template, or the experiment file",
}


def list_sources(document: Any, file: str) -> list[Source]:
    """Every template of the document. Raises InvalidInput if it has none."""
    if isinstance(document, dict):
        if isinstance(inner := document.get("experimentTemplate"), dict):
            rest = {key: value for key, value in document.items() if key not in {"experimentTemplate", "ResponseMetadata"}}
            return [make_source({**inner, **rest}, file)]
        if "method" in document and "actions" not in document:
            return [read_experiment(document, file)]
        if "actions" in document:
            return [make_source(document, file)]
        if found := [*cloudformation.list_sources(document, file), *terraform.list_sources(document, file)]:
            return found
        for key, why in _NOTHING.items():
            if key in document:
                raise InvalidInput([Problem(path=key, message=why, expected=KINDS)])
    raise InvalidInput([Problem(path="$", message="is nothing that can be imported", expected=KINDS)])


def make_source(template: Mapping[str, Any], origin: str) -> Source:
    """A FIS template as GetExperimentTemplate answers, or as CreateExperimentTemplate takes it."""
    unknowns = Unknowns()
    clean = unknowns.add_blanks({key: value for key, value in template.items() if key != "clientToken"}, BLANK_OR_VARIABLE)
    name = next((str(text) for text in (clean.get("description"), clean.get("id")) if text), "imported")
    replaced = ("clientToken: it is about the call that makes the template",) if "clientToken" in template else ()
    return Source(origin, choose_label(clean.get("tags"), name), clean, unknowns, replaced=replaced)

"""Makes one experiment of a FIS template with several faults: a scenario, with their order and their lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cli.importing.parts import LONGEST_DESCRIPTION, explain_cut, explain_wait
from cli.importing.values import Loss
from squall.domain.base.problems import InvalidInput, extend_path, prefix_paths
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.actions import find_wait_problems
from squall.faults.adoption.scenario import Span, Turn, find_open_ends, name_faults, order_faults
from squall.faults.fis import iso_duration
from squall.faults.plan import BoundFault, planned_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from cli.importing.experiment import Imported
    from cli.importing.parts import Part
    from squall.faults.base import AnyFault

OF_FAULT = ("type", "target", "parameters", "duration")
HYPOTHESIS = "Users notice nothing, because the workload goes on without what is disturbed"


@dataclass(frozen=True)
class Piece:
    """One fault of the template, imported by itself."""

    part: Part
    imported: Imported
    fault: AnyFault
    span: Span
    length_known: bool


def combine_pieces(template: Mapping[str, Any], pieces: Sequence[Piece]) -> Imported:
    """The scenario. Raises InvalidInput with what a scenario can't say of the order of its faults."""
    wait_losses = list(_list_wait_losses(template["actions"]))
    by_action = {piece.part.name: piece for piece in pieces}
    actions = _merge_actions(template["actions"], pieces)
    turns, observed = order_faults(actions, {name: piece.span for name, piece in by_action.items()})
    faults = {name: piece.fault for name, piece in by_action.items()}
    if open_ends := [problem for name, turn in turns.items() for problem in find_open_ends(name, turn.after, faults)]:
        raise InvalidInput(prefix_paths("actions", open_ends))
    names = name_faults({name: actions[name] for name in by_action})
    first = pieces[0].imported
    head = {key: value for key, value in first.document.items() if key not in OF_FAULT}
    document: dict[str, Any] = {}
    for key, value in head.items():
        document[key] = value
        if key == "blast_radius":
            document["faults"] = {names[name]: _write_fault(piece, turns[name], names) for name, piece in by_action.items()}
    document |= {"name": first.name.removesuffix(f": {pieces[0].part.name}"), "hypothesis": HYPOTHESIS}
    description = "; ".join(dict.fromkeys(text for p in pieces for text in p.imported.document["description"].split("; ")))
    document["description"] = description[:LONGEST_DESCRIPTION]
    losses = [*(loss for piece in pieces for loss in _list_losses(piece, names[piece.part.name])), *wait_losses]
    losses += explain_cut(description)
    if observed is not None and not all(piece.length_known for piece in pieces):
        losses += [explain_wait("", iso_duration(observed))]
    elif observed is not None and observed > _find_end(by_action, turns):  # until then a scenario is watched in any case
        document["observation"] = iso_duration(observed)
    added = dict.fromkeys(words for piece in pieces for words in piece.imported.added)
    return replace(
        first,
        origin=first.origin.removesuffix(f", {pieces[0].part.name}"),
        name=document["name"],
        document=document,
        losses=tuple({(loss.path, loss.why): loss for loss in losses}.values()),
        replaced=tuple(dict.fromkeys(words for piece in pieces for words in piece.imported.replaced)),
        added=tuple(added),
    )


def _merge_actions(actions: Mapping[str, Mapping[str, Any]], pieces: Sequence[Piece]) -> dict[str, dict[str, Any]]:
    """The actions with one for each fault: a fault on more than five targets has several, which begin together."""
    first_of = {name: piece.part.name for piece in pieces for name in piece.part.template["actions"]}
    return {
        name: {**action, "startAfter": list(dict.fromkeys(first_of.get(other, other) for other in action.get("startAfter") or ()))}
        for name, action in actions.items()
        if first_of.get(name, name) == name
    }


def _write_fault(piece: Piece, turn: Turn, names: Mapping[str, str]) -> dict[str, Any]:
    of_fault = {key: value for key, value in piece.imported.document.items() if key in OF_FAULT}
    if turn.after:
        of_fault["after"] = [names[earlier] for earlier in turn.after]
    if turn.delay:
        of_fault["delay"] = iso_duration(turn.delay)
    if piece.length_known or not piece.span.lasts:
        of_fault["duration"] = iso_duration(turn.length)
    return of_fault


def _list_losses(piece: Piece, name: str) -> Iterator[Loss]:
    """What was lost of one fault, apart from its place among the others."""
    for loss in piece.imported.losses:
        if loss.path not in {lost.path for lost in piece.part.losses}:
            yield replace(loss, path=f"faults.{name}{loss.path[1:]}") if loss.path.startswith("$") else loss


def _list_wait_losses(actions: Mapping[str, Mapping[str, Any]]) -> Iterator[Loss]:
    """What a wait says besides its length. Raises InvalidInput for a wait without one: nothing that follows it has a time."""
    for name, action in actions.items():
        for problem in find_wait_problems(action) if action["actionId"] == WAIT else ():
            path = extend_path("actions", name, problem.path)
            if problem.path == "parameters.duration":
                raise InvalidInput([problem.model_copy(update={"path": path})])
            yield Loss(path, problem.message, action.get(problem.path))


def _find_end(pieces: Mapping[str, Piece], turns: Mapping[str, Turn]) -> timedelta:
    """When the last fault ends, with the time that FIS keeps in reserve."""
    bound: dict[str, BoundFault] = {}
    while len(bound) < len(turns):
        for name, turn in turns.items():
            if name not in bound and bound.keys() >= set(turn.after):
                fault = pieces[name].fault
                planned = PlannedFault(name, fault.type, {}, (), None, turn.length, after=turn.after, delay=turn.delay)
                bound[name] = BoundFault(planned, fault)
    return planned_end(bound.values())

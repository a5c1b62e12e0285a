"""The faults that a FIS template may be: those of Squall, and what the environment's policy lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.importing.values import has_token
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.policy.custom_actions import AUTOMATION, SEND
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.entries import choose_entry, is_known, list_modules
from squall.faults.adoption.place import find_place_problem
from squall.faults.adoption.unfit import explain_unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.importing.place import Place
    from squall.domain.documents.definition import Definition
    from squall.faults.base import AnyFault


def list_candidates(definition: Definition, template: Mapping[str, Any]) -> list[AnyFault]:
    """The faults that the template's action may be: those of the modules; where no module knows it, or not in this version, that of
    the policy's entry. Raises InvalidInput if there is none."""
    injecting = [(name, action) for name, action in template["actions"].items() if action["actionId"] != WAIT]
    if not injecting:
        raise InvalidInput([Problem(path="actions", message="nothing is injected", expected="an action other than a wait")])
    name, action = injecting[0]
    action_id, parameters = str(action["actionId"]), action.get("parameters", {})
    used = {target: template["targets"].get(target, {}) for target in action.get("targets", {}).values()}
    types = {target.get("resourceType") for target in used.values()}
    known = list_modules(action)
    try:
        entry = None if is_known(action, None) else choose_entry(definition, action, used)
    except InvalidInput as invalid:
        raise InvalidInput(prefix_paths(extend_path("actions", name), invalid.problems)) from None
    if not known and (elsewhere := find_place_problem(definition, action)) is not None:
        raise InvalidInput(prefix_paths(extend_path("actions", name), [elsewhere]))
    if entry is None and known:
        return [fault for fault in known if fault.resource_type in types] or known[:1]
    if entry is None:
        raise InvalidInput([explain_unfit(extend_path("actions", name, "actionId"), action_id, parameters, is_blank=has_token)])
    return [entry]


def locate_documents(template: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The template with its documents in its own account and Region, where it leaves these to its reader."""
    return {**template, "actions": {name: _locate_document(action, place) for name, action in template["actions"].items()}}


def _locate_document(action: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    parts = str(action.get("parameters", {}).get("documentArn", "")).split(":", 5)
    if (
        action["actionId"] not in {AUTOMATION, SEND}
        or len(parts) < 6
        or not any(map(has_token, (*parts[1:5], place.region, place.account)))
    ):
        return action
    own = (place.partition, parts[2], place.region, place.account if parts[4] else "")
    known = [ours if has_token(given) or has_token(ours) else given for given, ours in zip(parts[1:5], own, strict=True)]
    return {**action, "parameters": {**action["parameters"], "documentArn": ":".join([parts[0], *known, parts[5]])}}

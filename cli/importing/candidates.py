"""The faults that a FIS template may be: those of Squall, and what the environment's policy lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.importing.values import has_token
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.run.fis_state import WAIT
from squall.faults import registry
from squall.faults.adoption.entries import AUTOMATION, choose_entry
from squall.faults.adoption.unfit import explain_unfit
from squall.faults.mechanisms.send_command import SEND, document_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.importing.place import Place
    from squall.domain.documents.definition import Definition
    from squall.faults.base import AnyFault


def list_candidates(definition: Definition, template: Mapping[str, Any]) -> list[AnyFault]:
    """The faults that the template's action may be: those of the modules; where no module knows it, that of the policy's
    entry. Raises InvalidInput if there is none."""
    injecting = [(name, action) for name, action in template["actions"].items() if action["actionId"] != WAIT]
    if not injecting:
        raise InvalidInput([Problem(path="actions", message="nothing is injected", expected="an action other than a wait")])
    name, action = injecting[0]
    action_id, parameters = str(action["actionId"]), action.get("parameters", {})
    used = {target: template["targets"].get(target, {}) for target in action.get("targets", {}).values()}
    types = {target.get("resourceType") for target in used.values()}
    able = [fault for fault in (*registry.list_faults(), *registry.list_action_faults()) if action_id in fault.actions]
    known = [fault for fault in able if action_id != SEND or document_of(parameters) in fault.ssm_documents]
    if known:
        return [fault for fault in known if fault.resource_type in types] or known[:1]
    try:
        entry = choose_entry(definition, action, used)
    except InvalidInput as invalid:
        raise InvalidInput(prefix_paths(extend_path("actions", name), invalid.problems)) from None
    if entry is None:
        raise InvalidInput([explain_unfit(extend_path("actions", name, "actionId"), action_id, parameters)])
    return [entry]


def locate_documents(template: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The template with its Automation documents in its own account and Region, where it leaves these to its reader."""
    return {**template, "actions": {name: _locate_document(action, place) for name, action in template["actions"].items()}}


def _locate_document(action: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    parts = str(action.get("parameters", {}).get("documentArn", "")).split(":", 5)
    if action["actionId"] != AUTOMATION or len(parts) < 6 or not any(map(has_token, (*parts[1:5], place.region, place.account))):
        return action
    own = (place.partition, parts[2], place.region, place.account if parts[4] else "")
    known = [ours if has_token(given) or has_token(ours) else given for given, ours in zip(parts[1:5], own, strict=True)]
    return {**action, "parameters": {**action["parameters"], "documentArn": ":".join([parts[0], *known, parts[5]])}}

"""Actions of a FIS template that are run by an entry of the policy's `custom_actions`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import WHOLE, InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.definition import Definition
from squall.domain.policy.custom_actions import SEND, CustomAction, locate_document
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.custom.fault import CustomFault
from squall.faults.custom.problems import touched_target
from squall.faults.mechanisms.send_command import document_of, is_default_version

Targets = Mapping[str, Mapping[str, Any]]


def choose_entry(definition: Definition, action: Mapping[str, Any], used: Targets) -> CustomFault | None:
    """The entry that runs this action on these targets. None if the policy lists none.

    Of several entries it is the one that allows the action's values; where none does, the first, whose problems say why.
    Raises InvalidInput with a path below the action if more than one does.
    """
    entries = [
        registry.bind_listed(name, listed)
        for name, listed in definition.environment.custom_actions.items()
        if _runs(definition, listed, action, used)
    ]
    fitting = [entry for entry in entries if _fits(entry, action)]
    if len(fitting) > 1:
        message = f"is the same as each of {', '.join(entry.name for entry in fitting)} in {definition.environment.name}'s custom_actions"
        raise InvalidInput([Problem(path="actionId", message=message, expected="values that only one of them allows")])
    return next(iter(fitting or entries), None)


def is_known(action: Mapping[str, Any], fault_type: FaultType | None) -> bool:
    """Whether a module injects with this action, and, where it sends a command, with this document in its default version. An
    experiment of type `custom` asks for an entry in any case."""
    if fault_type is FaultType.CUSTOM:
        return False
    parameters = action.get("parameters", {})
    return bool(list_modules(action)) and (action.get("actionId") != SEND or is_default_version(parameters.get("documentVersion", "")))


def list_modules(action: Mapping[str, Any]) -> list[AnyFault]:
    """The modules that inject with this action, and, where it sends a command, with this document."""
    action_id, document = action.get("actionId"), document_of(action.get("parameters", {}))
    faults = (*registry.list_faults(), *registry.list_action_faults())
    return [fault for fault in faults if action_id in fault.actions and (action_id != SEND or document in fault.ssm_documents)]


def read_touched(fault: AnyFault) -> dict[str, Any] | None:
    """The target of an experiment that runs the document of an entry. None for a fault that is none.

    Raises InvalidInput if the entry does not say what it touches.
    """
    if not isinstance(fault, CustomFault) or not fault.actions or fault.listed.document is None:
        return None
    target = touched_target(fault.listed)
    if target is None:
        message = f"the document has no targets in FIS, and the policy's {fault.name} does not say what it touches"
        raise InvalidInput([Problem(path=WHOLE, message=message, expected=f"touches in custom_actions.{fault.name}")])
    return target


def _runs(definition: Definition, listed: CustomAction, action: Mapping[str, Any], used: Targets) -> bool:
    """Whether the entry is of this action, or starts this document."""
    if action.get("actionId") != listed.fis_action:
        return False
    if listed.any_document is not None:
        here = locate_document(listed.any_document, definition.partition, definition.region, definition.account)
        return bool(action.get("parameters", {}).get("documentArn") == here)
    return {target.get("resourceType") for target in used.values()} == {listed.resource_type.value}


def _fits(entry: CustomFault, action: Mapping[str, Any]) -> bool:
    """Whether the entry allows the action's values, whatever its length."""
    action_id, parameters = str(action.get("actionId")), action.get("parameters", {})
    try:
        entry.read_template(action_id, parameters, entry.read_length(action_id, parameters) or timedelta(0))
    except InvalidInput:
        return False
    return True

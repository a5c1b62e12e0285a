"""Actions of a FIS template that are run by an entry of the policy's `custom_actions`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import WHOLE, InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.definition import Definition
from squall.domain.policy.custom_actions import CustomAction
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.custom import CustomFault, locate_document, touched_target

Targets = Mapping[str, Mapping[str, Any]]
AUTOMATION = "aws:ssm:start-automation-execution"


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


def is_known(action_id: object, fault_type: FaultType | None) -> bool:
    """Whether a module injects with this action. An experiment of type `custom` asks for an entry in any case."""
    faults = (*registry.list_faults(), *registry.list_action_faults())
    return fault_type is not FaultType.CUSTOM and any(action_id in fault.actions for fault in faults)


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
    if listed.document is None:
        types = {target.get("resourceType") for target in used.values()}
        return action.get("actionId") == listed.action and types == {listed.resource_type.value}
    if action.get("actionId") != AUTOMATION:
        return False
    here = locate_document(listed.document, definition.partition, definition.region, definition.account)
    return bool(action.get("parameters", {}).get("documentArn") == here)


def _fits(entry: CustomFault, action: Mapping[str, Any]) -> bool:
    """Whether the entry allows the action's values, whatever its length."""
    action_id, parameters = str(action.get("actionId")), action.get("parameters", {})
    try:
        entry.read_template(action_id, parameters, entry.read_length(action_id, parameters) or timedelta(0))
    except InvalidInput:
        return False
    return True

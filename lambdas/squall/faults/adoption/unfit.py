"""Why an action of a FIS template is no fault of Squall, and what works in its place."""

from collections.abc import Iterable, Mapping

from squall.domain.actions.action import FisAction
from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput, Problem, suggest_name
from squall.domain.base.vocabulary import ResourceType
from squall.domain.recovery.rollback_document import ROLE_PARAMETER
from squall.faults.adoption.entries import AUTOMATION
from squall.faults.mechanisms.send_command import SEND, document_of, read_document_parameters

_LIST = "an entry of the policy's custom_actions with"
_DOCUMENT = "an Automation document that does the same, among the policy's custom_actions with what it touches"
_RUNBOOK = "an Automation document that runs it (aws:runCommand), among the policy's custom_actions with what it touches"


def explain_unfit(path: str, action_id: str, parameters: Mapping[str, str]) -> Problem:
    """An action of which Squall can neither prove the effect nor undo it, with what works in its place."""
    if action_id == SEND:
        name = f"{action_id} with {document_of(parameters) or 'no document'}"
        expected = f"one of AWS's documents in docs/faults.md; or, because no other command can be followed to its end, {_RUNBOOK}"
        return Problem(path=path, message=f"{name}: Squall does not know what it does", expected=expected)
    if action_id == AUTOMATION:
        document = parameters.get("documentArn", "").rpartition("document/")[2]
        message = f"{action_id} with {document or 'no document'}: Squall does not know what it does"
        return Problem(path=path, message=message, expected=_describe_document(document, parameters))
    row = ACTIONS.get(action_id)
    if row is None:
        message = f"{action_id} is no action that AWS documents for FIS{suggest_name(action_id, ACTIONS)}"
        return Problem(path=path, message=message, expected="an action of docs/faults.md")
    if row.resource_type in {kind.value for kind in ResourceType} and not row.refused:
        given = _list_names(name for name in parameters if name != row.length_parameter)
        entry = f"action: {action_id}, resource_type: {row.resource_type}, target_key: {row.target_key}, iam{given}"
        return Problem(path=path, message=f"{action_id}: Squall does not know what it does", expected=f"{_LIST} {entry}")
    return Problem(path=path, message=_explain_targets(row), expected=_DOCUMENT)


def _explain_targets(row: FisAction) -> str:
    if row.refused:
        return f"{row.id}: {row.refused}"
    hits = f"its targets are of {row.resource_type}, which Squall can't pin" if row.resource_type else "it has no targets to pin"
    return f"{row.id}: {hits}"


def _describe_document(document: str, parameters: Mapping[str, str]) -> str:
    """The entry that the policy would need for an Automation document."""
    try:
        told = read_document_parameters(parameters.get("documentParameters", "{}"))
    except InvalidInput:
        told = {}
    given = _list_names(name for name in told if name != ROLE_PARAMETER)
    name = document or "its name"
    return f"{_LIST} document: {name}, its version and assume_role, resource_type and touches of what feels it{given}"


def _list_names(names: Iterable[str]) -> str:
    """What the entry has to say of these parameters."""
    known = ", ".join(sorted(names))
    return f", and patterns or values of {known}" if known else ""

"""Why an action of a FIS template is no fault of Squall, and what works in its place."""

import json
import re
from collections.abc import Mapping
from typing import Any

from squall.domain.actions.action import FisAction
from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput, Problem, suggest_name
from squall.domain.base.vocabulary import ResourceType
from squall.domain.policy.custom_actions import AUTOMATION, SEND
from squall.domain.recovery.rollback_document import ROLE_PARAMETER
from squall.faults.mechanisms.send_command import document_of, read_document_parameters

_LIST = "an entry of the policy's custom_actions, such as"
_DOCUMENT = "an Automation document that does the same, among the policy's custom_actions with what it touches"
_LENGTHS = {"durationseconds": "seconds", "duration": "seconds", "durationinseconds": "seconds", "durationminutes": "minutes"}
"""Parameters of documents that are likely to be their length, in lower case, to the unit of a plain number."""


def explain_unfit(path: str, action_id: str, parameters: Mapping[str, str]) -> Problem:
    """An action of which Squall can neither prove the effect nor undo it, with what works in its place."""
    if action_id in {SEND, AUTOMATION}:
        document = document_of(parameters).rpartition("document/")[2] or document_of(parameters)
        message = f"{action_id} with {document or 'no document'}: Squall does not know what it does"
        entry = _draft_command(document, parameters) if action_id == SEND else _draft_automation(document, parameters)
        return Problem(path=path, message=message, expected=f"{_LIST} {entry}" if document else "a documentArn")
    row = ACTIONS.get(action_id)
    if row is None:
        message = f"{action_id} is no action that AWS documents for FIS{suggest_name(action_id, ACTIONS)}"
        return Problem(path=path, message=message, expected="an action of docs/faults.md")
    if row.resource_type in {kind.value for kind in ResourceType} and not row.refused:
        return Problem(
            path=path, message=f"{action_id}: Squall does not know what it does", expected=f"{_LIST} {_draft_action(row, parameters)}"
        )
    return Problem(path=path, message=_explain_targets(row), expected=_DOCUMENT)


def _explain_targets(row: FisAction) -> str:
    if row.refused:
        return f"{row.id}: {row.refused}"
    hits = f"its targets are of {row.resource_type}, which Squall can't pin" if row.resource_type else "it has no targets to pin"
    return f"{row.id}: {hits}"


def _draft_command(document: str, parameters: Mapping[str, str]) -> str:
    """The entry that the policy would need for a Run Command document."""
    told = _read_told(parameters)
    entry = {
        "description": "REPLACE: what it does",
        "command": document,
        "version": _read_version(parameters),
        "resource_type": ResourceType.INSTANCE.value,
        **_draft_parameters(told),
        "success_is_proof": "REPLACE: true or false",
        "self_reverting": "REPLACE: true, or a rollback",
    }
    return _write_entry(document, entry)


def _draft_automation(document: str, parameters: Mapping[str, str]) -> str:
    """The entry that the policy would need for an Automation document."""
    told = _read_told(parameters)
    entry = {
        "description": "REPLACE: what it does",
        "document": document,
        "version": _read_version(parameters),
        "assume_role": told.pop(ROLE_PARAMETER, "REPLACE: the role as which it acts"),
        "resource_type": "REPLACE: what feels it",
        "touches": {"tags": {"REPLACE": "of what feels it"}},
        **_draft_parameters(told),
        "self_reverting": "REPLACE: true, or a rollback",
    }
    return _write_entry(document, entry)


def _draft_action(row: FisAction, parameters: Mapping[str, str]) -> str:
    """The entry that the policy would need for an action of FIS."""
    entry = {
        "description": "REPLACE: what it does",
        "action": row.id,
        "resource_type": row.resource_type,
        "target_key": row.target_key,
        "lasts": row.length_parameter is not None,
        **_draft_values({name: value for name, value in parameters.items() if name != row.length_parameter}),
        "iam": [{"actions": list(row.permissions), "resources": ["REPLACE: what they may touch"]}],
        "self_reverting": "REPLACE: true, or a rollback",
    }
    return _write_entry(row.id.rpartition(":")[2], entry)


def _draft_parameters(told: Mapping[str, str]) -> dict[str, Any]:
    """What an entry says of a document's parameters: exactly the values of the template, and which of them is the length."""
    length = next((name for name, value in told.items() if name.lower() in _LENGTHS and re.fullmatch(r"PT\w+|[1-9]\d*", value)), None)
    values = _draft_values({name: value for name, value in told.items() if name != length})
    if length is None:
        return values
    unit = "iso" if told[length].startswith("PT") else _LENGTHS[length.lower()]
    return {**values, "length": {"parameter": length, "unit": unit}}


def _draft_values(values: Mapping[str, str]) -> dict[str, Any]:
    return {"parameters": {name: re.escape(value) for name, value in sorted(values.items())}} if values else {}


def _read_told(parameters: Mapping[str, str]) -> dict[str, str]:
    try:
        return read_document_parameters(parameters.get("documentParameters", "{}"))
    except InvalidInput:
        return {}


def _read_version(parameters: Mapping[str, str]) -> str:
    version = parameters.get("documentVersion", "")
    return version if version.isdecimal() else "REPLACE: the reviewed number"


def _write_entry(name: str, entry: Mapping[str, Any]) -> str:
    """The entry as YAML on one line, to be pasted into the policy."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].rstrip("-")
    own = base if base[:1].isalpha() else f"document-{base}"[:48].rstrip("-")
    return json.dumps({"custom_actions": {own: entry}}, ensure_ascii=False)

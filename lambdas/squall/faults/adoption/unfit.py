"""Why an action of a FIS template is no fault of Squall, and what works in its place."""

import json
import re
from collections.abc import Callable, Mapping
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
_LENGTH = re.compile(r"\w*duration(inseconds|seconds|inminutes|minutes)?", re.IGNORECASE)
"""Names of parameters of documents that are likely to be their length, with the unit of a plain number."""
_NAME = re.compile(r"[a-zA-Z0-9_\-.:/]{3,128}")
"""What an entry accepts as a document."""
_OWN_DOCUMENT = "REPLACE: one text; for a list make a document of your own that holds it"
Blank = Callable[[str], bool]


def explain_unfit(path: str, action_id: str, parameters: Mapping[str, str], is_blank: Blank = lambda _: False) -> Problem:
    """An action of which Squall can neither prove the effect nor undo it, with what works in its place. `is_blank`: whether a
    value is none yet."""
    if action_id in {SEND, AUTOMATION}:
        document = document_of(parameters).rpartition("document/")[2] or document_of(parameters)
        message = f"{action_id} with {document or 'no document'}: Squall does not know what it does"
        draft = _draft_command if action_id == SEND else _draft_automation
        entry = draft(document, _read_told(parameters, is_blank), _read_version(parameters))
        return Problem(path=path, message=message, expected=f"{_LIST} {entry}" if document else "a documentArn")
    row = ACTIONS.get(action_id)
    if row is None:
        return _explain_unknown(path, action_id)
    if row.resource_type in {kind.value for kind in ResourceType} and not row.refused:
        return Problem(
            path=path, message=f"{action_id}: Squall does not know what it does", expected=f"{_LIST} {_draft_action(row, parameters)}"
        )
    return Problem(path=path, message=_explain_targets(row), expected=_DOCUMENT)


def _explain_unknown(path: str, action_id: str) -> Problem:
    """An id that is none. What FIS has for another service does something else, so it is not suggested."""
    of_service = sorted(row.id for row in ACTIONS.values() if row.id.split(":")[:2] == action_id.split(":")[:2] and not row.refused)
    message = f"{action_id} is no action that AWS documents for FIS{suggest_name(action_id, of_service)}"
    return Problem(path=path, message=message, expected=f"{', '.join(of_service) or 'an action'} of docs/faults.md; or {_DOCUMENT}")


def _explain_targets(row: FisAction) -> str:
    if row.refused:
        return f"{row.id}: {row.refused}"
    hits = f"its targets are of {row.resource_type}, which Squall can't pin" if row.resource_type else "it has no targets to pin"
    return f"{row.id}: {hits}"


def _draft_command(document: str, told: dict[str, str], version: str) -> str:
    """The entry that the policy would need for a Run Command document."""
    entry = {
        "description": "REPLACE: what it does",
        "command": _write_name(document),
        "version": version,
        "resource_type": ResourceType.INSTANCE.value,
        **_draft_parameters(told),
        "success_is_proof": "REPLACE: true or false",
        "self_reverting": "REPLACE: true, or a rollback",
    }
    return _write_entry(document, entry)


def _draft_automation(document: str, told: dict[str, str], version: str) -> str:
    """The entry that the policy would need for an Automation document."""
    entry = {
        "description": "REPLACE: what it does",
        "document": _write_name(document),
        "version": version,
        "assume_role": told.pop(ROLE_PARAMETER, "REPLACE: the role as which it acts"),
        "resource_type": "REPLACE: what feels it",
        "touches": {"tags": {"REPLACE": "of what feels it"}},
        **_draft_parameters(told),
        "self_reverting": "REPLACE: true, or a rollback",
    }
    return _write_entry(document, entry)


def _write_name(document: str) -> str:
    return document if _NAME.fullmatch(document) else f"REPLACE: the name of {document}"


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
    lengths = [name for name, value in told.items() if _LENGTH.fullmatch(name) and re.fullmatch(r"PT\w+|[1-9]\d*", value)]
    if len(lengths) != 1:  # none, or nobody knows which
        return _draft_values(told)
    (length,) = lengths
    minutes = length.lower().endswith("minutes")
    unit = "iso" if told[length].startswith("PT") else "minutes" if minutes else "seconds"
    values = _draft_values({name: value for name, value in told.items() if name != length})
    return {**values, "length": {"parameter": length, "unit": unit}}


def _draft_values(values: Mapping[str, str]) -> dict[str, Any]:
    patterns = {name: value if value.startswith("REPLACE: ") else re.escape(value) for name, value in sorted(values.items())}
    return {"parameters": patterns} if values else {}


def _read_told(parameters: Mapping[str, str], is_blank: Blank) -> dict[str, str]:
    """What the document is told. A value that is none yet, or that no experiment can give, is to be replaced."""
    try:
        given = json.loads(parameters.get("documentParameters", "{}"))
    except (ValueError, RecursionError):
        return {}
    told: dict[str, str] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        try:
            told |= read_document_parameters(json.dumps({name: value}))
        except InvalidInput:
            told[name] = _OWN_DOCUMENT
        if is_blank(told[name]) and name != ROLE_PARAMETER:
            told[name] = f"REPLACE: a pattern of {told[name]}"
    return told


def _read_version(parameters: Mapping[str, str]) -> str:
    version = parameters.get("documentVersion", "")
    return version if version.isdecimal() else "REPLACE: the reviewed number"


def _write_entry(name: str, entry: Mapping[str, Any]) -> str:
    """The entry as YAML on one line, to be pasted into the policy."""
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].rstrip("-")
    own = base if base[:1].isalpha() else f"document-{base}"[:48].rstrip("-")
    return json.dumps({"custom_actions": {own: entry}}, ensure_ascii=False)

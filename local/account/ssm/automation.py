"""SSM Automation: documents that users create, and a runner that carries them out in this account as the role they
name.

Documents are of schema 0.3, with the actions and keys known here. A document that uses anything else is refused when it
is created, so that nothing is left out silently. On AWS a document without a role acts as its caller; here it is
refused when it is started.
"""

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

import yaml
from ministack.core.responses import AccountRegionScopedDict, error_response_json, get_account_id, get_region, json_response
from ministack.services import ssm, sts

from local.account import iam
from local.account.patching import find_original, require_names
from local.account.ssm.automation_steps import ACTIONS, Data, Runner, StepError, fill_in_references
from local.account.ssm.commands import document_name

SERVICE = "ssm.amazonaws.com"
_STEP_KEYS = {"name", "description", "action", "inputs", "outputs", "onFailure", "isEnd", "nextStep", "isCritical", "timeoutSeconds"}
_DOCUMENT_KEYS = {"schemaVersion", "description", "assumeRole", "parameters", "mainSteps", "outputs"}
_NAME = re.compile(r"[a-zA-Z0-9_\-.]{3,128}")
_TOKEN = re.compile(r"[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}")

_documents = AccountRegionScopedDict()
_executions = AccountRegionScopedDict()
_tokens = AccountRegionScopedDict()


class AutomationError(ValueError):
    """What Systems Manager refuses; ``code`` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Caller(Protocol):
    """The caller of an execution, and what it asks for."""

    @property
    def data(self) -> Data: ...

    def authorize(self, action: str, resource: str, context: Data | None = None) -> None:
        """Raise if IAM would refuse the caller."""


class Call(NamedTuple):
    """A request to Systems Manager: its body and its caller."""

    data: Data
    headers: dict[str, str]
    query: Data

    def authorize(self, action: str, resource: str, context: Data | None = None) -> None:
        """Check a further permission of the caller: ministack has checked only the first."""
        if denied := iam.check_caller(self.headers, self.query, action, resource, context):
            raise AutomationError("AccessDeniedException", denied.message)


def install_patches() -> None:
    """Add the operations to SSM, and the resources that IAM checks them on."""
    require_names(sts, "register_session", "_gen_session_access_key", "_gen_secret", "_gen_session_token")
    handle = find_original(ssm, "handle_request", "method path headers body query_params")
    operations: Mapping[str, Callable[[Call], Data]] = {
        "CreateDocument": create_document, "DescribeDocument": describe_document, "DeleteDocument": delete_document,
        "StartAutomationExecution": start_execution, "GetAutomationExecution": get_execution,
        "StopAutomationExecution": stop_execution,
    }  # fmt: skip

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Data) -> Any:
        operation = operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if operation is None:
            return await handle(method, path, headers, body, query_params)
        try:
            return json_response(operation(Call(json.loads(body or b"{}"), headers, query_params)))
        except AutomationError as error:
            return error_response_json(error.code, str(error), 400)

    ssm.handle_request = handle_request


# --- documents ----------------------------------------------------------------------------------------------------


def create_document(call: Call) -> Data:
    """CreateDocument for Automation documents."""
    name, content = str(call.data.get("Name") or ""), str(call.data.get("Content") or "")
    if call.data.get("DocumentType") != "Automation" or not _NAME.fullmatch(name):
        raise AutomationError("InvalidDocumentContent", f"{name!r}: only Automation documents are known here, by a name of their own")
    if name in _documents:
        raise AutomationError("DocumentAlreadyExists", f"Document with the specified name already exists: {name}")
    document = _parse_content(content)
    _documents[name] = {
        "Name": name, "Content": document, "Hash": hashlib.sha256(content.encode()).hexdigest(), "CreatedDate": time.time(),
    }  # fmt: skip
    return {"DocumentDescription": _describe_document(name)}


def describe_document(call: Call) -> Data:
    """DescribeDocument: a document has only one version here."""
    if _read_name(call) not in _documents:
        raise AutomationError("InvalidDocument", f"Document with name {_read_name(call)} does not exist.")
    return {"Document": _describe_document(_read_name(call))}


def _describe_document(name: str) -> Data:
    document = _documents[name]
    parameters = document["Content"].get("parameters", {})
    return {
        "Name": name, "Hash": document["Hash"], "HashType": "Sha256", "Owner": get_account_id(), "CreatedDate": document["CreatedDate"],
        "Status": "Active", "DocumentVersion": "1", "LatestVersion": "1", "DefaultVersion": "1", "DocumentType": "Automation",
        "SchemaVersion": "0.3", "Description": document["Content"].get("description", ""),
        "Parameters": [{"Name": key, "Type": parameter["type"]} for key, parameter in parameters.items()],
    }  # fmt: skip


def delete_document(call: Call) -> Data:
    """DeleteDocument; running executions continue."""
    if _documents.pop(_read_name(call), None) is None:
        raise AutomationError("InvalidDocument", f"Document with name {_read_name(call)} does not exist.")
    return {}


def _read_name(call: Caller) -> str:
    return document_name(str(call.data.get("Name") or call.data.get("DocumentName") or ""))


def _parse_content(content: str) -> Data:
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise AutomationError("InvalidDocumentContent", f"neither JSON nor YAML: {error}") from error
    if not isinstance(document, dict) or str(document.get("schemaVersion")) != "0.3":
        raise AutomationError("InvalidDocumentSchemaVersion", "an Automation document has schemaVersion 0.3")
    if problems := list(_list_problems(document)):
        raise AutomationError("InvalidDocumentContent", "; ".join(problems))
    return document


def _list_problems(document: Data) -> Iterator[str]:
    steps = document.get("mainSteps") or []
    names = [step.get("name") for step in steps]
    if unknown := sorted(set(document) - _DOCUMENT_KEYS):
        yield f"not known here: {', '.join(unknown)}"
    if not names or len(names) != len(set(names)):
        yield "mainSteps are named, each once"
    for step in steps:
        if step.get("action") not in ACTIONS:
            yield f"{step.get('name')}: {step.get('action')} is not known here; there are {', '.join(ACTIONS)}"
        if unknown := sorted(set(step) - _STEP_KEYS):
            yield f"{step.get('name')}: not known here: {', '.join(unknown)}"
        reaction = str(step.get("onFailure", "Abort"))
        if reaction not in {"Abort", "Continue"} and not reaction.startswith("step:"):
            yield f"{step.get('name')}: onFailure is Abort, Continue or step:<name>"
        goals = [step.get("nextStep"), reaction.removeprefix("step:") if reaction.startswith("step:") else None]
        yield from (f"{step.get('name')}: there is no step {goal}" for goal in goals if goal and goal not in names)


# --- starting -----------------------------------------------------------------------------------------------------


def start_execution(call: Caller) -> Data:
    """StartAutomationExecution: refuses immediately what AWS refuses immediately; needs iam:PassRole for the document's
    role."""
    identifier = str(uuid.uuid4())
    call.authorize("ssm:StartAutomationExecution", _make_arn(f"automation-execution/{identifier}"))
    name = _read_name(call)
    stored = _documents.get(name)
    if stored is None:
        raise AutomationError("AutomationDefinitionNotFoundException", f"Automation Definition {name} Not Found")
    if call.data.get("DocumentVersion") not in {None, "$DEFAULT", "$LATEST", "1"}:
        raise AutomationError("AutomationDefinitionVersionNotFoundException", f"{name} has no version {call.data['DocumentVersion']}")
    token, asked = call.data.get("ClientToken"), {key: value for key, value in call.data.items() if key != "ClientToken"}
    if token is not None and not _TOKEN.fullmatch(str(token)):
        raise AutomationError("ValidationException", "clientToken is no UUID")
    if token in _tokens:
        before, same = _tokens[token]
        if same != asked:
            raise AutomationError("IdempotentParameterMismatch", "the token was used with other parameters")
        return {"AutomationExecutionId": before}
    document = stored["Content"]
    values = _read_values(document.get("parameters") or {}, call.data.get("Parameters") or {})
    try:
        role = str(fill_in_references(document.get("assumeRole") or "", values))
    except StepError as error:
        raise _invalid_parameter(f"assumeRole: {error}") from None
    if not role:
        raise _invalid_parameter("a document without assumeRole acts as its caller: not in this account")
    call.authorize("iam:PassRole", role, {"iam:PassedToService": SERVICE})
    if not iam.role_trusts(role, SERVICE, _make_arn(f"automation-execution/{identifier}")):
        raise _invalid_parameter("The defined assume role is unable to be assumed.")
    execution: Data = {
        "AutomationExecutionId": identifier, "DocumentName": name, "DocumentVersion": "1", "ExecutionStartTime": time.time(),
        "AutomationExecutionStatus": "Pending", "StepExecutions": [], "StepExecutionsTruncated": False,
        "Parameters": call.data.get("Parameters") or {}, "Outputs": {}, "Mode": "Auto",
    }  # fmt: skip
    _executions[identifier] = execution
    if token is not None:
        _tokens[token] = (identifier, asked)
    known = {**values, "automation:EXECUTION_ID": identifier, "global:REGION": get_region(), "global:ACCOUNT_ID": get_account_id()}
    runner = Runner(execution, document, role, known)
    threading.Thread(target=copy_context().run, args=(runner.run,), daemon=True, name="squall-automation").start()
    return {"AutomationExecutionId": identifier}


def get_execution(call: Call) -> Data:
    """GetAutomationExecution."""
    execution = _executions.get(call.data.get("AutomationExecutionId"))
    if execution is None:
        raise AutomationError("AutomationExecutionNotFoundException", "there is no such automation execution")
    return {"AutomationExecution": {**execution, "StepExecutions": [dict(step) for step in execution["StepExecutions"]]}}


def stop_execution(call: Call) -> Data:
    """StopAutomationExecution."""
    get_execution(call)
    stop_steps(str(call.data["AutomationExecutionId"]))
    return {}


def read_status(identifier: str) -> str:
    """The status of an execution that was started."""
    return str(_executions[identifier]["AutomationExecutionStatus"])


def stop_steps(identifier: str) -> None:
    """Begin no further step; the step that runs is carried to its end. An execution that has ended stays as it is."""
    execution = _executions[identifier]
    if "ExecutionEndTime" not in execution:
        execution["AutomationExecutionStatus"] = "Cancelling"


def _make_arn(rest: str) -> str:
    return f"arn:aws:ssm:{get_region()}:{get_account_id()}:{rest}"


def _invalid_parameter(message: str) -> AutomationError:
    return AutomationError("InvalidAutomationExecutionParametersException", message)


def _read_values(declared: Data, arguments: Mapping[str, list[str]]) -> Data:
    if unknown := sorted(set(arguments) - set(declared)):
        raise _invalid_parameter(f"Parameters [{', '.join(unknown)}] are not defined in the document")
    values: Data = {}
    for name, parameter in declared.items():
        argument = arguments.get(name)
        if argument is None and "default" not in parameter:
            raise _invalid_parameter(f"Missing required parameter: {name}")
        texts = [str(item) for item in argument or []]
        for text in texts:
            if parameter.get("allowedPattern") and not re.fullmatch(parameter["allowedPattern"], text):
                raise _invalid_parameter(f"{name}: {text} does not match {parameter['allowedPattern']}")
            if parameter.get("allowedValues") and text not in map(str, parameter["allowedValues"]):
                raise _invalid_parameter(f"{name}: {text} is not one of {parameter['allowedValues']}")
        values[name] = parameter["default"] if argument is None else _convert_value(name, str(parameter.get("type")), texts)
    return values


def _convert_value(name: str, kind: str, texts: list[str]) -> Any:
    if kind == "StringList" or kind.startswith("List<"):
        return texts
    if len(texts) != 1:
        raise _invalid_parameter(f"{name} is one {kind}, {len(texts)} were given")
    try:
        return int(texts[0]) if kind == "Integer" else texts[0].lower() == "true" if kind == "Boolean" else texts[0]
    except ValueError:
        raise _invalid_parameter(f"{name}: {texts[0]} is no {kind}") from None

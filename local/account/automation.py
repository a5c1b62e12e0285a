"""SSM Automation: documents of users' own, and a runner of them that acts in this very account as the role it was given.

Documents are of schema 0.3, with the actions and keys named below; one that says more is refused when it is made, so that nothing is
left out in silence. A document that names no role would act as its caller on AWS; here it is refused when it is started.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

import boto3
import jmespath
import yaml
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import AccountRegionScopedDict, error_response_json, get_account_id, get_region, json_response
from ministack.services import ssm, sts

from local.account import iam, settings
from local.account.fis import durations
from local.account.patching import original, require
from local.account.ssm import document_name

Data = dict[str, Any]
SERVICE = "ssm.amazonaws.com"
ACTIONS = ("aws:sleep", "aws:executeAwsApi", "aws:waitForAwsResourceProperty")
_STEP_KEYS = {"name", "description", "action", "inputs", "outputs", "onFailure", "isEnd", "nextStep", "isCritical", "timeoutSeconds"}
_DOCUMENT_KEYS = {"schemaVersion", "description", "assumeRole", "parameters", "mainSteps", "outputs"}
_REFERENCE = re.compile(r"\{\{\s*([\w.:-]+)\s*\}\}")
_NAME = re.compile(r"[a-zA-Z0-9_\-.]{3,128}")
_TOKEN = re.compile(r"[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}")
POLL_SECONDS = 0.2
DEFAULT_TIMEOUT_SECONDS = 3600.0

_documents = AccountRegionScopedDict()
_executions = AccountRegionScopedDict()
_tokens = AccountRegionScopedDict()


class AutomationError(ValueError):
    """What Systems Manager refuses; ``code`` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StepError(RuntimeError):
    """A step failed, with the status it ends in."""

    def __init__(self, message: str, status: str = "Failed") -> None:
        super().__init__(message)
        self.status = status


class Caller(Protocol):
    """Who asks for an execution, and for what."""

    @property
    def data(self) -> Data: ...

    def authorize(self, action: str, resource: str, context: Data | None = None) -> None:
        """Refuse what IAM would refuse them."""


class Call(NamedTuple):
    """A request to Systems Manager: what it says, and whose it is."""

    data: Data
    headers: dict[str, str]
    query: Data

    def authorize(self, action: str, resource: str, context: Data | None = None) -> None:
        """One more permission of the caller than ministack has looked at."""
        if denied := iam.check_caller(self.headers, self.query, action, resource, context):
            raise AutomationError("AccessDeniedException", denied.message)


def install() -> None:
    """Add the operations to SSM, with the resources IAM checks them on."""
    require(sts, "register_session", "_gen_session_access_key", "_gen_secret", "_gen_session_token")
    handle = original(ssm, "handle_request", "method path headers body query_params")
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
    """CreateDocument, of Automation documents."""
    name, content = str(call.data.get("Name") or ""), str(call.data.get("Content") or "")
    if call.data.get("DocumentType") != "Automation" or not _NAME.fullmatch(name):
        raise AutomationError("InvalidDocumentContent", f"{name!r}: only Automation documents are known here, by a name of their own")
    if name in _documents:
        raise AutomationError("DocumentAlreadyExists", f"Document with the specified name already exists: {name}")
    document = _read(content)
    _documents[name] = {
        "Name": name, "Content": document, "Hash": hashlib.sha256(content.encode()).hexdigest(), "CreatedDate": time.time(),
    }  # fmt: skip
    return {"DocumentDescription": _described(name)}


def describe_document(call: Call) -> Data:
    """DescribeDocument: a document has one version here."""
    if _named(call) not in _documents:
        raise AutomationError("InvalidDocument", f"Document with name {_named(call)} does not exist.")
    return {"Document": _described(_named(call))}


def _described(name: str) -> Data:
    found = _documents[name]
    parameters = found["Content"].get("parameters", {})
    return {
        "Name": name, "Hash": found["Hash"], "HashType": "Sha256", "Owner": get_account_id(), "CreatedDate": found["CreatedDate"],
        "Status": "Active", "DocumentVersion": "1", "LatestVersion": "1", "DefaultVersion": "1", "DocumentType": "Automation",
        "SchemaVersion": "0.3", "Description": found["Content"].get("description", ""),
        "Parameters": [{"Name": key, "Type": one["type"]} for key, one in parameters.items()],
    }  # fmt: skip


def delete_document(call: Call) -> Data:
    """DeleteDocument; what runs goes on."""
    if _documents.pop(_named(call), None) is None:
        raise AutomationError("InvalidDocument", f"Document with name {_named(call)} does not exist.")
    return {}


def _named(call: Caller) -> str:
    return document_name(str(call.data.get("Name") or call.data.get("DocumentName") or ""))


def _read(content: str) -> Data:
    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise AutomationError("InvalidDocumentContent", f"neither JSON nor YAML: {error}") from error
    if not isinstance(document, dict) or str(document.get("schemaVersion")) != "0.3":
        raise AutomationError("InvalidDocumentSchemaVersion", "an Automation document has schemaVersion 0.3")
    if problems := list(_problems(document)):
        raise AutomationError("InvalidDocumentContent", "; ".join(problems))
    return document


def _problems(document: Data) -> Iterator[str]:
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
    """StartAutomationExecution: refuses at once what AWS refuses at once, and needs iam:PassRole for the document's role."""
    identifier = str(uuid.uuid4())
    call.authorize("ssm:StartAutomationExecution", _arn(f"automation-execution/{identifier}"))
    name = _named(call)
    found = _documents.get(name)
    if found is None:
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
    document = found["Content"]
    values = _values(document.get("parameters") or {}, call.data.get("Parameters") or {})
    try:
        role = str(_filled(document.get("assumeRole") or "", values))
    except StepError as error:
        raise _invalid(f"assumeRole: {error}") from None
    if not role:
        raise _invalid("a document without assumeRole acts as its caller: not in this account")
    call.authorize("iam:PassRole", role, {"iam:PassedToService": SERVICE})
    if not iam.trusts(role, SERVICE, _arn(f"automation-execution/{identifier}")):
        raise _invalid("The defined assume role is unable to be assumed.")
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
    found = _executions.get(call.data.get("AutomationExecutionId"))
    if found is None:
        raise AutomationError("AutomationExecutionNotFoundException", "there is no such automation execution")
    return {"AutomationExecution": {**found, "StepExecutions": [dict(step) for step in found["StepExecutions"]]}}


def stop_execution(call: Call) -> Data:
    """StopAutomationExecution."""
    get_execution(call)
    stop(str(call.data["AutomationExecutionId"]))
    return {}


def status(identifier: str) -> str:
    """Of an execution that was started."""
    return str(_executions[identifier]["AutomationExecutionStatus"])


def stop(identifier: str) -> None:
    """No step is begun any more; the one that runs is carried to its end. What has ended stays as it is."""
    execution = _executions[identifier]
    if "ExecutionEndTime" not in execution:
        execution["AutomationExecutionStatus"] = "Cancelling"


def _arn(rest: str) -> str:
    return f"arn:aws:ssm:{get_region()}:{get_account_id()}:{rest}"


def _invalid(message: str) -> AutomationError:
    return AutomationError("InvalidAutomationExecutionParametersException", message)


def _values(declared: Data, given: Mapping[str, list[str]]) -> Data:
    if unknown := sorted(set(given) - set(declared)):
        raise _invalid(f"Parameters [{', '.join(unknown)}] are not defined in the document")
    values: Data = {}
    for name, parameter in declared.items():
        told = given.get(name)
        if told is None and "default" not in parameter:
            raise _invalid(f"Missing required parameter: {name}")
        texts = [str(one) for one in told or []]
        for text in texts:
            if parameter.get("allowedPattern") and not re.fullmatch(parameter["allowedPattern"], text):
                raise _invalid(f"{name}: {text} does not match {parameter['allowedPattern']}")
            if parameter.get("allowedValues") and text not in map(str, parameter["allowedValues"]):
                raise _invalid(f"{name}: {text} is not one of {parameter['allowedValues']}")
        values[name] = parameter["default"] if told is None else _typed(name, str(parameter.get("type")), texts)
    return values


def _typed(name: str, kind: str, texts: list[str]) -> Any:
    if kind == "StringList" or kind.startswith("List<"):
        return texts
    if len(texts) != 1:
        raise _invalid(f"{name} is one {kind}, {len(texts)} were given")
    try:
        return int(texts[0]) if kind == "Integer" else texts[0].lower() == "true" if kind == "Boolean" else texts[0]
    except ValueError:
        raise _invalid(f"{name}: {texts[0]} is no {kind}") from None


def _filled(value: Any, known: Data) -> Any:
    """References replaced: one that stands alone keeps its type."""
    if isinstance(value, dict):
        return {key: _filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    if alone := _REFERENCE.fullmatch(value):
        return _looked_up(alone[1], known)
    return _REFERENCE.sub(lambda found: str(_looked_up(found[1], known)), value)


def _looked_up(name: str, known: Data) -> Any:
    if name not in known:
        raise StepError(f"there is no value for {name}")
    return known[name]


# --- running ------------------------------------------------------------------------------------------------------


class Runner:
    """One execution, step after step, each as AWS would report it."""

    def __init__(self, execution: Data, document: Data, role: str, known: Data) -> None:
        self._execution, self._document, self._role, self._known = execution, document, role, known
        self._actions: dict[str, Callable[[Data, Data], Any]] = {
            "aws:sleep": self._sleep, "aws:executeAwsApi": self._call_api, "aws:waitForAwsResourceProperty": self._await_property,
        }  # fmt: skip

    def run(self) -> None:
        """To its end, whatever that is."""
        if not self._cancelled:
            self._execution["AutomationExecutionStatus"] = "InProgress"
        status = "Failed"
        try:
            status = self._steps()
        finally:
            self._execution["ExecutionEndTime"] = time.time()
            self._execution["AutomationExecutionStatus"] = status

    @property
    def _cancelled(self) -> bool:
        return bool(self._execution["AutomationExecutionStatus"] == "Cancelling")

    def _steps(self) -> str:
        """Carry them out; the status it all ends in."""
        steps = {step["name"]: step for step in self._document["mainSteps"]}
        order, status, name = list(steps), "Success", next(iter(steps))
        while name:
            if self._cancelled:
                return "Cancelled"
            step, failed = steps[name], self._step(steps[name])
            if failed is not None:
                if step.get("isCritical", True):
                    status = failed.status
                    self._execution["FailureMessage"] = f"Step fails when it is Execute/Cancelling action. {failed}"
                reaction = str(step.get("onFailure", "Abort"))
                if reaction.startswith("step:"):
                    name = reaction.removeprefix("step:")
                    continue
                if reaction != "Continue":
                    break
            following = order[order.index(name) + 1 :]
            name = "" if step.get("isEnd") else step.get("nextStep") or (following[0] if following else "")
        return status

    def _step(self, step: Data) -> StepError | None:
        record: Data = {
            "StepName": step["name"], "Action": step["action"], "ExecutionStartTime": time.time(), "StepStatus": "InProgress",
            "StepExecutionId": str(uuid.uuid4()), "Inputs": {}, "Outputs": {},
        }  # fmt: skip
        self._execution["StepExecutions"].append(record)
        failed: StepError | None = None
        try:
            inputs = _filled(step.get("inputs") or {}, self._known)
            record["Inputs"] = {key: json.dumps(value) for key, value in inputs.items()}
            answer = self._actions[step["action"]](inputs, step)
            for output in step.get("outputs") or []:
                value = _selected(output["Selector"], answer)
                self._known[f"{step['name']}.{output['Name']}"] = value
                record["Outputs"][output["Name"]] = [str(one) for one in (value if isinstance(value, list) else [value])]
        except (StepError, BotoCoreError, ClientError, KeyError, TypeError, ValueError, AttributeError) as error:
            failed = error if isinstance(error, StepError) else StepError(f"{type(error).__name__}: {error}")
            record["FailureMessage"] = str(failed)
        record["ExecutionEndTime"] = time.time()
        record["StepStatus"] = failed.status if failed else "Success"
        return failed

    def _sleep(self, inputs: Data, step: Data) -> None:  # noqa: ARG002 - an action's
        time.sleep(float(durations.seconds(inputs["Duration"])))

    def _call_api(self, inputs: Data, step: Data) -> Any:  # noqa: ARG002 - an action's
        request = {key: value for key, value in inputs.items() if key not in {"Service", "Api", "PropertySelector", "DesiredValues"}}
        return getattr(self._client(inputs["Service"]), xform_name(inputs["Api"]))(**request)

    def _await_property(self, inputs: Data, step: Data) -> Any:
        wanted = [str(one) for one in inputs["DesiredValues"]]
        deadline = time.monotonic() + float(step.get("timeoutSeconds", DEFAULT_TIMEOUT_SECONDS))
        while True:
            answer = self._call_api(inputs, step)
            found = _selected(inputs["PropertySelector"], answer)
            if str(found) in wanted:
                return answer
            if time.monotonic() > deadline:
                raise StepError(f"{inputs['PropertySelector']} is {found}, not {' or '.join(wanted)}", "TimedOut")
            time.sleep(POLL_SECONDS)

    def _client(self, service: str) -> Any:
        """With a session of the role: what it may do is checked where any caller's is."""
        key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
        name, session = self._role.rpartition("/")[2], f"Automation-{self._execution['AutomationExecutionId']}"
        sts.register_session(key, {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session}", "UserId": f"AROAAUTOMATION:{session}",
            "SecretAccessKey": secret, "SessionToken": token, "Expiration": time.time() + 3600, "AccountId": get_account_id(),
            "PrincipalType": "AssumedRole", "SourceAccessKeyId": "", "SourcePrincipalArn": SERVICE, "SessionTags": [],
            "SessionPolicies": None,
        })  # fmt: skip
        return boto3.client(
            service, endpoint_url=settings.current().endpoint, region_name=get_region(), aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token=token, config=Config(retries={"total_max_attempts": 2}),
        )  # fmt: skip


def _selected(selector: str, answer: Any) -> Any:
    """A path such as ``$.AutoScalingGroups[0].DesiredCapacity``: of JSONPath, what JMESPath says alike."""
    return jmespath.search(selector.removeprefix("$."), answer)

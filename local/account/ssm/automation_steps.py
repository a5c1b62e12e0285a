"""The steps of an Automation document, carried out one after another in this account as the document's role."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region
from ministack.services import sts

from local.account import settings
from local.account.fis import durations

Data = dict[str, Any]
ACTIONS = ("aws:sleep", "aws:executeAwsApi", "aws:waitForAwsResourceProperty")
POLL_SECONDS = 0.2
DEFAULT_TIMEOUT_SECONDS = 3600.0
_SERVICE = "ssm.amazonaws.com"
_REFERENCE = re.compile(r"\{\{\s*([\w.:-]+)\s*\}\}")


class StepError(RuntimeError):
    """A step failed; `status` is the status it ends in."""

    def __init__(self, message: str, status: str = "Failed") -> None:
        super().__init__(message)
        self.status = status


def fill_in_references(value: Any, known: Data) -> Any:
    """Replace references by their values; a reference that stands alone keeps its type. Raises StepError for a
    reference without a value."""
    if isinstance(value, dict):
        return {key: fill_in_references(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill_in_references(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    if alone := _REFERENCE.fullmatch(value):
        return _looked_up(alone[1], known)
    return _REFERENCE.sub(lambda match: str(_looked_up(match[1], known)), value)


def _looked_up(name: str, known: Data) -> Any:
    if name not in known:
        raise StepError(f"there is no value for {name}")
    return known[name]


class Runner:
    """One execution, step after step, each as AWS would report it."""

    def __init__(self, execution: Data, document: Data, role: str, known: Data) -> None:
        self._execution, self._document, self._role, self._known = execution, document, role, known
        self._actions: dict[str, Callable[[Data, Data], Any]] = {
            "aws:sleep": self._sleep, "aws:executeAwsApi": self._call_api, "aws:waitForAwsResourceProperty": self._await_property,
        }  # fmt: skip

    def run(self) -> None:
        """Carry the execution to its end, successful or not."""
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
        """Carry out the steps; returns the status of the whole execution."""
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
            inputs = fill_in_references(step.get("inputs") or {}, self._known)
            record["Inputs"] = {key: json.dumps(value) for key, value in inputs.items()}
            answer = self._actions[step["action"]](inputs, step)
            for output in step.get("outputs") or []:
                value = _select_value(output["Selector"], answer)
                self._known[f"{step['name']}.{output['Name']}"] = value
                record["Outputs"][output["Name"]] = [str(item) for item in (value if isinstance(value, list) else [value])]
        except (StepError, BotoCoreError, ClientError, KeyError, TypeError, ValueError, AttributeError) as error:
            failed = error if isinstance(error, StepError) else StepError(f"{type(error).__name__}: {error}")
            record["FailureMessage"] = str(failed)
        record["ExecutionEndTime"] = time.time()
        record["StepStatus"] = failed.status if failed else "Success"
        return failed

    def _sleep(self, inputs: Data, step: Data) -> None:  # noqa: ARG002 - an action's
        time.sleep(float(durations.parse_seconds(inputs["Duration"])))

    def _call_api(self, inputs: Data, step: Data) -> Any:  # noqa: ARG002 - an action's
        request = {key: value for key, value in inputs.items() if key not in {"Service", "Api", "PropertySelector", "DesiredValues"}}
        return getattr(self._client(inputs["Service"]), xform_name(inputs["Api"]))(**request)

    def _await_property(self, inputs: Data, step: Data) -> Any:
        wanted = [str(item) for item in inputs["DesiredValues"]]
        deadline = time.monotonic() + float(step.get("timeoutSeconds", DEFAULT_TIMEOUT_SECONDS))
        while True:
            answer = self._call_api(inputs, step)
            actual = _select_value(inputs["PropertySelector"], answer)
            if str(actual) in wanted:
                return answer
            if time.monotonic() > deadline:
                raise StepError(f"{inputs['PropertySelector']} is {actual}, not {' or '.join(wanted)}", "TimedOut")
            time.sleep(POLL_SECONDS)

    def _client(self, service: str) -> Any:
        """Call an API with a session of the role, so that its permissions are checked like any caller's."""
        key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
        name, session = self._role.rpartition("/")[2], f"Automation-{self._execution['AutomationExecutionId']}"
        sts.register_session(key, {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session}", "UserId": f"AROAAUTOMATION:{session}",
            "SecretAccessKey": secret, "SessionToken": token, "Expiration": time.time() + 3600, "AccountId": get_account_id(),
            "PrincipalType": "AssumedRole", "SourceAccessKeyId": "", "SourcePrincipalArn": _SERVICE, "SessionTags": [],
            "SessionPolicies": None,
        })  # fmt: skip
        return boto3.client(
            service, endpoint_url=settings.get_settings().endpoint, region_name=get_region(), aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token=token, config=Config(retries={"total_max_attempts": 2}),
        )  # fmt: skip


def _select_value(selector: str, answer: Any) -> Any:
    """The value at a path such as ``$.AutoScalingGroups[0].DesiredCapacity``. Only paths that JMESPath writes in the
    same way work."""
    return jmespath.search(selector.removeprefix("$."), answer)

"""Step Functions: nested executions (``states:startExecution.sync:2``) as AWS runs them.

ministack runs them like Express workflows: a name that is used is run again, no status event is emitted, the role is not
asked, and a nested execution outlives the one that waits for it.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import time
from typing import Any

from ministack.services import stepfunctions as sfn

from local.account import iam
from local.account.events import workflows
from local.account.patching import replace_function, require_names

LOOKS_EVERY_SECONDS = 0.2
RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
"""The rule that Step Functions manages to hear of the end of nested executions; the role has to allow it."""


def install_patches() -> None:
    """Replace how nested executions are started and waited for."""
    require_names(sfn, "_nested_start_execution_request", "_start_execution", "_stop_execution", "_executions", "_ExecutionError")
    replace_function(sfn, "_invoke_nested_start_execution_sync", "resource input_data", lambda _original: run_nested_execution)


def run_nested_execution(resource: str, input_data: Any) -> Any:
    """Start the execution, wait for its end, and stop it if the one that waits is stopped. Raises sfn._ExecutionError as
    the service integration does."""
    request = sfn._nested_start_execution_request(input_data)
    _authorize(request["stateMachineArn"])
    status, _, body = sfn._start_execution(request)
    answer = json.loads(body)
    if status >= 400:
        raise sfn._ExecutionError(f"StepFunctions.{answer['__type']}Exception", answer.get("message", ""))
    arn = answer["executionArn"]
    execution = _wait_for_end(arn)
    described = {
        "ExecutionArn": arn,
        "Name": execution["name"],
        "Status": execution["status"],
        "Input": execution["input"],
        "Output": _read_output(resource, execution.get("output")),
    }
    if execution["status"] != "SUCCEEDED":
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(described))
    return described


def _wait_for_end(arn: str) -> dict[str, Any]:
    waiting = workflows.running_execution()
    while True:
        execution: dict[str, Any] = sfn._executions[arn]
        if execution["status"] != "RUNNING":
            return execution
        if waiting and sfn._executions[waiting]["status"] != "RUNNING":
            sfn._stop_execution({"executionArn": arn, "error": "States.TaskFailed", "cause": "the execution that waits for it was stopped"})
            return dict(sfn._executions[arn])
        time.sleep(LOOKS_EVERY_SECONDS)


def _read_output(resource: str, output: str | None) -> Any:
    """The output: parsed for ``.sync:2``, a string for ``.sync``."""
    return json.loads(output or "{}") if resource.endswith(".sync:2") else output


def _authorize(machine_arn: str) -> None:
    """Refuse what the role of the running execution may not do: start, describe and stop the nested one, and manage the
    rule."""
    running = workflows.running_role()
    if running is None:
        return
    executions = machine_arn.replace(":stateMachine:", ":execution:") + ":*"
    rule = ":".join(["arn", "aws", "events", *machine_arn.split(":")[3:5], f"rule/{RULE}"])
    needed = [
        ("states:StartExecution", machine_arn),
        ("states:DescribeExecution", executions),
        ("states:StopExecution", executions),
        *((f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")),
    ]
    for action, resource in needed:
        if denied := iam.authorize_role(running, action, resource):
            raise sfn._ExecutionError("StepFunctions.AccessDeniedException", denied.message)

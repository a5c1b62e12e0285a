"""Step Functions: ``RedriveCount`` in the context, and task tokens that fail with their Lambda, have heartbeats and
time out.

A Lambda task runs with the state machine's role, which must trust Step Functions and allow the invocation; ministack
runs it as root. Other integrations (``sns:publish``, ``aws-sdk:…``) are still not checked.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from ministack.services import lambda_svc
from ministack.services import stepfunctions as sfn

from local.account import iam
from local.account.patching import replace_function, require_names

SERVICE = "states.amazonaws.com"
_running: ContextVar[tuple[str, str] | None] = ContextVar("running", default=None)
_execution: ContextVar[str | None] = ContextVar("execution", default=None)


def running_role() -> str | None:
    """The role of the execution that runs in this context; None if there is none."""
    running = _running.get()
    return running[0] if running else None


def running_execution() -> str | None:
    """The ARN of the execution that runs in this context; None if there is none."""
    return _execution.get()


def install_patches() -> None:
    """Patch the context object and task tokens."""
    require_names(
        sfn, "_task_tokens", "_ExecutionError", "_extract_lambda_ref", "_resolve_lambda_function_ref",
        "_call_lambda",
    )  # fmt: skip
    replace_function(sfn, "_evaluate_jsonata", "expression raw_input ctx result error_output", _with_redrive_count)
    replace_function(sfn, "_invoke_with_callback", "resource input_data token state_def", _with_deadlines)
    replace_function(sfn, "_run_execution", "exec_arn", _with_role)
    replace_function(sfn, "_call_lambda", "func_ref event", _with_authorization)
    replace_function(sfn, "_start_execution", "data", _with_checked_input)
    replace_function(sfn, "_describe_state_machine", "data", _with_logging)


def _with_checked_input(start: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Refuse an input that is not JSON, as AWS does."""

    def start_execution(data: Any) -> Any:
        try:
            json.loads(data.get("input", "{}"))
        except ValueError as error:
            return sfn.error_response_json("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'", 400)
        return start(data)

    return start_execution


def _with_logging(describe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Answer with the logging of a machine that CloudFormation made: the emulator keeps it under the template's names."""

    def describe_state_machine(data: Any) -> Any:
        machine = sfn._state_machines.get(data.get("stateMachineArn"))
        if machine:
            machine["loggingConfiguration"] = _name_as_api(machine["loggingConfiguration"])
        return describe(data)

    return describe_state_machine


def _name_as_api(value: Any) -> Any:
    """A part of a template with the API's spelling of its keys: `includeExecutionData` for `IncludeExecutionData`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _name_as_api(inner) for key, inner in value.items()}
    return [_name_as_api(inner) for inner in value] if isinstance(value, list) else value


def _with_role(run: Callable[[str], None]) -> Callable[[str], None]:
    def run_execution(exec_arn: str) -> None:
        execution = sfn._executions.get(exec_arn) or {}
        machine = sfn._state_machines.get(execution.get("stateMachineArn", "")) or {}
        token = _running.set((machine["roleArn"], machine["stateMachineArn"]) if machine.get("roleArn") else None)
        own = _execution.set(exec_arn)
        try:
            run(exec_arn)
        finally:
            _running.reset(token)
            _execution.reset(own)

    return run_execution


def _with_authorization(call: Callable[..., Any]) -> Callable[..., Any]:
    def call_lambda(func_ref: str, event: Any) -> Any:
        running = _running.get()
        _, config, _ = lambda_svc._get_func_record_for_ref(func_ref)
        if running and config:
            role, machine = running
            arn = func_ref if func_ref.startswith("arn:") else config["FunctionArn"]
            denied = iam.authorize_role(role, "lambda:InvokeFunction", arn)
            if denied or not iam.role_trusts(role, SERVICE, machine):
                reason = denied.message if denied else f"{SERVICE} may not assume {role}"
                raise sfn._ExecutionError("Lambda.AWSLambdaException", reason)
        return call(func_ref, event)

    return call_lambda


def _with_redrive_count(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate_jsonata(expression: Any, raw_input: Any, ctx: Any = None, result: Any = None, error_output: Any = None) -> Any:
        if isinstance(ctx, dict) and isinstance(ctx.get("Execution"), dict):
            ctx["Execution"].setdefault("RedriveCount", 0)
        return evaluate(expression, raw_input, ctx, result, error_output)

    return evaluate_jsonata


def _with_deadlines(invoke: Callable[..., Any]) -> Callable[..., Any]:
    """Fail the task if its Lambda function fails or its heartbeat is missing, as AWS does.

    ministack ignores both for tasks that are answered by token.
    """

    def invoke_with_callback(resource: str, input_data: Any, token: str, state_def: dict[str, Any]) -> Any:
        clean = resource.replace(".waitForTaskToken", "")
        reference = sfn._extract_lambda_ref(clean)
        if not reference and "states:::lambda:invoke" in clean:
            reference = sfn._resolve_lambda_function_ref(input_data.get("FunctionName", ""), optimized=True)
        if not reference:
            return invoke(resource, input_data, token, state_def)
        event = threading.Event()
        started = time.time()
        sfn._task_tokens[token] = {"event": event, "result": None, "error": None, "heartbeat": None}
        payload = input_data.get("Payload", input_data) if isinstance(input_data, dict) else input_data
        try:
            sfn._call_lambda(reference, payload)
            info = _wait_for_token(sfn, token, event, started, state_def)
        finally:
            sfn._task_tokens.pop(token, None)
        if info.get("error"):
            raise sfn._ExecutionError(info["error"].get("Error", "TaskFailed"), info["error"].get("Cause", ""))
        try:
            return json.loads(info["result"]) if isinstance(info["result"], str) else info["result"]
        except json.JSONDecodeError:
            return info["result"]

    return invoke_with_callback


def _wait_for_token(sfn: Any, token: str, event: threading.Event, started: float, state_def: dict[str, Any]) -> dict[str, Any]:
    deadline = started + float(state_def.get("TimeoutSeconds") or 99999999)
    heartbeat = state_def.get("HeartbeatSeconds")
    while True:
        info: dict[str, Any] = sfn._task_tokens[token]
        beat = info["heartbeat"]
        last = datetime.fromisoformat(beat).timestamp() if beat else started
        limit = min(deadline, last + float(heartbeat)) if heartbeat else deadline
        remaining = limit - time.time()
        if event.wait(min(max(remaining, 0.0), 1.0)):
            return info
        if remaining <= 0:
            missed = heartbeat and limit < deadline
            raise sfn._ExecutionError("States.HeartbeatTimeout" if missed else "States.Timeout", "")

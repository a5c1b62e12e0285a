"""Lambda, closer to AWS: execution environments, extensions in front of the runtime, errors, and metrics of every
invocation.

An exception of a handler arrives under its class name, and its environment lives on: only a timeout or a crash ends it.
AWS_LAMBDA_EXEC_WRAPPER starts the runtime, from a layer under /opt. Each invocation counts once, however it was
requested, from its beginning and without the start of its environment. A throttled request is not an invocation.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, lambda_svc

from local.account.patching import PatchPointError, replace_function, require_names, substitute_text
from local.account.settings import get_settings

_MARK = "squall-error:"
_OLD = '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")'
_NEW = (
    '_real_stdout.write(json.dumps({"status": "ok",'
    ' "raised": [type(e).__name__, str(e), traceback.format_tb(e.__traceback__)],'
    ' "trace": traceback.format_exc()}) + "\\n")'
)
WRAPPER, LAYERS, OPT = "AWS_LAMBDA_EXEC_WRAPPER", "_LAMBDA_LAYERS_DIRS", "/opt/"
Json = dict[str, Any]


def install_patches() -> None:
    """Patch the worker script, what starts workers, and what counts invocations."""
    require_names(lambda_runtime, "_PYTHON_WORKER_SCRIPT", "subprocess")
    lambda_runtime._PYTHON_WORKER_SCRIPT = substitute_text(lambda_runtime._PYTHON_WORKER_SCRIPT, _OLD, _NEW, "Python worker script")
    if lambda_runtime.subprocess is not subprocess:
        raise PatchPointError("ministack.core.lambda_runtime starts its workers in another way")
    lambda_runtime.subprocess = _Processes()
    parameters = "self event request_id trace_id depth durable invoked_function_arn"
    replace_function(lambda_runtime.Worker, "invoke", parameters, _with_living_environment)
    replace_function(lambda_runtime.Worker, "_spawn", "self", _with_timing)
    replace_function(lambda_svc, "reap_idle_workers", "ttl", _with_idle_ends)
    replace_function(lambda_svc, "_execute_function_warm", "func event request_id", _with_error_type)
    replace_function(lambda_svc, "_emit_lambda_metrics", "function_name duration_ms error throttle", _only_throttles)
    replace_function(lambda_svc, "_execute_function_dispatch", "func config event request_id started", _with_counts)


# --- errors -------------------------------------------------------------------------------------------------------


def _with_living_environment(invoke: Callable[..., Json]) -> Callable[..., Json]:
    """Turn an exception that the worker returns as an answer into an error. ministack ends the environment of a worker
    that answers with an error."""

    def invoke_worker(worker: Any, event: Any, request_id: str, **other: Any) -> Json:
        answer = invoke(worker, event, request_id, **other)
        if raised := answer.get("raised"):
            return {**answer, "status": "error", "error": _MARK + json.dumps(raised)}
        return answer

    return invoke_worker


def _with_idle_ends(reap: Callable[..., int]) -> Callable[..., int]:
    """End every environment that has been idle for long. ministack keeps one of each function for ever."""
    require_names(lambda_runtime, "_workers", "_lock", "kill_workers")

    def reap_idle_workers(ttl: float | None = None) -> int:
        seconds = get_settings().idle_seconds
        if seconds is None:
            return reap(ttl)
        ended, now = [], time.time()
        with lambda_runtime._lock:
            for key, workers in list(lambda_runtime._workers.items()):
                idle = [worker for worker in workers if not worker.in_use and now - worker.last_used >= seconds]
                ended += idle
                lambda_runtime._workers[key] = [worker for worker in workers if worker not in idle]
        lambda_runtime.kill_workers(ended)
        return len(ended)

    return reap_idle_workers


def _with_error_type(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_function_warm(func: Json, event: Any, request_id: str) -> Json:
        result: Json = execute(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and str(body.get("errorMessage")).startswith(_MARK):
            name, message, trace = json.loads(body["errorMessage"][len(_MARK) :])
            result["body"] = {
                "errorMessage": message,
                "errorType": name,
                "requestId": request_id,
                "stackTrace": trace,
            }
        return result

    return execute_function_warm


# --- what stands before the runtime -------------------------------------------------------------------------------


class _Processes:
    """`subprocess`, as the emulator's workers see it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: Sequence[str], **how: Any) -> Any:  # noqa: N802 - the name it stands for
        return subprocess.Popen([*_wrapper_command(how.get("env") or {}), *command], **how)


def _wrapper_command(environment: Mapping[str, str]) -> list[str]:
    """The command that starts the function's runtime. A wrapper that is in no layer is not found, as on AWS."""
    named = environment.get(WRAPPER, "")
    if not named:
        return []
    inside = named.removeprefix(OPT)
    for layer in environment.get(LAYERS, "").split(os.pathsep):
        path = Path(layer) / inside
        if layer and path.is_file():
            path.chmod(0o755)  # the emulator loses it when it unpacks a layer
            return [str(path)]
    return [named]


# --- metrics ------------------------------------------------------------------------------------------------------

_begun = threading.local()


def _with_timing(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    """Measure the invocation alone, without the start of its environment."""

    def timed_spawn(self: Any) -> None:
        began = time.time()
        try:
            spawn(self)
        finally:
            _begun.seconds = getattr(_begun, "seconds", 0.0) + time.time() - began

    return timed_spawn


def _only_throttles(_emit: Callable[..., None]) -> Callable[..., None]:
    """Count executed and throttled invocations here, because ministack counts the answers of Invoke."""

    def emit_throttles(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:  # noqa: ARG001 - ministack's
        if throttle and not duration_ms:  # reported once where it is refused, and again with a duration where Invoke answers
            _put_metrics(function_name, time.time(), {"Throttles": 1.0})

    return emit_throttles


def _with_counts(dispatch: Callable[..., Json]) -> Callable[..., Json]:
    def execute_function_dispatch(func: Json, config: Json, event: Any, request_id: str, started: float) -> Json:
        _begun.seconds = 0.0
        began = time.time()
        result = dispatch(func, config, event, request_id, started)
        milliseconds = max(1.0, (time.time() - began - _begun.seconds) * 1000)
        values = {"Invocations": 1.0, "Errors": float(bool(result.get("error"))), "Throttles": 0.0, "Duration": milliseconds}
        _put_metrics(str(config.get("FunctionName")), began, values)
        return result

    return execute_function_dispatch


def _put_metrics(function: str, at: float, values: Mapping[str, float]) -> None:
    """Stamp the metrics with the beginning of the invocation, as Lambda does."""
    for name, value in values.items():
        unit = "Milliseconds" if name == "Duration" else "Count"
        cloudwatch._store_datum("AWS/Lambda", name, {"FunctionName": function}, at, unit, value, None, None, None)

"""Lambda: a handler's exception arrives under its class name, as on AWS, not as ``Runtime.HandlerError``."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.account.patching import replace, require, substitute

_MARK = "squall-error:"
_OLD = '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")'
_NEW = (
    '_real_stdout.write(json.dumps({"status": "error", "error": "'
    + _MARK
    + '" + json.dumps([type(e).__name__, str(e), traceback.format_tb(e.__traceback__)]),'
    ' "trace": traceback.format_exc()}) + "\\n")'
)


def install() -> None:
    """Patch the worker script and what reads its answers."""
    require(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    lambda_runtime._PYTHON_WORKER_SCRIPT = substitute(lambda_runtime._PYTHON_WORKER_SCRIPT, _OLD, _NEW, "Python worker script")
    replace(lambda_svc, "_execute_function_warm", "func event request_id", _with_error_type)


def _with_error_type(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_function_warm(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
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

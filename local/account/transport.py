"""Presents requests as TLS: the account is reached over plain HTTP on loopback, but policies that demand TLS must hold
as on AWS. Also lets the timeout of a task be a JSONata expression."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from collections.abc import Callable
from typing import Any

import ministack.app
from ministack.services import stepfunctions

from local.account.patching import replace_function


def install_patches() -> None:
    """Patch whether a request counts as TLS, and how the timeout of a task is read."""
    replace_function(ministack.app, "pin_request_origin", "source_ip secure_transport", _over_tls)
    replace_function(stepfunctions, "_execute_task", "state_def raw_input execution ctx", _with_timeout_expression)


def _over_tls(pin: Callable[..., None]) -> Callable[..., None]:
    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001 - ministack's signature
        pin(source_ip, True)

    return pin_request_origin


def _with_timeout_expression(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate `TimeoutSeconds`, which may be a JSONata expression on AWS; ministack accepts only a number."""

    def execute_task(state_def: dict[str, Any], raw_input: Any, execution: Any, ctx: Any) -> Any:
        seconds = state_def.get("TimeoutSeconds")
        if isinstance(seconds, str):
            state_def = {**state_def, "TimeoutSeconds": stepfunctions._apply_jsonata_template(seconds, raw_input, ctx)}
        return execute(state_def, raw_input, execution, ctx)

    return execute_task

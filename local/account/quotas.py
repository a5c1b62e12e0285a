"""Service Quotas, for the one quota that Squall reads: how many FIS experiments may be active. The local FIS enforces
the same number."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is added here

import json
import sys
from typing import Any

from ministack import app
from ministack.core import iam_actions, router

from local.account.fis.service import MAXIMUM_ACTIVE
from local.account.patching import PatchPointError, require_names

NAME = "servicequotas"
_LIST = "ServiceQuotasV20190624.ListServiceQuotas"


def install_patches() -> None:
    """Register the service with the emulator."""
    require_names(app, "SERVICE_REGISTRY", "SERVICE_HANDLERS", "_loaded_modules", "_lazy_handler")
    require_names(router, "SERVICE_PATTERNS")
    require_names(iam_actions, "SERVICE_TO_IAM_NAMESPACE", "_BOTOCORE_SERVICE_MAP")
    if NAME in app.SERVICE_REGISTRY:
        raise PatchPointError("ministack knows Service Quotas by itself now: this patch can go")
    iam_actions.SERVICE_TO_IAM_NAMESPACE[NAME] = NAME
    iam_actions._BOTOCORE_SERVICE_MAP[NAME] = ["service-quotas"]
    router.SERVICE_PATTERNS[NAME] = {"host_patterns": [r"servicequotas\."], "credential_scope": NAME}
    app._loaded_modules[NAME] = sys.modules[__name__]
    app.SERVICE_REGISTRY[NAME] = {"module": NAME}
    app.SERVICE_HANDLERS[NAME] = app._lazy_handler(NAME)


async def handle_request(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]) -> Any:
    """Entry point called by ministack, after it has authorized the call."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if target != _LIST:
        return _make_response(400, {"message": f"{target} is not available in the local account"}, "InvalidAction")
    code = json.loads(body or b"{}").get("ServiceCode")
    if code != "fis":
        return _make_response(400, {"Message": f"the local account has no quotas of {code}"}, "NoSuchResourceException")
    quota = {
        "ServiceCode": code,
        "ServiceName": "AWS Fault Injection Service",
        "QuotaName": "Active experiments",
        "Value": float(MAXIMUM_ACTIVE),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
    return _make_response(200, {"Quotas": [quota]})


def _make_response(status: int, answer: dict[str, Any], error: str | None = None) -> Any:
    headers = {"Content-Type": "application/x-amz-json-1.1", **({"x-amzn-errortype": error} if error else {})}
    return status, headers, json.dumps(answer).encode()

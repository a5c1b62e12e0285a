"""Other Regions of the account: a call that is signed for another Region is answered by the process of that Region.

On AWS, each Region has endpoints of its own, and IAM is the same in all. Here each Region of an account is a process of its
own, and all calls of a process's functions go to its one endpoint. The caller's process authenticates the caller and checks
its policies, with the other Region's ARNs; the process of that Region carries out what was allowed. A call for a Region
without a process is answered here, where that Region is empty. Whoever reaches a process's port could claim that a call was
allowed: it is loopback only, and the root keys of local accounts are no secrets either.
"""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import responses
from ministack.services import s3

from local.account import settings
from local.account.patching import require_names

PATH = "/_squall/other-region"
ANSWER_SECONDS = 60.0
GLOBAL = frozenset({"cloudfront", "iam", "organizations", "route53", "sts"})
"""Services whose resources belong to no Region, and STS, which nobody here asks in another Region. SDKs sign a call to IAM for
us-east-1, wherever they are."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[..., Awaitable[Any]]


def install_patches() -> None:
    """Sends calls for other Regions to their processes. Has to come after whatever adds or replaces handlers."""
    require_names(app, "SERVICE_HANDLERS", "extract_region")
    require_names(s3, "validate_object_request")
    require_names(responses, "request_scope", "get_region", "get_account_id")
    for service, handler in app.SERVICE_HANDLERS.items():
        if service not in GLOBAL:
            app.SERVICE_HANDLERS[service] = _with_other_regions(service, handler)
    s3.validate_object_request = _only_here(s3.validate_object_request)


def _find_endpoint(region: str) -> str | None:
    """Where the process of that Region is; None for the own Region, and for one without a process."""
    own = settings.get_settings()
    return None if region == own.region else own.find_peer(responses.get_account_id(), region)


def _only_here(validate: Callable[..., Any]) -> Callable[..., Any]:
    """S3 looks at its buckets before IAM is asked. Those of another Region are looked at there."""

    def validate_object_request(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Any:
        return validate(method, path, headers, query) if _find_endpoint(app.extract_region(headers)) is None else None

    return validate_object_request


def _with_other_regions(service: str, handle: Handler) -> Handler:
    async def handle_request(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> Any:
        region = responses.get_region()
        endpoint = _find_endpoint(region)
        if endpoint is None:
            return await handle(method, path, headers, body, query)
        call = {"service": service, "method": method, "path": path, "headers": dict(headers), "query": dict(query)}
        question = {**call, "account": responses.get_account_id(), "body": base64.b64encode(body).decode()}
        return await asyncio.to_thread(_ask_region, endpoint, region, question)

    return handle_request


def _ask_region(endpoint: str, region: str, question: dict[str, Any]) -> Answer:
    request = urllib.request.Request(endpoint + PATH, data=json.dumps(question, default=str).encode())  # noqa: S310 - always http
    try:
        with _DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
            told = json.load(answer)
    except (OSError, ValueError) as error:
        message = f"The local account's Region {region} does not answer: {error}"
        refusal = json.dumps({"__type": "ServiceUnavailable", "message": message}).encode()
        return 503, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": "ServiceUnavailable"}, refusal
    return told["status"], told["headers"], base64.b64decode(told["body"])


async def answer_other_region(question: bytes) -> dict[str, Any]:
    """The answer of this Region's service to a call that another Region's process has let in."""
    asked = json.loads(question)
    with responses.request_scope(asked["account"], settings.get_settings().region):
        handle = app.SERVICE_HANDLERS[asked["service"]]
        status, headers, body = await handle(
            asked["method"], asked["path"], asked["headers"], base64.b64decode(asked["body"]), asked["query"]
        )
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    return {"status": status, "headers": headers, "body": base64.b64encode(content).decode()}

"""Roles across local accounts: STS of one account asks the other account's process whether it lets the caller in.

On AWS, STS knows all accounts. Here each account is a process of its own. The caller's process authenticates the caller and
checks the caller's own policies; the process of the role's account evaluates the trust policy, with the external id, and
makes the session, which only it knows. Whoever reaches an account's port could claim to be any caller: it is loopback only,
and the root keys of local accounts are no secrets either.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import asyncio
import contextvars
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id
from ministack.services import sts

from local.account import settings
from local.account.patching import replace_function

PATH = "/_squall/assume-role"
ANSWER_SECONDS = 20.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_foreign: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("_foreign", default=None)
"""The caller of another account, as its process describes it, while a role is assumed for it."""


def install_patches() -> None:
    """Lets STS assume roles of the accounts in the file of peers."""
    replace_function(sts, "_caller_identity", "headers query_params", _with_foreign_callers)
    replace_function(sts, "handle_request", "method path headers body query_params", _with_foreign_roles)


def _with_foreign_callers(find: Callable[..., Any]) -> Callable[..., Any]:
    def caller_identity(headers: dict[str, str], query_params: Any = None) -> Any:
        return _foreign.get() or find(headers, query_params)

    return caller_identity


def _with_foreign_roles(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]) -> Any:
        request = {**query_params, **parse_qs(body.decode(errors="replace"))}
        role = "".join(request.get("RoleArn") or [])
        account = [*role.split(":"), "", "", "", "", ""][4]
        if request.get("Action") != ["AssumeRole"] or _foreign.get() or account in {"", get_account_id()}:
            return await handle(method, path, headers, body, query_params)
        caller = sts._caller_identity(headers, query_params)
        if not isinstance(caller, dict):
            return sts._credential_error_response(caller)
        if caller["principalType"] == "Root":
            return sts._error(403, "AccessDenied", "Roles may not be assumed by root accounts.", ns="sts")
        endpoint = settings.get_settings().find_peer(account)
        if endpoint is None:  # a role that nobody made, as AWS says it
            message = f"User: {caller['userArn']} is not authorized to perform: sts:AssumeRole on resource: {role}"
            return sts._error(403, "AccessDenied", message, ns="sts")
        return await asyncio.to_thread(_ask_peer, endpoint, caller, body.decode(), query_params)

    return handle_request


def _ask_peer(endpoint: str, caller: dict[str, Any], body: str, query: dict[str, Any]) -> Any:
    question = json.dumps({"caller": caller, "body": body, "query": query}, default=str).encode()
    try:
        with _DIRECT.open(urllib.request.Request(endpoint + PATH, data=question), timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - http
            told = json.load(answer)
    except (OSError, ValueError) as error:
        message = escape(f"The local account of the role does not answer: {error}")
        return sts._error(503, "ServiceUnavailable", message, ns="sts")
    return told["status"], {"Content-Type": "application/xml"}, told["body"].encode()


async def assume_for_peer(question: bytes) -> dict[str, Any]:
    """The answer of this account's STS to a caller of another account."""
    asked = json.loads(question)
    token = _foreign.set(asked["caller"])
    try:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, _, body = await sts.handle_request("POST", "/", headers, asked["body"].encode(), asked["query"])
    finally:
        _foreign.reset(token)
    return {"status": status, "body": body.decode() if isinstance(body, bytes) else body}

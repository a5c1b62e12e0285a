"""The Kubernetes API of an EKS cluster, with the role of the function that asks. Only reads, bounded in time and
size."""

from __future__ import annotations

import base64
import json
import ssl
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from squall.adapters.aws import translate_errors
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT_SECONDS = 5
PAGE = 200
"""Objects in a page."""
MOST_PAGES = 25
LARGEST = 16 * 2**20
"""The largest page, in bytes."""
TOKEN_SECONDS = 60
CLOSED = frozenset({"Unauthorized", "Forbidden"})
"""Codes of Unavailable where asking again does not help."""
UNREACHABLE = "Unreachable"
NOT_FOUND = "404"
_HEADER = "x-k8s-aws-id"
_KEY = "squall_eks_cluster"


class Opener(Protocol):
    """An opener of urllib."""

    def open(self, fullurl: Request, data: None = None, timeout: float | None = None) -> Any: ...


class _NoRedirect(HTTPRedirectHandler):
    """Follows no redirect: the token is for this endpoint alone."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Kubernetes:
    """Reads objects of clusters, which are given as DescribeCluster describes them. A cluster answers roles with an
    access entry."""

    def __init__(self, sts: Any) -> None:
        self._sts = sts
        events = sts.meta.events
        events.register("provide-client-params.sts.GetCallerIdentity", _keep_cluster, unique_id="squall-eks-cluster")
        events.register("before-sign.sts.GetCallerIdentity", _sign_cluster, unique_id="squall-eks-header")

    def list(self, cluster: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
        """Every object under a path whose parts are Kubernetes names. Raises Unavailable: `Unauthorized` or
        `Forbidden`, `Unreachable`, the HTTP status, `TooMany`, `TooLarge`, `Unreadable`."""
        opener, headers = self._opener(cluster), self._headers(cluster)
        after = ""
        for _ in range(MOST_PAGES):
            query = urlencode({"limit": str(PAGE), **({"continue": after} if after else {})})
            page = _read_answer(opener, _make_request(cluster, f"{path}?{query}", headers), cluster["name"])
            yield from page.get("items", ())
            after = str(page.get("metadata", {}).get("continue") or "")
            if not after:
                return
        raise _make_unavailable("TooMany", f"{cluster['name']} has more than {PAGE * MOST_PAGES} objects at {path}")

    def get(self, cluster: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """One object. Raises Unavailable as `list` does; the code of an object that does not exist is NOT_FOUND."""
        return _read_answer(self._opener(cluster), _make_request(cluster, path, self._headers(cluster)), cluster["name"])

    def token(self, cluster: str) -> str:
        """A presigned GetCallerIdentity for this cluster, valid for a minute: by it EKS knows the caller's role."""
        with translate_errors("sts", "GetCallerIdentity"):
            url = self._sts.generate_presigned_url(
                "get_caller_identity", Params={"ClusterName": cluster}, ExpiresIn=TOKEN_SECONDS, HttpMethod="GET"
            )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")

    def _headers(self, cluster: Mapping[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(cluster['name'])}", "Accept": "application/json"}

    def _opener(self, cluster: Mapping[str, Any]) -> Opener:
        """An opener that trusts only the cluster's own certificate authority, and uses no proxy."""
        try:
            authority = base64.b64decode(cluster["certificateAuthority"]["data"], validate=True).decode()
            context = ssl.SSLContext(
                ssl.PROTOCOL_TLS_CLIENT
            )  # create_default_context trusts the system's authorities where this one is empty
            context.load_verify_locations(cadata=authority)
        except (KeyError, ValueError, ssl.SSLError) as error:
            raise _make_unavailable("Unreadable", f"the certificate authority of {cluster['name']}: {error}") from error
        return build_opener(ProxyHandler({}), _NoRedirect(), HTTPSHandler(context=context))


def _keep_cluster(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if "ClusterName" in params:
        context[_KEY] = params.pop("ClusterName")


def _sign_cluster(request: Any, **_: Any) -> None:
    if _KEY in request.context:
        request.headers[_HEADER] = request.context[_KEY]


def _make_request(cluster: Mapping[str, Any], path: str, headers: dict[str, str]) -> Request:
    return Request(f"{_endpoint_of(cluster)}{path}", headers=headers)  # noqa: S310 - _endpoint_of only returns https


def _endpoint_of(cluster: Mapping[str, Any]) -> str:
    endpoint = str(cluster.get("endpoint", ""))
    if urlsplit(endpoint).scheme != "https":
        raise _make_unavailable("Unreadable", f"the endpoint of {cluster['name']} is {endpoint or 'none'}")
    return endpoint


def _read_answer(opener: Opener, request: Request, cluster: str) -> Mapping[str, Any]:
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(LARGEST + 1)
    except HTTPError as error:
        code = {401: "Unauthorized", 403: "Forbidden"}.get(error.code, str(error.code))
        busy = error.code in {410, 429} or error.code >= 500  # 410: the token of the page is too old
        raise _make_unavailable(code, f"{cluster} answered {error.code}", retryable=busy) from error
    except OSError as error:
        raise _make_unavailable(UNREACHABLE, f"{cluster}: {error}", retryable=True) from error
    if len(body) > LARGEST:
        raise _make_unavailable("TooLarge", f"{cluster} answered with more than {LARGEST} bytes")
    try:
        page = json.loads(body)
    except ValueError as error:
        raise _make_unavailable("Unreadable", f"{cluster} answered with no JSON") from error
    if not isinstance(page, dict):
        raise _make_unavailable("Unreadable", f"{cluster} answered with no object")
    return page


def _make_unavailable(code: str, message: str, *, retryable: bool = False) -> Unavailable:
    return Unavailable("kubernetes", "list", code, message, retryable=retryable)

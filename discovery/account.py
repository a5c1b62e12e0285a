"""The account through boto3, with the caller's credentials. Throttled calls are repeated, denied calls are recorded."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config

from discovery.permissions import name_action
from discovery.references import find_references
from discovery.things.base import Gap
from squall.adapters.aws import call, list_items
from squall.adapters.inventory.kubernetes import CLOSED, Kubernetes
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from discovery.journal import Journal
    from discovery.things.base import Thing

    Clients = Callable[[str, Config], Any]

T = TypeVar("T")
K = TypeVar("K", bound="Thing")
_DENIALS = 10
"""An action that was denied this often is not tried again: the credentials lack it for every resource."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException"})
_PATIENT = Config(connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 12}, user_agent_extra="squall")
"""A scan has time: a throttled call is repeated at a lower rate instead of being given up."""


class AwsAccount:
    """Implements `Account`. Several readers may use it at the same time."""

    def __init__(self, clients: Clients, journal: Journal) -> None:
        self._make_client, self._journal = clients, journal
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._gaps: dict[tuple[str, str], Gap] = {}
        self._denials: Counter[str] = Counter()
        self.calls = 0
        """Listings and single calls so far."""
        self.endpoints: Mapping[str, str] = {}
        """The names by which environment variables may refer to a thing, each with the thing's id."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The calls that gave no answer: each pair of action and error code once, sorted."""
        return tuple(self._gaps[key] for key in sorted(self._gaps))

    def remember(self, gaps: Iterable[Gap]) -> None:
        """Adds the gaps of an interrupted scan."""
        with self._lock:
            self._gaps.update({(gap.action, gap.code): gap for gap in gaps})

    def client(self, service: str) -> Any:
        """The client of a service. boto3 does not make clients safely in several threads at once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make_client(service, _PATIENT)
            return self._clients[service]

    def items(self, service: str, method: str, key: str, **arguments: Any) -> Iterator[Any]:
        if service == "kubernetes":
            yield from self._list_objects(method, **arguments)
            return
        if self._is_denied(service, method):
            return
        self.calls += 1
        try:
            client = self.client(service)
            pages = (
                list_items(client, method, key, **arguments)
                if client.can_paginate(method)
                else _list_by_token(client, method, key, arguments)
            )
            yield from pages
        except Unavailable as error:
            self._record_gap(service, method, error)

    def ask(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        if self._is_denied(service, method):
            return {}
        self.calls += 1
        try:
            answer: dict[str, Any] = call(self.client(service), method, **arguments)
        except Unavailable as error:
            self._record_gap(service, method, error)
            return {}
        return answer

    def attempt(self, read: Callable[[], T], otherwise: T) -> T:
        """The result of `read`, which uses one of Squall's adapters; `otherwise` if one of its calls failed."""
        self.calls += 1
        try:
            return read()
        except Unavailable as error:
            self._record_gap(error.service, error.operation, error)
            return otherwise

    def resumed(self, kind: type[K], id: str) -> K | None:  # noqa: A002 - the field's name
        return self._journal.find(kind, id)

    def match(self, values: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return find_references(values, self.endpoints)

    def _list_objects(self, path: str, *, cluster: Mapping[str, Any], group: str = "") -> Iterator[Any]:
        prefix = f"/apis/{group}/v1" if group else "/api/v1"
        self.calls += 1
        try:
            yield from Kubernetes(self.client("sts")).list(cluster, f"{prefix}/{path}")
        except Unavailable as error:
            self._record_gap("kubernetes", cluster["name"], error)

    def _is_denied(self, service: str, method: str) -> bool:
        return self._denials[name_action(service, method)] >= _DENIALS

    def _record_gap(self, service: str, method: str, error: Unavailable) -> None:
        action = name_action(service, method)
        denied = error.code in _DENIED or error.code in CLOSED
        with self._lock:
            self._denials[action] += denied
            gap = Gap(action=action, code=error.code, message=error.args[0][:300], denied=denied)
            self._gaps.setdefault((action, error.code), gap)


def _list_by_token(client: Any, method: str, key: str, arguments: dict[str, Any]) -> Iterator[Any]:
    """The elements of a listing that boto3 has no paginator for."""
    more: dict[str, Any] = {}
    while True:
        page = call(client, method, **arguments, **more)
        yield from page.get(key, ())
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}

"""A boto3 session whose clients answer from a table, without a network: arguments and answers are validated against the service models."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.config import Config
from botocore.validate import validate_parameters

REGION = "eu-west-1"
ACCOUNT = "123456789012"
Answer = Callable[[dict[str, Any]], dict[str, Any]]
Answers = Mapping[str, Answer]


class Session:
    """`answers`: by `service.Operation`; an operation that is not listed answers with an empty document. `denied`: operations that IAM
    denies."""

    def __init__(self, answers: Answers, denied: frozenset[str] = frozenset(), *, interrupt: Callable[[str], None] | None = None) -> None:
        self._answers, self._denied, self._interrupt = answers, denied, interrupt
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    def client(self, service: str, config: Config | None = None) -> Any:
        """The client of a service, which from now on answers from this session's table."""
        _ANSWERING[service] = self
        return _make_client(service)

    def answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        name = f"{model.service_model.service_name}.{model.name}"
        with self._lock:
            self.calls[name] += 1
        if self._interrupt:
            self._interrupt(name)
        if name in self._denied:
            error = {"Code": "AccessDeniedException", "Message": f"not authorized to perform {name}"}
            return SimpleNamespace(status_code=403), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
        answer = self._answers[name](context["asked"]) if name in self._answers else {}
        if model.output_shape is not None:
            validate_parameters(answer, model.output_shape)
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}


_ANSWERING: dict[str, Session] = {}
"""The session that answers the calls of a service."""


@cache
def _make_session() -> boto3.session.Session:
    """One for all clients, as in the command: each keeps the models that it has read."""
    return boto3.session.Session(region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")


@cache
def _make_client(service: str) -> Any:
    """Made once: a client takes a fifth of a second."""
    client = _make_session().client(service)
    client.meta.events.register("before-parameter-build", _keep)

    def answer(**call: Any) -> tuple[Any, dict[str, Any]]:
        return _ANSWERING[service].answer(**call)  # whichever session answers at the time of the call

    client.meta.events.register("before-call", answer)
    return client


def _keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = dict(params)


def pages(key: str, items: list[Any], token: str = "NextToken", *, size: int = 100, asked: str | None = None) -> Answer:
    """A listing in pages of `size`; `asked` is the name of the token in the request, if it is another."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get(asked or token, 0))
        more = {token: str(start + size)} if start + size < len(items) else {}
        return {key: items[start : start + size], **more}

    return answer

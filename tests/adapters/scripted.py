"""A boto3 client that answers from a script, for what moto does not do: errors, pages, limits."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError


def error(code: str, message: str = "no", *, status: int = 400, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}, "Operation")


@cache
def _client(service: str) -> Any:
    # Not boto3's default session, which a test may have replaced.
    return botocore.session.Session().create_client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


class Scripted:
    """Each method gives its answers in order (the last one again and again); an exception among them is raised. Arguments are checked
    against the service's model, so that a misspelt parameter fails here too."""

    def __init__(self, service: str, **answers: list[Any]) -> None:
        self._real = _client(service)
        self.meta = self._real.meta
        self._answers = {method: list(answer) for method, answer in answers.items()}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, method: str) -> Any:
        if method not in self._answers:
            raise AttributeError(method)

        def call(**arguments: Any) -> Any:
            operation = self.meta.service_model.operation_model(self.meta.method_to_api_mapping[method])
            self._real._serializer.serialize_to_request(arguments, operation)  # validates
            self.calls.append((method, arguments))
            value = self._answers[method]
            answer = value.pop(0) if len(value) > 1 else value[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, method: str) -> Any:
        call = getattr(self, method)

        def paginate(**arguments: Any) -> Any:
            for page in list(self._answers[method]):
                call(**arguments)
                yield page if not isinstance(page, Exception) else None

        return SimpleNamespace(paginate=paginate)

    def arguments(self, method: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.calls if called == method]

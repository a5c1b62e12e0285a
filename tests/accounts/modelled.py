"""A client that answers from Python, and takes no argument and gives no answer that the service's model does not know."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator

from tests.adapters.scripted import _client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Modelled:
    """A client of one service. `answers`: by method, the function that makes its answer."""

    def __init__(self, service: str, answers: Mapping[str, Callable[..., dict[str, Any]]]) -> None:
        self._answers = answers
        self._model = _client(service).meta
        self.meta = self._model

    def __getattr__(self, method: str) -> Any:
        if method not in self._answers:
            raise AttributeError(method)

        def call(**arguments: Any) -> dict[str, Any]:
            operation = self._model.service_model.operation_model(self._model.method_to_api_mapping[method])
            _require_valid(arguments, operation.input_shape, f"the arguments of {method}")
            answer = self._answers[method](**arguments)
            _require_valid(answer, operation.output_shape, f"the answer of {method}")
            unknown = answer.keys() - operation.output_shape.members.keys()
            assert not unknown, f"{method} answers {unknown}"
            return answer

        return call

    def get_paginator(self, method: str) -> Any:
        def paginate(**arguments: Any) -> Iterator[dict[str, Any]]:
            yield getattr(self, method)(**arguments)

        return SimpleNamespace(paginate=paginate)


def _require_valid(value: dict[str, Any], shape: Any, label: str) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), f"{label}: {report.generate_report()}"

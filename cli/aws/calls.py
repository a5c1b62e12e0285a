"""AWS calls of the command line: clients, and the SDK's errors as CommandErrors."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from cli.aws.errors import explain_error
from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from squall.domain.documents.metrics.metric_models import MetricQuery, Series
    from squall.ports.metrics import Metrics


def make_client(session: Any, service: str) -> Any:
    """A client that retries, gives up a connection after five seconds, and names this command line as the caller."""
    logging.getLogger("botocore").setLevel(logging.ERROR)
    retries = {"mode": "standard", "max_attempts": 5}
    return session.client(service, config=Config(retries=retries, connect_timeout=5, read_timeout=60, user_agent_extra="squall-cli"))


@contextmanager
def explain_failures(*, local_hint: bool, first: bool = False) -> Iterator[None]:
    """Raises the SDK's errors, bare or as the cause of an adapter's error, as CommandErrors; other errors pass.

    `first`: whether this is the command's first call. Only then does wrong access refuse the command: later something
    may be running, and the exit code of a refusal would say that nothing is.
    """
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        command_error = explain_error(error, local_hint=local_hint)
        if command_error is None:
            raise
        command_error.code = command_error.code if first else Exit.FAILED
        raise command_error from error


class ExplainedMetrics:
    """Metrics whose errors are CommandErrors."""

    def __init__(self, metrics: Metrics, *, local_hint: bool) -> None:
        self._metrics, self._local_hint = metrics, local_hint

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        with explain_failures(local_hint=self._local_hint):
            return self._metrics.series(queries, start, end, period_seconds)

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        with explain_failures(local_hint=self._local_hint):
            return self._metrics.over(query, start, end)

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        with explain_failures(local_hint=self._local_hint):
            return self._metrics.distribution(query, start, end)

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        with explain_failures(local_hint=self._local_hint):
            return self._metrics.published(namespace, metric_name, dimensions)

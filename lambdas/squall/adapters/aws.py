"""The edge to boto3: clients made once per process, and the one table that turns its errors into Squall's."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as EndpointError

from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence


T = TypeVar("T")


class Kind(Enum):
    """What an error code means for the caller."""

    BUSY = "busy"
    """Ask again."""
    REFUSAL = "refusal"
    """Understood and declined."""


_CODES: dict[Kind, frozenset[str]] = {
    Kind.BUSY: frozenset(
        {
            "AutomationExecutionLimitExceededException",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServiceError",
            "InternalServiceFault",
            "LimitExceededException",  # DynamoDB and EventBridge: too many at once, not a quota of things
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "ReplicatedWriteConflictException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ResourceConflict",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "SlowDown",
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "TransactionCanceledException",
            "TransactionConflictException",
            "TransactionInProgressException",
            "TransientError",
            "UnprocessedKeys",
        }
    ),
    Kind.REFUSAL: frozenset(
        {
            "AccessDenied",
            "AccessDeniedException",
            "AutomationDefinitionNotFoundException",
            "AutomationDefinitionVersionNotFoundException",
            "ConflictException",
            "IdempotentParameterMismatch",
            "InvalidAutomationExecutionParametersException",
            "InvalidParameterCombination",
            "InvalidParameterValue",
            "InvalidTarget",
            "LimitExceeded",
            "LimitExceededFault",
            "ResourceNotFoundException",
            "ServiceQuotaExceededException",
            "UnauthorizedOperation",
            "ValidationError",
            "ValidationException",
        }
    ),
}
_KIND_OF = {code: kind for kind, codes in _CODES.items() for code in codes}


def config(service: str, *, quick: bool = False) -> Config:
    """Short waits, because a handler that hangs holds a fault; CloudWatch's alarm calls are few per second, so it adapts.

    `quick`: for what stands before stopping faults, and must not hold it up."""
    slow = service == "cloudwatch"
    return Config(
        connect_timeout=2,
        read_timeout=3 if quick else 10,
        retries={"mode": "adaptive" if slow else "standard", "total_max_attempts": 8 if slow else 3 if quick else 4},
        user_agent_extra="squall",
    )


@cache
def client(service: str, *, quick: bool = False) -> Any:
    """The process's client of a service."""
    import boto3  # noqa: PLC0415 - 200 ms that tests with a client of their own are spared

    return boto3.client(service, config=config(service, quick=quick))


@contextmanager
def asking(service: str, operation: str, *, refusable: bool = False) -> Iterator[None]:
    """Turn SDK errors into `Unavailable`, or `Refused` for refusals where the port says a refusal is an answer."""
    try:
        yield
    except ClientError as error:
        raise translated(service, operation, error, refusable=refusable) from error
    except ParamValidationError as error:
        if refusable:
            raise Refused(service, operation, "ParamValidation", str(error)) from error
        raise Unavailable(service, operation, "ParamValidation", str(error), retryable=False) from error
    except BotoCoreError as error:
        code = type(error).__name__
        raise Unavailable(service, operation, code, str(error), retryable=isinstance(error, HTTPClientError | EndpointError)) from error


def translated(service: str, operation: str, error: ClientError, *, refusable: bool) -> Unavailable | Refused:
    """Squall's error for an SDK error."""
    code = code_of(error)
    message = str(error.response.get("Error", {}).get("Message", ""))
    if refusable and _KIND_OF.get(code) is Kind.REFUSAL:
        return Refused(service, operation, code, message)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Unavailable(service, operation, code, message, retryable=retryable(code, status))


def retryable(code: str, http_status: int = 0) -> bool:
    """An unknown code is judged by its HTTP status."""
    kind = _KIND_OF.get(code)
    return kind is Kind.BUSY if kind else http_status == 429 or http_status >= 500


def code_of(error: ClientError) -> str:
    """The service's own code."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def call(client: Any, method: str, *, absent: Collection[str] = (), refusable: bool = False, **arguments: Any) -> Any:
    """Call a client's method. An error whose code is in `absent` is an expected no: the answer is then None."""
    service, operation = _names(client, method)
    with asking(service, operation, refusable=refusable):
        try:
            return getattr(client, method)(**arguments)
        except ClientError as error:
            if code_of(error) in absent:
                return None
            raise


def items(client: Any, method: str, key: str, **arguments: Any) -> Iterator[Any]:
    """The elements under `key` of every page."""
    for page in pages(client, method, **arguments):
        yield from page.get(key, ())


def pages(client: Any, method: str, **arguments: Any) -> Iterator[Any]:
    """Every page of a listing."""
    service, operation = _names(client, method)
    with asking(service, operation):
        yield from client.get_paginator(method).paginate(**arguments)


def chunks(values: Sequence[T], size: int) -> Iterator[list[T]]:
    """As many lists as a call's limit asks for."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def _names(client: Any, method: str) -> tuple[str, str]:
    return client.meta.service_model.service_name, client.meta.method_to_api_mapping[method]

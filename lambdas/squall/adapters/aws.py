"""botocore clients, made once per process, and the one table that translates AWS errors into Squall's."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as EndpointError

from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


T = TypeVar("T")


class Kind(Enum):
    """What an error code means for the caller."""

    BUSY = "busy"
    """The same call may succeed later."""
    REFUSAL = "refusal"
    """The service understood the call and refuses it."""


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


def client_config(service: str, *, quick: bool = False) -> Config:
    """Short timeouts, because a handler that hangs may leave a fault running.

    CloudWatch allows few alarm calls per second, so its client adapts its rate. `quick`: for calls before a fault is
    stopped, which must not delay it.
    """
    slow = service == "cloudwatch"
    return Config(
        connect_timeout=2,
        read_timeout=3 if quick else 10,
        retries={"mode": "adaptive" if slow else "standard", "total_max_attempts": 8 if slow else 3 if quick else 4},
        user_agent_extra="squall",
    )


@cache
def client(service: str, *, quick: bool = False) -> Any:
    """The client of a service, made once in each process."""
    return _make_session().create_client(service, config=client_config(service, quick=quick))


def make_client_as(credentials: Mapping[str, Any], service: str, region: str, endpoint_url: str | None) -> Any:
    """A client with the credentials that STS gave, in any Region. May be called in several threads."""
    with _MAKING:
        return _make_session().create_client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            config=client_config(service, quick=True),
        )


_MAKING = Lock()
"""Sessions are not for several threads; clients are."""


@cache
def peer_client(service: str, region: str) -> Any:
    """The client of a service in a peer Region, which may be dead while a fault runs here: it fails after some seconds."""
    retries = {"mode": "standard", "total_max_attempts": 2}
    config = Config(connect_timeout=1, read_timeout=2, retries=retries, user_agent_extra="squall")
    return _make_session().create_client(service, region_name=region, config=config)


@cache
def _make_session() -> Any:
    # boto3 would be the same session behind a second import, and adds methods to every client of S3 that nobody calls.
    from botocore.session import get_session  # noqa: PLC0415 - it takes 200 ms, and tests bring their own clients

    return get_session()


@contextmanager
def translate_errors(service: str, operation: str, *, refusable: bool = False) -> Iterator[None]:
    """Turn SDK errors into `Unavailable`, or into `Refused` if the port says that a refusal is an answer
    (`refusable`)."""
    try:
        yield
    except ClientError as error:
        raise translate_error(service, operation, error, refusable=refusable) from error
    except ParamValidationError as error:
        if refusable:
            raise Refused(service, operation, "ParamValidation", str(error)) from error
        raise Unavailable(service, operation, "ParamValidation", str(error), retryable=False) from error
    except BotoCoreError as error:
        code = type(error).__name__
        raise Unavailable(service, operation, code, str(error), retryable=isinstance(error, HTTPClientError | EndpointError)) from error


def translate_error(service: str, operation: str, error: ClientError, *, refusable: bool) -> Unavailable | Refused:
    """Squall's error for an SDK error."""
    code = error_code(error)
    message = str(error.response.get("Error", {}).get("Message", ""))
    if refusable and _KIND_OF.get(code) is Kind.REFUSAL:
        return Refused(service, operation, code, message)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Unavailable(service, operation, code, message, retryable=is_retryable(code, status))


def is_retryable(code: str, http_status: int = 0) -> bool:
    """Whether the same call may succeed later. An unknown code is judged by its HTTP status."""
    kind = _KIND_OF.get(code)
    return kind is Kind.BUSY if kind else http_status == 429 or http_status >= 500


def error_code(error: ClientError) -> str:
    """The error code of the service; `Unknown` if the error has none."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def call(client: Any, method: str, *, absent: Collection[str] = (), refusable: bool = False, **arguments: Any) -> Any:
    """Call a method of a client. Returns None for an error whose code is in `absent`."""
    service, operation = _list_names(client, method)
    with translate_errors(service, operation, refusable=refusable):
        try:
            return getattr(client, method)(**arguments)
        except ClientError as error:
            if error_code(error) in absent:
                return None
            raise


def list_items(client: Any, method: str, key: str, **arguments: Any) -> Iterator[Any]:
    """The elements under `key` of all pages of a listing."""
    for page in list_pages(client, method, **arguments):
        yield from page.get(key, ())


def list_pages(client: Any, method: str, **arguments: Any) -> Iterator[Any]:
    """The pages of a listing, each read when it is needed."""
    service, operation = _list_names(client, method)
    with translate_errors(service, operation):
        yield from client.get_paginator(method).paginate(**arguments)


def split_chunks(values: Sequence[T], size: int) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def _list_names(client: Any, method: str) -> tuple[str, str]:
    return client.meta.service_model.service_name, client.meta.method_to_api_mapping[method]

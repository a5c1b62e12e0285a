"""Identifies who signed a request. STS verifies the signature; this adapter sends the signed request and reads the
answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.exceptions import ConnectionError as EndpointError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError, create_parser

from squall.adapters.aws import is_retryable
from squall.domain.approval.identity_proof import BODY
from squall.domain.approval.people import Caller
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = (2, 5)
"""Time limits to connect and to read the answer."""
_OPERATION = "GetCallerIdentity"


class SignedCallers:
    """Sends requests that others signed, and only to the STS endpoint of this function's client. Each is sent once,
    because a refused signature stays refused."""

    def __init__(self, client: Any, session: Any = None) -> None:
        self._url = str(client.meta.endpoint_url)
        self._region = str(client.meta.region_name)
        model = client.meta.service_model
        self._shape = model.operation_model(_OPERATION).output_shape
        self._parser = create_parser(model.metadata["protocol"])
        self._session = session or URLLib3Session(timeout=_SECONDS)

    @property
    def host(self) -> str:
        return urlsplit(self._url).netloc

    @property
    def region(self) -> str:
        return self._region

    def identify(self, headers: Mapping[str, str]) -> Caller:
        request = AWSPreparedRequest("POST", f"{self._url.rstrip('/')}/", dict(headers), BODY.encode(), stream_output=False)
        try:
            response = self._session.send(request)
            answer = {"body": response.content, "headers": response.headers, "status_code": response.status_code}
            parsed = self._parser.parse(answer, self._shape)
        except (BotoCoreError, ResponseParserError) as error:
            code = type(error).__name__
            busy = isinstance(error, HTTPClientError | EndpointError)
            raise Unavailable("sts", _OPERATION, code, str(error), retryable=busy) from error
        if response.status_code != 200:
            raise _make_error(parsed.get("Error", {}), response.status_code)
        try:
            return Caller(account=parsed["Account"], arn=parsed["Arn"], user_id=parsed["UserId"])
        except KeyError as error:
            raise Unavailable("sts", _OPERATION, "Incomplete", f"no {error} in the answer", retryable=False) from error


def _make_error(error: Mapping[str, str], status: int) -> Unavailable | Refused:
    code, message = error.get("Code", "Unknown"), error.get("Message", "")
    if status in (400, 403) and not is_retryable(code, status):
        return Refused("sts", _OPERATION, code, message)
    return Unavailable("sts", _OPERATION, code, message, retryable=is_retryable(code, status))

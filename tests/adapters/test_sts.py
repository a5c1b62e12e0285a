"""Who signed, by STS's answer: what is sent where, and what each answer means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from squall.adapters.sts import SignedCallers
from squall.domain.approval.identity_proof import BODY
from squall.domain.approval.people import Caller
from squall.errors import Refused, Unavailable

HEADERS = {"Host": "sts.eu-west-1.amazonaws.com", "Authorization": "AWS4…", "X-Squall-Plan": "p"}
ARN = "arn:aws:iam::123456789012:user/ada"
XMLNS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'


@dataclass
class Response:
    status_code: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Session:
    """Answers from a script; an exception is raised."""

    answer: Any
    sent: list[Any] = field(default_factory=list)

    def send(self, request: Any) -> Any:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def callers(answer: Any) -> tuple[SignedCallers, Session]:
    client = boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    session = Session(answer)
    return SignedCallers(client, session), session


def identity(user_id: str = "<UserId>AIDA1</UserId>") -> Response:
    result = f"<Arn>{ARN}</Arn>{user_id}<Account>123456789012</Account>"
    body = f"<GetCallerIdentityResponse {XMLNS}><GetCallerIdentityResult>{result}</GetCallerIdentityResult></GetCallerIdentityResponse>"
    return Response(200, body.encode())


def error(status: int, code: str) -> Response:
    return Response(status, f"<ErrorResponse {XMLNS}><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode())


def test_the_regional_endpoint_is_asked_with_what_was_signed() -> None:
    port, session = callers(identity())
    assert port.identify(HEADERS) == Caller("123456789012", ARN, "AIDA1")
    (sent,) = session.sent
    assert (sent.method, sent.url, sent.body, sent.headers) == ("POST", "https://sts.eu-west-1.amazonaws.com/", BODY.encode(), HEADERS)
    assert (port.host, port.region) == ("sts.eu-west-1.amazonaws.com", "eu-west-1")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidClientTokenId"),
        (403, "ExpiredToken"),
        (400, "IncompleteSignature"),
        (403, "AccessDenied"),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(status: int, code: str) -> None:
    with pytest.raises(Refused) as refused:
        callers(error(status, code))[0].identify(HEADERS)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (error(400, "Throttling"), True),
        (error(503, "ServiceUnavailable"), True),
        (Response(500, b"<html>oops"), True),
        (Response(302, b""), False),
        (Response(200, b"no xml"), False),
        (identity(""), False),
        (ConnectTimeoutError(endpoint_url="x"), True),
        (EndpointConnectionError(endpoint_url="x"), True),
    ],
    ids=str,
)
def test_sts_that_could_not_be_asked_confirms_nobody(answer: Any, retryable: bool) -> None:
    with pytest.raises(Unavailable) as result:
        callers(answer)[0].identify(HEADERS)
    assert result.value.retryable is retryable

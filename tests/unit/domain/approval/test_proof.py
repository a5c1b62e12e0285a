"""What is replayed to STS is what the function expects; the sender adds three header values of a known form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cli.aws.proof import sign_statement
from squall.domain.approval.identity_proof import BODY, Statement, of_document, rebuild_request
from squall.domain.approval.votes import Decision, Proof

HOST, REGION = "sts.eu-west-1.amazonaws.com", "eu-west-1"
SAID = Statement("arn:aws:states:eu-west-1:123456789012:execution:Squall-Experiment:run-1", "a" * 64, Decision.APPROVE, "größe\nja")
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
TEMPORARY = Credentials("ASIAIOSFODNN7EXAMPLE", "secret", "the/token+of=sts")


def signed(credentials: Credentials = KEYS, statement: Statement = SAID, endpoint: str = f"https://{HOST}", region: str = REGION) -> Proof:
    result = of_document(sign_statement(credentials, endpoint, region, statement))
    assert result is not None
    return result


def look(proof: Proof, statement: Statement = SAID, now: datetime | None = None, **changes: Any) -> Any:
    return rebuild_request(statement, proof, **{"host": HOST, "region": REGION, "now": now or moment(proof), **changes})


def moment(proof: Proof) -> datetime:
    return datetime.strptime(proof.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize("credentials", [KEYS, TEMPORARY])
def test_what_the_command_signs_is_what_is_replayed(credentials: Credentials) -> None:
    """Signed anew over the replayed headers, the signature is the same: STS will find it so."""
    proof = signed(credentials)
    replay = look(proof)
    assert replay.refusal == ""
    assert replay.headers["Host"] == HOST
    assert replay.headers["X-Squall-Decision"] == "approve"
    assert ("X-Amz-Security-Token" in replay.headers) is (credentials is TEMPORARY)
    assert signature(credentials, replay.headers) == replay.headers["Authorization"]


def signature(credentials: Credentials, headers: Any) -> str:
    """As STS computes it, from what arrives."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    arrived = {name: value for name, value in headers.items() if name != "Authorization"}
    request = AWSRequest("POST", f"https://{headers['Host']}/", headers=arrived, data=BODY)
    request.context["timestamp"] = headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(credentials.access_key, credentials.secret_key), "sts", REGION)
    canonical = auth.canonical_request(request)
    result = auth.signature(auth.string_to_sign(request, canonical), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={result}"


@pytest.mark.parametrize(
    "statement",
    [
        replace(SAID, decision=Decision.REJECT),
        replace(SAID, plan="b" * 64),
        replace(SAID, comment="yes"),
        replace(SAID, execution_arn=SAID.execution_arn.replace("run-1", "run-2")),
    ],
)
def test_a_proof_of_anything_else_does_not_verify(statement: Statement) -> None:
    proof = signed()
    headers = look(proof, statement).headers
    assert signature(KEYS, headers) != headers["Authorization"]


SPOILED: dict[str, tuple[Proof, str]] = {
    "not SigV4": (Proof("Basic abc", "20300107T100000Z"), "no Signature Version 4"),
    "another service": (replace(signed(), authorization=signed().authorization.replace("/sts/", "/iam/")), "signed for iam"),
    "another Region": (signed(region="us-east-1"), "signed for sts in us-east-1"),
    "a header not signed": (replace(signed(), authorization=signed().authorization.replace("x-squall-plan", "")), "covers the headers"),
    "a header too many": (replace(signed(), authorization=signed().authorization.replace("x-amz-date", "x-amz-date;x-z")), "covers the"),
    "a token that is not signed": (replace(signed(), token="abc"), "covers the headers"),
    "no token where one is signed": (replace(signed(TEMPORARY), token=""), "covers the headers"),
    "a line break in the token": (replace(signed(TEMPORARY), token="a\r\nHost: evil"), "no Signature Version 4"),
    "a line break in the date": (replace(signed(), date=signed().date + "\r\nX: y"), "no time"),
    "another day": (replace(signed(), date="20200101T000000Z"), "no time"),
    "no date": (replace(signed(), date=""), "no time"),
    "a line break at the end": (replace(signed(), authorization=signed().authorization + "\n"), "no Signature Version 4"),
}


@pytest.mark.parametrize(("proof", "words"), SPOILED.values(), ids=SPOILED)
def test_what_cannot_be_a_proof_is_not_sent(proof: Proof, words: str) -> None:
    replay = look(proof, now=datetime.now(UTC))
    assert words in replay.refusal
    assert replay.headers == {}


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (4.9, True), (-4.9, True), (5.1, False), (-5.1, False)])
def test_a_proof_is_fresh_for_five_minutes_by_either_clock(minutes: float, fresh: bool) -> None:
    proof = signed()
    assert (look(proof, now=moment(proof) + timedelta(minutes=minutes)).refusal == "") is fresh


@pytest.mark.parametrize(
    "raw", [None, 5, [], {}, {"authorization": "x"}, {"authorization": "x", "date": 5}, {"authorization": "x", "date": "y", "z": "q"}]
)
def test_what_is_no_proof(raw: Any) -> None:
    assert of_document(raw) is None


@given(st.text(), st.text(), st.text())
def test_whatever_is_sent_no_header_breaks_out(authorization: str, date: str, token: str) -> None:
    replay = look(Proof(authorization, date, token), now=datetime(2030, 1, 7, tzinfo=UTC))
    assert all("\n" not in value and "\r" not in value for value in replay.headers.values())
    assert replay.refusal or replay.headers["Host"] == HOST

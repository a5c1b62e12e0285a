"""A proof of who says something: a signed sts:GetCallerIdentity whose signature covers the statement.

The person signs the request with their own credentials and never sends these. The function replays the request to STS,
which answers who signed it. The statement is in headers that the signature covers. Only the signature, the time and the
session token come from the sender; the host, the path, the body and the statement's headers are what the function
itself expects. So a proof of any other statement does not verify.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from squall.domain.approval.votes import Decision, Proof

BODY = "Action=GetCallerIdentity&Version=2011-06-15"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
FRESH = timedelta(minutes=5)
"""How old, or how far ahead by its signer's clock, a proof may be. STS itself allows no less."""
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w{1,128})/(?P<day>\d{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z]{1,16})/aws4_request, "
    r"SignedHeaders=(?P<headers>[a-z0-9;-]{1,512}), Signature=[0-9a-f]{64}",
    re.ASCII,
)
_TOKEN = re.compile(r"[\x21-\x7e]{0,8192}")
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


@dataclass(frozen=True)
class Statement:
    """What is said, about which execution, and on which plan."""

    execution_arn: str
    plan: str
    decision: Decision
    comment: str

    def headers(self) -> dict[str, str]:
        """The headers that carry it; the comment by its hash, because it may be any text."""
        return {
            "X-Squall-Comment": hashlib.sha256(self.comment.encode("utf-8", "replace")).hexdigest(),
            "X-Squall-Decision": self.decision.value,
            "X-Squall-Execution": self.execution_arn,
            "X-Squall-Plan": self.plan,
        }


@dataclass(frozen=True)
class Replay:
    """The request to send to STS, or the reason why none is sent."""

    headers: Mapping[str, str]
    refusal: str = ""


def of_document(raw: Any) -> Proof | None:
    """The proof as it is sent; None for anything else."""
    if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
        return None
    if not {"authorization", "date"} <= raw.keys() <= {"authorization", "date", "token"}:
        return None
    return Proof(raw["authorization"], raw["date"], raw.get("token", ""))


def rebuild_request(statement: Statement, proof: Proof, *, host: str, region: str, now: datetime) -> Replay:
    """The exact request that the sender must have signed, or a sentence that says why the proof can't be one of this
    statement."""
    why = _explain_refusal(statement, proof, region, now)
    if why:
        return Replay({}, why)
    headers = {"Content-Type": CONTENT_TYPE, "Host": host, "X-Amz-Date": proof.date, **statement.headers()}
    if proof.token:
        headers["X-Amz-Security-Token"] = proof.token
    return Replay({**headers, "Authorization": proof.authorization})


def _explain_refusal(statement: Statement, proof: Proof, region: str, now: datetime) -> str:
    match = _AUTHORIZATION.fullmatch(proof.authorization)
    if match is None or not _TOKEN.fullmatch(proof.token):
        return "this is no Signature Version 4 of a request to STS"
    if (match["service"], match["region"]) != ("sts", region):
        return f"signed for {match['service']} in {match['region']}; expected sts in {region}"
    signed = {"content-type", "host", "x-amz-date", *(name.lower() for name in statement.headers())}
    wanted = sorted(signed | ({"x-amz-security-token"} if proof.token else set()))
    if match["headers"].split(";") != wanted:
        return f"the signature covers the headers {match['headers']}; expected {';'.join(wanted)}"
    at = _parse_moment(proof.date)
    if at is None or match["day"] != proof.date[:8]:
        return "the time of the signature is no time"
    if abs(now - at) > FRESH:
        return (
            f"signed at {at:%H:%M:%S} UTC, more than {FRESH.seconds // 60} minutes from now ({now:%H:%M:%S}): sign again, or set the clock"
        )
    return ""


def _parse_moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if _DATE.fullmatch(text) else None
    except ValueError:
        return None

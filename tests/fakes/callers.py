"""STS and its callers in memory: a signature is a hash over the headers and the caller's secret, and verifies for these
headers only."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from squall.domain.approval.identity_proof import CONTENT_TYPE, FRESH, Statement
from squall.domain.approval.people import Caller
from squall.domain.approval.votes import Proof
from squall.errors import Refused
from tests.fakes.workload import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.clock import FakeClock

HOST = f"sts.{REGION}.amazonaws.com"


def user(name: str, account: str = ACCOUNT) -> Caller:
    return Caller(account, f"arn:aws:iam::{account}:user/{name}", f"AIDA{name.upper()}")


def session(role: str, name: str, account: str = ACCOUNT) -> Caller:
    return Caller(account, f"arn:aws:sts::{account}:assumed-role/{role}/{name}", f"AROA{role.upper()}:{name}")


class FakeCallers:
    """STS: knows every caller that has signed something."""

    host, region = HOST, REGION

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.known: dict[str, Caller] = {}

    def sign(self, caller: Caller, statement: Statement, at: datetime, host: str = HOST) -> Proof:
        """Sign with the caller's own credentials."""
        key = "AKIA" + hashlib.sha256(caller.arn.encode()).hexdigest()[:16].upper()
        self.known[key] = caller
        date = at.strftime("%Y%m%dT%H%M%SZ")
        headers = {"Content-Type": CONTENT_TYPE, "Host": host, "X-Amz-Date": date, **statement.headers()}
        names = ";".join(sorted(name.lower() for name in headers))
        scope = f"Credential={key}/{date[:8]}/{REGION}/sts/aws4_request"
        return Proof(f"AWS4-HMAC-SHA256 {scope}, SignedHeaders={names}, Signature={_signature(key, headers)}", date)

    def identify(self, headers: Mapping[str, str]) -> Caller:
        signed_headers = dict(headers)
        authorization = signed_headers.pop("Authorization")
        key = authorization.partition("Credential=")[2].partition("/")[0]
        if key not in self.known:
            raise Refused("sts", "GetCallerIdentity", "InvalidClientTokenId", "The security token included in the request is invalid")
        if authorization.rpartition("Signature=")[2] != _signature(key, signed_headers):
            raise Refused("sts", "GetCallerIdentity", "SignatureDoesNotMatch", "The request signature we calculated does not match")
        signed_at = datetime.strptime(signed_headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(self._clock.now() - signed_at) > FRESH:
            raise Refused("sts", "GetCallerIdentity", "SignatureDoesNotMatch", "Signature expired")
        return self.known[key]


def _signature(key: str, headers: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps([key, sorted(headers.items())]).encode()).hexdigest()

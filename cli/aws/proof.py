"""Signs an approver's statement with their own AWS credentials. Nothing is sent to STS here, and no secret leaves this
machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from squall.domain.approval.identity_proof import BODY, CONTENT_TYPE

if TYPE_CHECKING:
    from squall.domain.approval.identity_proof import Statement


def sign_statement(credentials: Any, endpoint: str, region: str, statement: Statement) -> dict[str, str]:
    """The proof to send: a GetCallerIdentity request to the Region's STS endpoint, with the statement in its signed
    headers.

    Raises NoCredentialsError.
    """
    if credentials is None:
        raise NoCredentialsError
    headers = {"Content-Type": CONTENT_TYPE, "Host": urlsplit(endpoint).netloc, **statement.headers()}
    request = AWSRequest("POST", f"{endpoint.rstrip('/')}/", headers=headers, data=BODY)
    SigV4Auth(credentials.get_frozen_credentials(), "sts", region).add_auth(request)
    proof = {"authorization": request.headers["Authorization"], "date": request.headers["X-Amz-Date"]}
    token = request.headers.get("X-Amz-Security-Token")
    return {**proof, "token": token} if token else proof

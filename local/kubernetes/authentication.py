"""Authentication by bearer token: an IAM role as EKS knows it, or a pod's service account.

An IAM token is a presigned GetCallerIdentity that has the cluster's name among its signed headers. EKS sends it to STS,
with that header, and trusts STS's answer: here the account's own STS, which checks the signature. The identity that STS
returns needs an access entry.
"""

from __future__ import annotations

import base64
import re
import secrets
import threading
import time
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.kubernetes.access import Grant, User
from local.kubernetes.objects import Objects

PREFIX = "k8s-aws-v1."
HEADER = "x-k8s-aws-id"
LONGEST_SECONDS = 900
KNOWN_SECONDS = 5.0
"""Seconds that answers of STS and EKS are cached: an access entry takes effect, and stops taking effect, so much later.
"""
STS_SECONDS = 20.0
_ASKED = frozenset(
    {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token"}
    | {"x-amz-signature", "x-amz-signedheaders"}
)
_SESSION = re.compile(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.+")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Authentication:
    """Authentication for one cluster. `eks`: a client of the account with its owner's credentials."""

    def __init__(self, cluster: str, endpoint: str, eks: Any, objects: Objects) -> None:
        self._cluster, self._endpoint, self._eks, self._objects = cluster, endpoint, eks, objects
        self._known: dict[str, tuple[float, User | None]] = {}
        self._accounts: dict[str, tuple[str, str, str]] = {}
        """Namespace, service account and pod by token."""
        self._lock = threading.Lock()

    def user(self, authorization: str) -> User | None:
        """The caller that the token belongs to; None if the cluster knows no such caller."""
        kind, _, token = authorization.partition(" ")
        if kind != "Bearer" or not token:
            return None
        if token in self._accounts:
            return self._service_account(token)
        with self._lock:
            until, user = self._known.get(token, (0.0, None))
        if time.monotonic() >= until:
            user = self._of_iam(token)
            with self._lock:
                self._known = {known: kept for known, kept in self._known.items() if kept[0] > time.monotonic()}
                self._known[token] = (time.monotonic() + KNOWN_SECONDS, user)
        return user

    def issue(self, namespace: str, account: str, pod: str) -> str:
        """A token for a pod's service account, valid as long as the pod exists."""
        token = secrets.token_urlsafe(32)
        self._accounts[token] = (namespace, account, pod)
        return token

    def _service_account(self, token: str) -> User | None:
        namespace, account, pod = self._accounts[token]
        if self._objects.find("pods", namespace, pod) is None or self._objects.find("serviceaccounts", namespace, account) is None:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(f"system:serviceaccount:{namespace}:{account}", groups)

    def _of_iam(self, token: str) -> User | None:
        principal = self._principal(token)
        return self._entry(principal) if principal else None

    def _principal(self, token: str) -> str | None:
        """The role or user that signed the token; None if STS does not confirm it."""
        url = _read_presigned_url(token)
        if url is None or f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" != self._endpoint:
            return None
        request = urllib.request.Request(url, headers={HEADER: self._cluster})  # noqa: S310 - our own account's address
        try:
            with _OPENER.open(request, timeout=STS_SECONDS) as answer:
                body = answer.read().decode()
        except (OSError, ValueError):
            return None
        match = re.search(r"<Arn>([^<]+)</Arn>", body)
        if match is None:
            return None
        session = _SESSION.fullmatch(match[1])
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else match[1]

    def _entry(self, principal: str) -> User | None:
        try:
            entry = self._eks.describe_access_entry(clusterName=self._cluster, principalArn=principal)["accessEntry"]
            policies = self._eks.list_associated_access_policies(clusterName=self._cluster, principalArn=principal)
        except (BotoCoreError, ClientError):
            return None
        grants = tuple(
            Grant(association["policyArn"].rpartition("/")[2], tuple(association["accessScope"].get("namespaces", ())))
            for association in policies["associatedAccessPolicies"]
        )
        groups = (*entry.get("kubernetesGroups", ()), "system:authenticated")
        return User(entry.get("username") or principal, groups, grants)


def _read_presigned_url(token: str) -> str | None:
    """The URL in a token. Raises unless it is a GetCallerIdentity signed with the cluster's name, which is all EKS
    accepts."""
    if not token.startswith(PREFIX):
        return None
    encoded = token.removeprefix(PREFIX)
    try:
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        parts, asked = urlsplit(url), {key.lower(): values for key, values in parse_qs(urlsplit(url).query).items()}
        expires = int(asked["x-amz-expires"][0])
    except (ValueError, KeyError):
        return None
    fine = parts.path in {"", "/"} and set(asked) <= _ASKED and all(len(values) == 1 for values in asked.values())
    fine = fine and asked.get("action") == ["GetCallerIdentity"] and 0 < expires <= LONGEST_SECONDS
    return url if fine and HEADER in asked.get("x-amz-signedheaders", [""])[0].split(";") else None

"""EKS: ministack's clusters and access entries, the sample's own API server behind one cluster, and access entries
created by CloudFormation.

The workload reports the address of its API server and the certificate authority that signed it (`report_cluster`,
called by ministack_truth). FIS calls a cluster as its experiment's role, with a token that EKS checks with STS
(`client`).
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from ministack.core.responses import get_account_id, get_region
from ministack.services import eks, sts, tagging
from ministack.services.cloudformation import provisioners

from local.account import settings
from local.account.patching import replace_function, require_names
from local.kubernetes.authentication import HEADER, PREFIX
from local.kubernetes.client import Client

Data = dict[str, Any]
TOKEN_SECONDS = 60
ENTRY = "AWS::EKS::AccessEntry"


def install_patches() -> None:
    """Patch EKS: start no containers, give IAM its tags, and teach CloudFormation its access entries."""
    require_names(eks, "_clusters", "_access_entries", "_create_access_entry", "_delete_access_entry", "_associate_access_policy", "_tags")
    require_names(eks, "_ae_key")
    require_names(sts, "register_session", "_gen_session_access_key", "_gen_secret", "_gen_session_token")
    require_names(tagging, "_RESOURCE_TAG_COLLECTORS", "_COLLECTORS")
    require_names(provisioners, "_RESOURCE_HANDLERS")
    replace_function(eks, "_get_docker", "", lambda _original: lambda: None)
    tagging._RESOURCE_TAG_COLLECTORS["eks"] = tagging._COLLECTORS["eks"] = _list_tagged
    provisioners._RESOURCE_HANDLERS[ENTRY] = {"create": _make_entry, "update": _change_entry, "delete": _delete_entry}


def report_cluster(reported: Data) -> None:
    """Record the address of the workload's API server. A cluster whose server has ended keeps its last address."""
    cluster = eks._clusters.get(reported["name"])
    if cluster is None:
        return
    cluster["resourcesVpcConfig"]["vpcId"] = reported["vpc"]
    if "endpoint" in reported:
        cluster["endpoint"] = reported["endpoint"]
        cluster["certificateAuthority"] = {"data": base64.b64encode(reported["authority"].encode()).decode()}


def _list_tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for arn, tags in eks._tags.items():
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def find_cluster(identifier: str) -> Data | None:
    """A cluster by its ARN or name."""
    cluster: Data | None = eks._clusters.get(identifier.rpartition("/")[2])
    return cluster if cluster and (not identifier.startswith("arn:") or cluster["arn"] == identifier) else None


def find_nodegroup(path: str) -> str | None:
    """The ARN of the node group that a call of the API names in its path; None if it names none. IAM checks such a call on the node
    group, of which ministack would take the cluster."""
    match = re.fullmatch(r"/clusters/([^/]+)/node-groups/([^/]+)", path)
    if match is None:
        return None
    known = eks._nodegroups.get("/".join(match.groups()))
    prefix = f"arn:aws:eks:{get_region()}:{get_account_id()}:nodegroup"
    return str(known["nodegroupArn"]) if known else f"{prefix}/{'/'.join(match.groups())}/none"


def tags_of(arn: str) -> dict[str, str]:
    """A cluster's tags."""
    return dict(eks._tags.get(arn) or {})


# --- CloudFormation -----------------------------------------------------------------------------------------------


def _make_entry(_logical: str, props: Data, _stack: str) -> tuple[str, Data]:
    """`Ref` of an access entry is cluster and principal, as on AWS."""
    name, principal = str(props["ClusterName"]), str(props["PrincipalArn"])
    properties = {"principalArn": principal, "type": props.get("Type", "STANDARD"), "username": props.get("Username", "")}
    answer = eks._create_access_entry(name, {**properties, "kubernetesGroups": props.get("KubernetesGroups", [])})
    if answer[0] >= 300:
        raise ValueError(json.loads(answer[2])["message"])
    for policy in props.get("AccessPolicies", []):
        scope = policy["AccessScope"]
        body = {"policyArn": policy["PolicyArn"], "accessScope": {"type": scope["Type"], "namespaces": scope.get("Namespaces", [])}}
        answer = eks._associate_access_policy(name, principal, body)
        if answer[0] >= 300:
            raise ValueError(json.loads(answer[2])["message"])
    return f"{name}|{principal}", {"AccessEntryArn": eks._access_entries[eks._ae_key(name, principal)]["accessEntryArn"]}


def _change_entry(physical: str, old: Data, new: Data, stack: str) -> tuple[str, Data]:
    _delete_entry(physical, old)
    return _make_entry("", new, stack)


def _delete_entry(physical: str, _props: Data) -> None:
    name, _, principal = physical.partition("|")
    eks._delete_access_entry(name, principal)


# --- FIS in a cluster ---------------------------------------------------------------------------------------------


def make_client(cluster: Data, role_arn: str) -> Client:
    """A client of this cluster that calls as this role."""
    key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
    name, session = role_arn.rpartition("/")[2], "FIS"
    account = get_account_id()
    sts.register_session(key, {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}", "UserId": f"AROAFIS:{session}", "SecretAccessKey": secret,
        "SessionToken": token, "Expiration": time.time() + 12 * 3600, "AccountId": account, "PrincipalType": "AssumedRole",
        "SourceAccessKeyId": "", "SourcePrincipalArn": "fis.amazonaws.com", "SessionTags": [], "SessionPolicies": None,
    })  # fmt: skip
    credentials = boto3.Session(key, secret, token).get_credentials()
    region, endpoint, cluster_name = get_region(), settings.get_settings().endpoint, cluster["name"]

    def sign_token() -> str:
        asked = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
        request = AWSRequest("GET", f"{endpoint}/", params=asked, headers={HEADER: cluster_name})
        SigV4QueryAuth(credentials, "sts", region, expires=TOKEN_SECONDS).add_auth(request)
        return PREFIX + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")

    authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
    return Client(cluster["endpoint"], authority, sign_token)

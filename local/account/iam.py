"""IAM: the actions of FIS and CloudWatch that ministack's policy check does not know, and checks of service roles.

On AWS, FIS, Scheduler and EventBridge make calls with the role that they were given. ``authorize_role`` gives the
answer that such a call would get, with the target's own tags in the context.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.iam_evaluator import EvalContext, _conditions_met, _service_principal_matches
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import cloudwatch, ec2, iam, tagging

from local.account import eks
from local.account.fis import store
from local.account.patching import replace_function, require_names
from local.account.tasks import task_resources

Context = dict[str, Any]


def install_patches() -> None:
    """Teach the policy check the actions of FIS, alarms and tags."""
    require_names(iam_actions, "SERVICE_TO_IAM_NAMESPACE", "_BOTOCORE_SERVICE_MAP")
    require_names(router, "SERVICE_PATTERNS")
    require_names(tagging, "_RESOURCE_TAG_COLLECTORS")
    require_names(app, "SERVICE_REGISTRY", "SERVICE_HANDLERS", "_loaded_modules")
    require_names(iam_evaluator, "EvalContext", "evaluate", "evaluate_trust_policy", "_gather_role_policies")
    require_names(iam_evaluator, "_permissions_boundary", "evaluate_resource_policy", "enforce")
    iam_actions.SERVICE_TO_IAM_NAMESPACE["fis"] = "fis"
    iam_actions._BOTOCORE_SERVICE_MAP["fis"] = ["fis"]
    router.SERVICE_PATTERNS["fis"] = {"host_patterns": [r"fis\."], "credential_scope": "fis"}
    tagging._RESOURCE_TAG_COLLECTORS["ec2"] = _ec2_tags
    tagging._RESOURCE_TAG_COLLECTORS["cloudwatch"] = _alarm_tags
    tagging._RESOURCE_TAG_COLLECTORS["fis"] = _fis_tags
    replace_function(
        iam_actions, "extract_resource_arn",
        "service method path headers body query_params region account_id", _with_resources,
    )  # fmt: skip
    replace_function(iam_actions, "request_tag_context", "service iam_action body params", _with_alarm_tags)
    replace_function(iam_actions, "s3_service_context", "iam_action query_params path headers", _with_write_conditions)


# --- callers ------------------------------------------------------------------------------------------------------


def _with_resources(extract: Callable[..., str]) -> Callable[..., str]:
    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes,
        query_params: dict[str, Any], region: str, account_id: str,
    ) -> str:  # fmt: skip
        if service == "fis":
            return fis_resource(method, path, body, region, account_id)
        if service == "monitoring" and body and (data := _parse_body(body)):
            return (alarm_resources(data, f"arn:aws:cloudwatch:{region}:{account_id}:alarm:") or ["*"])[0]
        if named := _find_named(service, path, headers, body, region, account_id):
            return named
        arn = extract(service, method, path, headers, body, query_params, region, account_id)
        if service == "scheduler":
            return schedule_resource(arn, query_params, body)
        if (service, arn) == ("dynamodb", "*"):  # tags and resource policies
            arn = str(_parse_body(body).get("ResourceArn") or arn)
        return rds_resource(arn, query_params, region, account_id) if service == "rds" else arn

    return extract_resource_arn


def _find_named(service: str, path: str, headers: dict[str, str], body: bytes, region: str, account_id: str) -> str | None:
    """The resource of a call for which ministack would take another one; None for any other call."""
    if service == "eks":
        return eks.find_nodegroup(path)
    if service == "ssm" and (automation := _automation_resource(headers, body, f"arn:aws:ssm:{region}:{account_id}:")):
        return automation
    return task_resources.find_resource(service, headers, body, region, account_id) if service in task_resources.SERVICES else None


def schedule_resource(arn: str, query: dict[str, Any], body: bytes) -> str:
    """The ARN of a schedule with its own group, which the query or the body names. ministack takes every one for the default
    group's."""
    named = query.get("groupName", "")
    group = (named[0] if isinstance(named, list) else named) or _read_group(body)
    return arn.replace(":schedule/default/", f":schedule/{group}/") if group else arn


def _read_group(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("GroupName") or "") if isinstance(document, dict) else ""


def _with_write_conditions(build: Callable[..., Context]) -> Callable[..., Context]:
    def s3_service_context(
        iam_action: str, query_params: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
    ) -> Context:
        context = build(iam_action, query_params, path, headers)
        if iam_action == "s3:PutObject":
            for name in ("if-match", "if-none-match"):
                if value := (headers or {}).get(name):
                    context[f"s3:{name}"] = value
        return context

    return s3_service_context


_RDS_KINDS = (("DBCluster", "cluster"), ("DBInstance", "db"))


def rds_resource(arn: str, query: dict[str, Any], region: str, account: str) -> str:
    """The resource that an RDS call is checked on.

    A call that names none is checked on all resources of its kind: on AWS, ``DescribeDBClusters`` without a name is
    checked on ``cluster:*``.
    """
    if arn.count("arn:") > 1:  # RDS takes an ARN in the place of a name
        return arn[arn.index("arn:", 1) :]
    action = "".join(query.get("Action") or [])
    kind = next((kind for word, kind in _RDS_KINDS if re.fullmatch(rf"[A-Z][a-z]+{word}s?", action)), "")
    return f"arn:aws:rds:{region}:{account}:{kind}:*" if arn == "*" and kind else arn


_OF_EXECUTIONS = ("GetAutomationExecution", "StopAutomationExecution")


def _automation_resource(headers: dict[str, str], body: bytes, prefix: str) -> str | None:
    """The document or execution that an Automation call is checked on first; None for any other call."""
    action, data = headers.get("x-amz-target", "").rpartition(".")[2], _parse_body(body)
    if action in {"CreateDocument", "DescribeDocument", "DeleteDocument", "StartAutomationExecution"}:
        name = str(data.get("Name") or data.get("DocumentName") or "")
        return name if name.startswith("arn:") else f"{prefix}document/{name}"
    return f"{prefix}automation-execution/{data.get('AutomationExecutionId')}" if action in _OF_EXECUTIONS else None


_FIS_PATHS = (
    (re.compile(r"/experimentTemplates/([^/]+)(?:/.*)?"), "experiment-template"),
    (re.compile(r"/experiments/([^/]+)(?:/.*)?"), "experiment"),
    (re.compile(r"/actions/([^/]+)"), "action"),
    (re.compile(r"/safetyLevers/([^/]+)(?:/.*)?"), "safety-lever"),
)


def fis_resource(method: str, path: str, body: bytes, region: str, account: str) -> str:
    """The first resource that a FIS call is checked on. The FIS service itself checks the others."""
    prefix = f"arn:aws:fis:{region}:{account}:"
    if path.startswith("/tags/"):
        return unquote(path[len("/tags/") :])
    if method == "POST" and path == "/experimentTemplates":
        return prefix + "experiment-template/*"
    if method == "POST" and path == "/experiments":
        try:
            return prefix + f"experiment-template/{json.loads(body)['experimentTemplateId']}"
        except (ValueError, KeyError, TypeError):
            return prefix + "experiment-template/*"
    for pattern, kind in _FIS_PATHS:
        if match := pattern.fullmatch(path):
            return f"{prefix}{kind}/{unquote(match[1])}"
    return "*"


def _parse_body(body: bytes) -> dict[str, Any]:
    """The body of a CloudWatch call. SDKs send JSON or CBOR."""
    try:
        data = json.loads(body) if body[:1] == b"{" else importlib.import_module("cbor2").loads(body)
    except Exception:  # noqa: BLE001 - whatever it is, it names no resource
        return {}
    return data if isinstance(data, dict) else {}


def alarm_resources(data: dict[str, Any], prefix: str) -> list[str]:
    """The alarms that a CloudWatch call names."""
    if isinstance(data.get("AlarmNames"), list) and data["AlarmNames"]:
        return [prefix + str(name) for name in data["AlarmNames"]]
    if data.get("AlarmName"):
        return [prefix + str(data["AlarmName"])]
    return [str(data["ResourceARN"])] if data.get("ResourceARN") else []


def _with_alarm_tags(build: Callable[..., Context]) -> Callable[..., Context]:
    def request_tag_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> Context:
        if service == "dynamodb" and body:
            return item_context(_parse_body(body))
        data = _parse_body(body) if service == "monitoring" and body else {}
        if not data:
            return build(service, iam_action, body, params)
        tags = {str(t["Key"]): str(t.get("Value", "")) for t in data.get("Tags") or []}
        context = tag_context(tags)
        if data.get("TagKeys"):
            context["aws:TagKeys"] = [str(key) for key in data["TagKeys"]]
        actions = [a for key in ("AlarmActions", "OKActions", "InsufficientDataActions") for a in data.get(key) or []]
        if actions:
            context["cloudwatch:AlarmActions"] = actions
        if isinstance(data.get("Namespace"), str):
            context["cloudwatch:namespace"] = data["Namespace"]
        return context

    return request_tag_context


def item_context(data: Context) -> Context:
    """IAM's condition keys for a write to DynamoDB: the partition keys, and the top-level attributes that it names.

    A transaction is checked on all of its writes together, while AWS checks each of them. So a condition here is at
    least as strict as on AWS.
    """
    writes = [
        write for entry in data.get("TransactItems") or [data] for write in (list(entry.values()) if "TransactItems" in data else [entry])
    ]
    items = [write.get("Item") or write.get("Key") or {} for write in writes]
    keys = [str(item["pk"].get("S")) for item in items if "pk" in item]
    names = {str(name) for write in writes for name in (write.get("ExpressionAttributeNames") or {}).values()}
    context: Context = {"dynamodb:Attributes": sorted(names | {name for item in items for name in item})}
    if keys:
        context["dynamodb:LeadingKeys"] = keys
    return context


def tag_context(tags: dict[str, str] | None) -> Context:
    """The tags of a call as IAM's conditions see them."""
    context: Context = {f"aws:RequestTag/{key}".lower(): value for key, value in (tags or {}).items()}
    if tags:
        context["aws:TagKeys"] = list(tags)
    return context


@dataclass(frozen=True)
class Denied:
    """A refused call; ``principal`` is the caller."""

    principal: str
    action: str
    resource: str

    @property
    def message(self) -> str:
        return (
            f"User: {self.principal} is not authorized to perform: {self.action} on resource: {self.resource} "
            f"because no identity-based policy allows the {self.action} action"
        )


def check_caller(
    headers: dict[str, str], query: dict[str, Any], action: str, resource: str, context: Context | None = None
) -> Denied | None:
    """Check one more action or resource of the request being served against its caller's policies."""
    key = extract_access_key_id(headers, query)
    service = action.partition(":")[0]
    denied = iam_evaluator.enforce(key, action, service, get_region(), resource_arn=resource, service_context=context)
    if denied is None:
        return None
    return Denied(getattr(denied, "principal_arn", "") or "unknown", action, resource)


def check_other_alarms(headers: dict[str, str], query: Context, body: bytes) -> Denied | None:
    """Check a call that names several alarms on each: ministack has checked only the first."""
    data = _parse_body(body)
    action = "cloudwatch:" + headers.get("x-amz-target", "").rpartition(".")[2]
    prefix = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:"
    for resource in alarm_resources(data, prefix)[1:]:
        if denied := check_caller(headers, query, action, resource):
            return denied
    return None


# --- service roles ------------------------------------------------------------------------------------------------


def _find_role(role_arn: str) -> dict[str, Any] | None:
    role: dict[str, Any] | None = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    return role if role and role.get("Arn") == role_arn else None


def role_trusts(role_arn: str, service: str, source_arn: str) -> bool:
    """Whether the role exists and its trust policy lets the service assume it for that source."""
    role = _find_role(role_arn)
    if role is None:
        return False
    document = role.get("AssumeRolePolicyDocument") or "{}"
    policy = json.loads(document) if isinstance(document, str) else document
    context = EvalContext(
        principal_arn=service, principal_type="Service", principal_account=get_account_id(),
        action="sts:AssumeRole", resource_arn=role_arn, region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )  # fmt: skip
    statements = policy.get("Statement") or []
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = statement.get("Action") or []
        if "sts:AssumeRole" not in ([actions] if isinstance(actions, str) else actions):
            continue
        if not _service_principal_matches(statement.get("Principal"), service):
            continue
        if not _conditions_met(statement.get("Condition") or {}, context):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def authorize_role(
    role_arn: str, action: str, resource: str, tags: dict[str, str] | None = None, context: Context | None = None
) -> Denied | None:
    """IAM's answer to a call by a service role. ``tags`` are those of the resource."""
    name = role_arn.rsplit("/", 1)[-1]
    session = f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/service"
    service = action.partition(":")[0]
    keys: Context = {k.lower(): v for k, v in (context or {}).items()}
    for key, value in (tags or {}).items():
        keys[f"aws:resourcetag/{key}".lower()] = value
        keys[f"{service}:resourcetag/{key}".lower()] = value
    keys.setdefault("aws:tagkeys", None)
    subject = iam_evaluator.EvalContext(
        principal_arn=session, principal_type="AssumedRole", principal_account=get_account_id(), action=action,
        resource_arn=resource, region=get_region(), service_context=keys,
        principal_keys={"aws:principalarn": role_arn},
    )  # fmt: skip
    policies = iam_evaluator._gather_role_policies(name, get_account_id())
    limits = iam_evaluator._permissions_boundary(iam._roles, name, get_account_id())
    decision = iam_evaluator.evaluate(subject, policies, *limits).decision
    return None if decision == "Allow" else Denied(session, action, resource)


def resource_policy_allows(policy: Any, service: str, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource's own policy lets a service act on it for a source (alarm, rule …)."""
    subject = iam_evaluator.EvalContext(
        principal_arn=f"service:{service}", principal_type="Service", principal_account=get_account_id(),
        action=action, resource_arn=resource, region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )  # fmt: skip
    allowed: bool = iam_evaluator.evaluate_resource_policy(policy, subject, service=service).decision == "Allow"
    return allowed


# --- tags ---------------------------------------------------------------------------------------------------------

Tagged = Iterator[tuple[str, list[dict[str, str]]]]

_EC2_KINDS = {"i": "instance", "vol": "volume", "subnet": "subnet", "vpc": "vpc", "sg": "security-group",
              "acl": "network-acl", "eni": "network-interface", "rtb": "route-table", "igw": "internet-gateway"}  # fmt: skip


def _ec2_tags() -> Tagged:
    for identifier, tags in ec2._tags.items():
        kind = _EC2_KINDS.get(identifier.partition("-")[0])
        if kind:
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{identifier}", tags


def instance_tags(instance_id: str) -> dict[str, str]:
    """An instance's tags."""
    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance_id) or []}


def _alarm_tags() -> Tagged:
    for arn, tags in cloudwatch._resource_tags.items():
        yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]


def _fis_tags() -> Tagged:
    yield from store.list_tagged()

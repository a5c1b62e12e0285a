"""What a function may do in the Regions of a run over several Regions: one capability for each method of the port.

CloudFormation chooses the names of a stack's table and functions in each Region, and they begin with the stack's name and
the construct's. So the grants name the peers' resources by that beginning. What the peers are called exactly, their
functions say in a parameter; a wrong name there reaches nothing else.

A StackSet calls its stacks `StackSet-<name>-<UUID>`. The name of a table has room for that. That of a function has not, and where
CloudFormation shortens it is documented nowhere: so the template of a StackSet names the functions that peers call itself.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk.aws_iam import PolicyStatement

from infra.permissions.names import Names
from squall.adapters.dynamodb.elsewhere import UNREAD
from squall.domain.regions.names import READ_DOCUMENTS, parameter_name

OVER_REGIONS = ("read_parts", "read_decisions", "ask_home", "start_parts", "abort_parts", "wake_parts", "write_decisions", "read_results")
_HASH = "????????"
"""What the CDK puts behind the name of a construct: 8 hexadecimal digits."""
_UUID = "????????-????-????-????-????????????"
CALLED_BY_PEERS = ("Abort", "Decide")
"""The functions that other Regions invoke."""


def allow_regions(names: Names) -> dict[str, list[PolicyStatement]]:
    """The statements of each capability; none if the stack acts with no other Region. What a function reads of its own
    stack's table, `record` allows."""
    if not names.peers:
        return {capability: [] for capability in OVER_REGIONS}
    own = (names.region,)
    asking = [_allow("ssm:GetParameter", list_peer_arns(names, "ssm", f"parameter{parameter_name(names.stack)}", own)), *_use_keys(names)]
    tables = [arn for table in list_tables(names.stack, names.in_stackset) for arn in list_peer_arns(names, "dynamodb", table)]
    decide, abort = (name_function(names.stack, function, names.in_stackset) for function in ("Decide", "Abort"))
    no_approvals = {
        "ForAllValues:StringNotEquals": {"dynamodb:Attributes": list(UNREAD)},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    return {
        "read_parts": [*asking, _allow("dynamodb:GetItem", tables, _limit_to("EXECUTION#*") | no_approvals)],
        "read_decisions": [*asking, _allow("dynamodb:GetItem", tables, _limit_to("REGIONS#*"))],
        "ask_home": [*asking, _allow("lambda:InvokeFunction", list_peer_arns(names, "lambda", decide, own))],
        "start_parts": [
            *asking,
            _allow("states:StartExecution", list_peer_arns(names, "states", f"stateMachine:{names.state_machine_name}", own)),
        ],
        "abort_parts": [*asking, _allow("lambda:InvokeFunction", list_peer_arns(names, "lambda", abort, own))],
        "wake_parts": [_allow("states:SendTaskSuccess", ["*"])],  # authorizes on no resource
        "read_results": [
            _allow("ssm:GetParameter", list_peer_arns(names, "ssm", f"parameter{parameter_name(names.stack)}")),
            *_use_keys(names, "s3"),
            _allow(
                "s3:GetObject",
                list_documents(names.partition, names.stack, names.in_stackset),
                {"StringEquals": {"aws:ResourceAccount": names.account}},
            ),
        ],
        "write_decisions": [_allow("dynamodb:PutItem", [names.table_arn], _limit_to("REGIONS#*"))],
    }


def list_tables(stack: str, in_stackset: bool) -> list[str]:
    """The table of a stack of this name, as resources of DynamoDB with wildcards. `in_stackset`: a StackSet may have made it."""
    stacks = [stack, *([f"StackSet-{stack}-{_UUID}"] if in_stackset else [])]
    return [f"table/{name}-ResultsTable{_HASH}-*" for name in stacks]


def list_buckets(stack: str, in_stackset: bool) -> list[str]:
    """The results bucket of a stack of this name, with wildcards. Its name has no capital letters. One that a StackSet has made has a
    shortened name; only its first word is certain."""
    return [f"{stack}-ResultsBucket{_HASH}-*".lower(), *(["stackset-*"] if in_stackset else [])]


def list_documents(partition: str, stack: str, in_stackset: bool) -> list[str]:
    """The objects of that bucket that home's report reads, as resources of S3."""
    buckets = list_buckets(stack, in_stackset)
    return [f"arn:{partition}:s3:::{bucket}/results/*/{document}.json" for bucket in buckets for document in READ_DOCUMENTS]


def name_function(stack: str, function: str, in_stackset: bool) -> str:
    """A function of a stack of this name, as a resource of Lambda: exactly, or with wildcards."""
    return f"function:{name_called(stack, function)}" if in_stackset else f"function:{stack}-{function}{_HASH}-*"


def name_called(stack: str, function: str) -> str:
    """What the template of a StackSet calls a function of `CALLED_BY_PEERS`."""
    return f"{stack}-{function}"


def list_peer_arns(names: Names, service: str, resource: str, own: tuple[str, ...] = ()) -> list[str]:
    """The ARNs of a resource in the peers' Regions, and in `own`."""
    return [f"arn:{names.partition}:{service}:{region}:{names.account}:{resource}" for region in (*own, *names.peers)]


def _use_keys(names: Names, service: str = "dynamodb") -> list[PolicyStatement]:
    """The replicas of the customer's multi-Region key, by way of a service in the peers' Regions."""
    if names.kms_key_arn is None:
        return []
    key = names.kms_key_arn.split(":", 4)[4]
    replicas = [f"arn:{names.partition}:kms:{region}:{key}" for region in names.peers]
    services = [f"{service}.{region}.{suffix}" for suffix in dict.fromkeys(("amazonaws.com", names.url_suffix)) for region in names.peers]
    return [_allow("kms:Decrypt", replicas, {"StringEquals": {"kms:ViaService": services}})]


def _limit_to(keys: str) -> dict[str, Any]:
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [keys]}}


def _allow(action: str, resources: list[str], conditions: Mapping[str, Any] | None = None) -> PolicyStatement:
    return PolicyStatement(actions=[action], resources=resources, conditions=conditions)

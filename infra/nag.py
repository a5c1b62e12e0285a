"""cdk-nag's AwsSolutions rules for the whole app, and every finding that is accepted, with the reason."""

from aws_cdk import Acknowledgment, App, CfnElement, Token, Validations
from cdk_nag import AwsSolutionsChecks

from infra.account.stackset import fits_stackset
from infra.permissions.documents import document_files
from infra.permissions.regions import CALLED_BY_PEERS, list_documents, list_tables, name_function
from infra.settings import DEFAULT_RUNTIME
from infra.stack import SquallStack
from squall.domain.experiment.published import FOLDER
from squall.domain.experiment.scheduling import name_published_group


def add_rules(app: App) -> None:
    """Makes synth fail on any finding that is not accepted below."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge_findings(stack: SquallStack) -> None:
    """Marks the accepted findings of a stack, so that they do not fail the synth."""
    Validations.of(stack).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason) for rule, reason in accepted_findings(stack).items())
    )


def accepted_findings(stack: SquallStack) -> dict[str, str]:
    """Maps each rule whose finding is accepted to the reason. Rules about wildcards name the resource."""
    bucket = _bucket_id(stack)
    wildcards = {
        "*": "Only for APIs that authorize on no narrower resource; tests/infra checks each such action against AWS's service data",
        f"<{bucket}.Arn>/results/*": "One object for each document of each execution",
        **{f"<{bucket}.Arn>/results/*/{file}": f"{file} of each execution" for file in document_files()},
        f"<{bucket}.Arn>/{FOLDER}/*": "One object for each version of a published experiment",
        f"<{bucket}.Arn>/analytics/*": "Rows of each execution, by environment and month",
        f"<{bucket}.Arn>/reports/*": "One object for each report of a period",
        _format_arn(
            stack, "cloudwatch", f"alarm:squall-{stack.stack_name}-*"
        ): "Guards come with each execution; the prefix is this stack's",
        _format_arn(stack, "fis", "experiment-template/*"): "FIS chooses the id; conditioned on the tag of this stack",
        _format_arn(stack, "fis", "experiment/*"): "FIS chooses the id; conditioned on the tag of this stack",
        _format_arn(stack, "ec2", "instance/*"): "Any instance, conditioned on the opt-in tag with the environment's name",
        _format_arn(stack, "ec2", "volume/*"): "Any volume, conditioned on the opt-in tag with the environment's name",
        _format_arn(stack, "ec2", "subnet/*"): "Any subnet, conditioned on the opt-in tag with the environment's name",
        _format_arn(
            stack, "ec2", "network-acl/*"
        ): "FIS chooses the id of its clone; conditioned on FIS's own tag, or together with a subnet",
        _format_arn(stack, "ec2", "vpc/*"): "Only to make a network ACL, security group or route table of FIS's own in it",
        _format_arn(stack, "ec2", "prefix-list/*"): "To be made, changed and deleted, conditioned on FIS's own tag; to be read, none",
        _format_arn(
            stack, "kms", "key/*", account="*"
        ): "Any key of a volume, only to let EC2 use it for an instance that is started; the key's policy decides, too",
        _format_arn(stack, "rds", "db:*"): "Any database: to be failed over, conditioned on the opt-in tag; to be described, none",
        _format_arn(stack, "rds", "cluster:*"): "Any cluster: to be failed over, conditioned on the opt-in tag; to be described, none",
        _format_arn(stack, "ecs", "task/*/*"): "Any task: to be stopped, conditioned on the opt-in tag; to be described, none",
        _format_arn(stack, "ecs", "cluster/*"): "Only to be described, and its container instances to be listed",
        _format_arn(stack, "ecs", "service/*/*"): "Only to be described",
        _format_arn(
            stack, "ecs", "container-instance/*/*"
        ): "Any container instance: to be drained, conditioned on the opt-in tag; to be described, none",
        _format_arn(stack, "ssm", "managed-instance/*"): "Any task's agent, conditioned on the opt-in tag; to read its tags, none",
        _format_arn(stack, "eks", "cluster/*"): "Only to be described, by FIS only where the cluster has opted in",
        _format_arn(stack, "lambda", "function:*"): "Only to be described, by FIS only where the function has opted in",
        **{f"{folder}*": "One object for each fault of a function, in that environment's folder" for folder in stack.fault_folders},
        _format_arn(stack, "ssm", "automation-execution/*"): "Systems Manager chooses the id; the documents that may be started are listed",
        _format_arn(
            stack, "scheduler", f"schedule/{name_published_group(stack.stack_name)}/*"
        ): "Schedules come with what is published; the group is theirs",
        _format_arn(stack, "cloudformation", f"stack/{stack.stack_name}/*"): "Only to be described; CloudFormation chooses the stack's id",
        _format_arn(stack, "states", f"execution:{stack.machine_name}:*"): "Every execution of this stack's experiment machine",
        _format_arn(stack, "states", f"execution:{stack.campaign_machine_name}:*"): "Every execution of this stack's campaign machine",
    }
    wildcards |= _wildcards_of_actions(stack) | _wildcards_over_regions(stack)
    wildcards |= dict.fromkeys(sorted(stack.custom_wildcards), "Named by the deployer, in the custom_actions of a policy")
    findings = {f"IAM5[Resource::{resource}]": reason for resource, reason in wildcards.items()}
    findings["S1"] = "Only this stack's functions read and write the bucket; who wants access records has CloudTrail data events"
    findings["SQS3"] = "It is the dead-letter queue"
    if stack.settings.lambda_runtime != DEFAULT_RUNTIME:
        findings["L1"] = f"The deployer chose {stack.settings.lambda_runtime} by context"
    return findings


_OPTED_IN = "conditioned on the opt-in tag with the environment's name"
_BY_FIS = "FIS chooses the id of its own; conditioned on FIS's own tag"
_OF_ACTIONS = (
    ("eks", "nodegroup/*/*/*", "Only to be described: its instances are terminated"),
    ("kinesis", "stream/*", "Only to be described"),
    ("dsql", "cluster/*", "Only to be described"),
    ("dynamodb", "table/*", f"Any table: its resource policy to be changed, {_OPTED_IN}; to be described, none"),
    ("dynamodb", "table/*/stream/*", "The resource policy of a table's stream, which has no tags"),
    ("elasticache", "replicationgroup:*", f"Any replication group: the power of its nodes in a zone, {_OPTED_IN}; to be described, none"),
    ("directconnect", "dxvif/*", f"Any virtual interface: its test of a failover, {_OPTED_IN}; to be described, none"),
    ("elasticloadbalancing", "loadbalancer/app/*", f"Any load balancer: its zonal shifts, {_OPTED_IN}; to be described, none"),
    ("elasticloadbalancing", "loadbalancer/net/*", f"Any load balancer: its zonal shifts, {_OPTED_IN}; to be described, none"),
    ("ec2", "vpc-endpoint/*", f"Any endpoint, {_OPTED_IN}; whether one may be used from other Regions, which AWS binds to no tag"),
    ("ec2", "security-group/*", f"Only to be given to an endpoint or network interface; otherwise {_BY_FIS}"),
    ("ec2", "route-table/*", f"Only to be associated with a subnet that has opted in; otherwise {_BY_FIS}"),
    ("ec2", "network-interface/*", _BY_FIS),
    ("ec2", "transit-gateway-attachment/*", f"Any attachment, {_OPTED_IN}"),
    ("ec2", "transit-gateway-route-table/*", "Only together with an attachment that has opted in"),
)
"""Resources of FIS actions that a policy allows by their ids, with the reason."""


def _wildcards_of_actions(stack: SquallStack) -> dict[str, str]:
    found = {_format_arn(stack, service, resource): reason for service, resource, reason in _OF_ACTIONS}
    cluster = _format_arn(stack, "memorydb", "multiregioncluster/*", region="")
    partition = "<AWS::Partition>" if Token.is_unresolved(stack.partition) else stack.partition
    buckets = "Any bucket of this account, by a condition: to be described, and its replication to be paused. IAM knows no tags of it"
    return {
        **found,
        cluster: f"Any multi-Region cluster: its replication, {_OPTED_IN}; to be described, none. Its ARN names no Region",
        f"arn:{partition}:s3:::*": buckets,
    }


def _wildcards_over_regions(stack: SquallStack) -> dict[str, str]:
    """The names in other Regions, whose end CloudFormation chooses there."""
    settings, made = stack.settings, fits_stackset(stack.settings)
    if not settings.peer_regions:
        return {}
    chosen = "CloudFormation chooses the end of the name, in the Region of a peer; the beginning is the stack's and the resource's"
    tables = list_tables(settings.stack_name, made)
    found = {_format_arn(stack, "dynamodb", table, region=region): chosen for region in settings.peer_regions for table in tables}
    for function in CALLED_BY_PEERS:
        for region in (stack.region, *settings.peer_regions):
            found[_format_arn(stack, "lambda", name_function(settings.stack_name, function, made), region=region)] = chosen
    partition = "<AWS::Partition>" if Token.is_unresolved(stack.partition) else stack.partition
    reason = f"{chosen}; of each run only what the report of all Regions shows"
    return found | dict.fromkeys(list_documents(partition, settings.stack_name, made), reason)


def _bucket_id(stack: SquallStack) -> str:
    element = stack.results.bucket.node.default_child
    if not isinstance(element, CfnElement):
        raise TypeError("the results bucket has no resource")
    return str(stack.resolve(element.logical_id))


def _format_arn(stack: SquallStack, service: str, resource: str, *, account: str | None = None, region: str | None = None) -> str:
    """An ARN as cdk-nag writes it: values known only at deployment are in angle brackets. By default in the stack's
    account and Region."""
    place = stack.region if region is None else region
    parts = {"Partition": stack.partition, "Region": place, "AccountId": account or stack.account}
    partition, place, owner = (f"<AWS::{name}>" if Token.is_unresolved(value) else value for name, value in parts.items())
    return f"arn:{partition}:{service}:{place}:{owner}:{resource}"

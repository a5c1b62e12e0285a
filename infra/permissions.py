"""Who may do what: the one place to review. First what each capability is, then which function holds which.

Names that a policy needs are composed, not referenced, where a reference would make the template circular.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk.aws_iam import PolicyStatement

from squall.domain.language.metric_table import SENTINEL_NAMESPACE

CONTROL_FUNCTIONS = ("Abort", "Approve", "Halt", "Pulse", "Sentinel", "Watchdog")
OUTSIDE_FUNCTIONS = (*CONTROL_FUNCTIONS, "Report")
"""What no state of the workflow runs: what controls it, and what looks at runs that are over."""


@dataclass(frozen=True)
class Names:
    """ARNs and names the statements speak of; each may be a token."""

    partition: str
    region: str
    account: str
    stack: str
    table_arn: str
    bucket_arn: str
    topic_arn: str
    bus_arn: str
    state_machine_name: str
    abort_function_arn: str
    fis_role_arns: tuple[str, ...]
    fis_actions: tuple[str, ...]
    """The only actions a template of ours may hold."""
    kms_key_arn: str | None
    dead_letter_arn: str
    safety_lever: bool = False
    """Whether a halt may engage FIS's, which is everybody's."""
    fis_templates: tuple[str, ...] = ()
    """Ids of the FIS templates of others that the policies list."""
    rollback_documents: tuple[tuple[str, str], ...] = ()
    """Name or ARN, and version, of the Automation documents the environments' policies list …"""
    rollback_role_arns: tuple[str, ...] = ()
    """… and the roles they act as."""
    calendar_arns: tuple[str, ...] = ()
    """Change Calendars that the environments' policies name."""
    pipeline_arns: tuple[str, ...] = ()
    """CodePipeline pipelines, and CodeDeploy groups, that they name."""
    deployment_group_arns: tuple[str, ...] = ()

    sentinel_function_arn: str = ""
    sentinel_in_vpc: bool = False

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def capabilities(names: Names) -> dict[str, list[PolicyStatement]]:
    """Every capability by name: exact actions on the narrowest resources the API authorizes on."""
    return {
        **_storage(names),
        **_fault_injection(names),
        **_guards(names),
        **_workflow(names),
        **_halt(names),
        **_reading(names),
        "roll_back": _rollback(names),
        **_policies(names),
        "read_templates": _foreign_templates(names),
        "notify": [_allow(["sns:Publish"], [names.topic_arn])],
        "emit_events": [_allow(["events:PutEvents"], [names.bus_arn], {"StringEqualsIfExists": {"events:source": "squall"}})],
        "dead_letters": [_allow(["sqs:SendMessage"], [names.dead_letter_arn])],
        "encryption_key": _key(names),
        **_sentinel(names),
    }


EVERY_FUNCTION = ("record", "encryption_key")
WORKFLOW_STEP = (*EVERY_FUNCTION, "read_documents", "write_documents")
# Closing a dead or taken-over run: whatever it may have left, found and ended, and people told.
CLOSING = (
    "list_experiments",
    "read_experiment",
    "stop_experiment",
    "find_templates",
    "delete_template",
    "delete_guards",
    "unlock",
    "read_slots",
    "commands",
    "inventory",
    "notify",
    "roll_back",
    "findings",
)

# What the gates of the policy ask around the workload.
SURROUNDINGS = ("calendars", "deployments", "past_faults", "past_proofs")

HOLDERS: dict[str, tuple[str, ...]] = {
    "Admit": (*EVERY_FUNCTION, "write_documents", "emit_events", "create_record", "read_templates"),
    "Discover": (*WORKFLOW_STEP, "inventory", "find_targets"),
    "CheckSafety": (*WORKFLOW_STEP, "list_experiments", "read_guards", "read_halt", *SURROUNDINGS),
    "AskApproval": (*WORKFLOW_STEP, "emit_events", "notify"),
    "AwaitApproval": (*EVERY_FUNCTION, "wake"),
    "ObserveApproval": (*EVERY_FUNCTION, "emit_events"),
    "AcquireLock": (*WORKFLOW_STEP, *CLOSING, "locks", "emit_events", "wake"),
    "AcquireSlot": (
        *WORKFLOW_STEP,
        "locks",
        "unlock",
        "read_slots",
        "emit_events",
        "list_experiments",
        "read_guards",
        "read_halt",
        *SURROUNDINGS,
    ),
    "CaptureBaseline": (*WORKFLOW_STEP, "metrics", "metric_statistics", "past_faults", "start_sentinel"),
    "ArmGuards": (*WORKFLOW_STEP, "read_guards", "put_guards", "delete_guards"),
    "CreateTemplate": (
        *WORKFLOW_STEP,
        "inventory",
        "create_template",
        "delete_template",
        "find_templates",
        "read_guards",
        "put_guards",
        "delete_guards",
    ),
    "FinalCheck": (
        *WORKFLOW_STEP,
        "inventory",
        "read_own_template",
        "read_guards",
        "list_experiments",
        "locks",
        "read_halt",
        *SURROUNDINGS,
    ),
    "StartFault": (
        *EVERY_FUNCTION,
        "read_documents",
        "emit_events",
        "read_own_template",
        "start_experiment",
        "read_experiment",
        "stop_experiment",
        "read_halt",
    ),
    "WatchFault": (*EVERY_FUNCTION, "read_documents", "read_experiment", "commands", "wake"),
    "ObserveFault": (*EVERY_FUNCTION, "read_documents", "read_experiment", "commands"),
    "StopFault": (
        *WORKFLOW_STEP,
        "list_experiments",
        "read_experiment",
        "stop_experiment",
        "delete_template",
        "find_templates",
        "guard_history",
        "delete_guards",
        "unlock",
    ),
    "RunRollback": (*WORKFLOW_STEP, "roll_back"),
    "VerifyRollback": (*WORKFLOW_STEP, "read_experiment", "inventory", "commands"),
    "WatchRecovery": (*WORKFLOW_STEP, "read_experiment", "inventory", "commands", "metrics"),
    "Compare": (*WORKFLOW_STEP, "read_experiment", "metrics", "metric_statistics", "past_faults"),
    "Judge": (*WORKFLOW_STEP, "read_experiment", "metrics", "metric_statistics", "metric_names", "guard_history"),
    "Record": (*WORKFLOW_STEP, "findings"),
    "Notify": (*WORKFLOW_STEP, "emit_events", "notify", "findings"),
    "Release": (*WORKFLOW_STEP, *CLOSING),
    "Abort": (
        *EVERY_FUNCTION,
        "list_experiments",
        "read_experiment",
        "stop_experiment",
        "find_templates",
        "wake",
        "dead_letters",
    ),
    # Who a caller is, STS tells for the asking: GetCallerIdentity needs no permission, and the request is the caller's own.
    "Approve": (*EVERY_FUNCTION, "wake"),
    "Halt": (
        *EVERY_FUNCTION,
        "read_halt",
        "write_halt",
        "safety_lever",
        "open_records",
        "list_experiments",
        "read_experiment",
        "stop_experiment",
        "find_templates",
        "wake",
        "notify",
    ),
    "Pulse": (
        *WORKFLOW_STEP,
        *CLOSING,
        "locks",
        "emit_events",
        "open_records",
        "read_executions",
        "read_guards",
        "guard_history",
        "read_guard_tags",
        "metrics",
        "start_sentinel",
        "wake",
        "dead_letters",
    ),
    # It asks URLs: of what is Squall's it reads what it must, and writes its own lease and metrics.
    "Sentinel": ("read_record", "read_definition", "read_executions", "sentinel", "encryption_key"),
    "Watchdog": (*WORKFLOW_STEP, *CLOSING, "emit_events", "wake", "create_record", "dead_letters"),
    "Report": (*WORKFLOW_STEP, "findings", "publish", "history", "notify", "dead_letters"),
}
WORKFLOW_FUNCTIONS = tuple(name for name in HOLDERS if name not in OUTSIDE_FUNCTIONS)


def statements(function: str, names: Names) -> list[PolicyStatement]:
    """What one function may do, beside writing its own log and traces."""
    known = capabilities(names)
    return [statement for capability in dict.fromkeys(HOLDERS[function]) for statement in known[capability]]


def _storage(names: Names) -> dict[str, list[PolicyStatement]]:
    return {
        "record": [_allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], [names.table_arn])],
        "create_record": [_allow(["dynamodb:PutItem"], [names.table_arn])],
        # A transaction is authorized as the writes in it.
        "locks": [_allow(["dynamodb:PutItem"], [names.table_arn])],
        "unlock": [_allow(["dynamodb:DeleteItem"], [names.table_arn])],
        "findings": [_allow(["dynamodb:Query", "dynamodb:UpdateItem"], [names.table_arn])],
        "read_slots": [_allow(["dynamodb:Query"], [names.table_arn])],
        "history": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "publish": [_allow(["s3:PutObject"], [f"{names.bucket_arn}/{folder}/*" for folder in ("analytics", "reports")])],
        "open_records": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/open"])],
        "read_documents": [
            _allow(["s3:GetObject"], [f"{names.bucket_arn}/results/*"]),
            # Without it S3 answers AccessDenied, not NoSuchKey, for a document that was never written.
            _allow(["s3:ListBucket"], [names.bucket_arn]),
        ],
        "write_documents": [_allow(["s3:PutObject"], [f"{names.bucket_arn}/results/*"])],
    }


def _fault_injection(names: Names) -> dict[str, list[PolicyStatement]]:
    templates = names.arn("fis", "experiment-template/*")
    experiments = names.arn("fis", "experiment/*")
    # `action` is a resource of CreateExperimentTemplate: nothing but the enabled actions can be put into a template.
    actions = [names.arn("fis", f"action/{action}") for action in names.fis_actions]
    of_this_stack = {"StringEquals": {"aws:ResourceTag/squall:stack": names.stack}}
    tagged_ours = {"StringEquals": {"aws:RequestTag/squall:stack": names.stack}}
    return {
        "read_own_template": [_allow(["fis:GetExperimentTemplate"], [templates], of_this_stack)],
        "list_experiments": [_allow(["fis:ListExperiments"], ["*"])],
        "read_experiment": [_allow(["fis:GetExperiment"], [experiments], of_this_stack)],
        "stop_experiment": [_allow(["fis:StopExperiment"], [experiments], of_this_stack)],
        "find_templates": [_allow(["fis:ListExperimentTemplates"], ["*"])],
        "delete_template": [_allow(["fis:DeleteExperimentTemplate"], [templates], of_this_stack)],
        "create_template": [
            _allow(["fis:CreateExperimentTemplate"], actions),
            _allow(["fis:CreateExperimentTemplate", "fis:TagResource"], [templates], tagged_ours),
            _allow(["iam:PassRole"], list(names.fis_role_arns), {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}),
        ],
        # StartExperiment authorizes on the template, which carries our tag, and on the experiment, which is only about to get it.
        "start_experiment": [
            _allow(["fis:StartExperiment"], [templates], of_this_stack),
            _allow(["fis:StartExperiment", "fis:TagResource"], [experiments], tagged_ours),
            _allow(
                ["iam:CreateServiceLinkedRole"],
                [f"arn:{names.partition}:iam::{names.account}:role/aws-service-role/fis.amazonaws.com/AWSServiceRoleForFIS"],
                {"StringEquals": {"iam:AWSServiceName": "fis.amazonaws.com"}},
            ),
        ],
    }


def _guards(names: Names) -> dict[str, list[PolicyStatement]]:
    guards = names.arn("cloudwatch", f"alarm:squall-{names.stack}-*")
    return {
        # Users' stop alarms may be composite: DescribeAlarms then authorizes on every alarm.
        "read_guards": [_allow(["cloudwatch:DescribeAlarms"], ["*"])],
        "guard_history": [_allow(["cloudwatch:DescribeAlarmHistory"], ["*"])],
        "put_guards": [
            # The holder can attach nothing but the abort function.
            _allow(
                ["cloudwatch:PutMetricAlarm"],
                [guards],
                {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [names.abort_function_arn]}},
            ),
            # A composite alarm can't be created under a narrower resource (CloudWatch's own documentation); the adapter refuses a name
            # that is not tagged as this stack's.
            _allow(
                ["cloudwatch:PutCompositeAlarm"],
                ["*"],
                {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [names.abort_function_arn]}},
            ),
            _allow(["cloudwatch:TagResource", "cloudwatch:ListTagsForResource"], [guards]),
        ],
        "read_guard_tags": [_allow(["cloudwatch:ListTagsForResource"], [guards])],
        "delete_guards": [_allow(["cloudwatch:DeleteAlarms"], [guards])],
    }


def _workflow(names: Names) -> dict[str, list[PolicyStatement]]:
    return {
        # SendTaskSuccess has no resource type: a narrower resource is a denial. A token only wakes, it decides nothing.
        "wake": [_allow(["states:SendTaskSuccess"], ["*"])],
        "read_executions": [_allow(["states:DescribeExecution"], [names.arn("states", f"execution:{names.state_machine_name}:*")])],
    }


def _halt(names: Names) -> dict[str, list[PolicyStatement]]:
    # The parameter is no resource of the stack: the first halt creates it, and it outlives the stack, so that a new one is still halted.
    flag = names.arn("ssm", f"parameter/squall/{names.stack}/halt")
    lever = _allow(["fis:GetSafetyLever", "fis:UpdateSafetyLeverState"], [names.arn("fis", "safety-lever/default")])
    return {
        "read_halt": [_allow(["ssm:GetParameter"], [flag])],
        "write_halt": [_allow(["ssm:PutParameter"], [flag])],
        "safety_lever": [lever] if names.safety_lever else [],
    }


def _foreign_templates(names: Names) -> list[PolicyStatement]:
    """Read, never started: what is started carries our tag."""
    listed = [names.arn("fis", f"experiment-template/{template}") for template in names.fis_templates]
    return [_allow(["fis:GetExperimentTemplate"], listed)] if listed else []


def _rollback(names: Names) -> list[PolicyStatement]:
    """Only documents that a policy lists, acting as the roles it says. Nothing at all where none does."""
    if not names.rollback_documents:
        return []
    executions = names.arn("ssm", "automation-execution/*")
    # AWS authorizes on the document and the execution; older policies name the document as an automation-definition.
    documents = [arn for document, version in names.rollback_documents for arn in _automation_arns(names, document, version)]
    return [
        _allow(["ssm:StartAutomationExecution"], [*documents, executions]),
        _allow(["ssm:GetAutomationExecution"], [executions]),
        _allow(["iam:PassRole"], list(names.rollback_role_arns), {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}),
    ]


def _automation_arns(names: Names, document: str, version: str) -> list[str]:
    """As a document and as an automation-definition; AWS's own have no account."""
    name = document.rpartition("/")[2]
    owner = document.split(":")[4] if document.startswith("arn:") else "" if name.startswith(("AWS-", "AWSSupport-")) else names.account
    prefix = f"arn:{names.partition}:ssm:{names.region}:{owner}"
    return [f"{prefix}:document/{name}", f"{prefix}:automation-definition/{name}:{version}"]


def _reading(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads, most of which authorize on no resource."""
    return {
        "inventory": [
            _allow(
                [
                    "ec2:DescribeInstances",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeManagedPrefixLists",
                    "ec2:DescribeNetworkAcls",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVolumes",
                    "ec2:DescribeVpcEndpoints",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeScalingActivities",
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                    "ssm:DescribeInstanceInformation",
                ],
                ["*"],
            ),
            _allow(["ec2:GetManagedPrefixListEntries"], [names.arn("ec2", "prefix-list/*")]),
            _allow(["ecs:ListTasks", "ecs:DescribeTaskDefinition"], ["*"]),
            _allow(["ecs:DescribeTasks"], [names.arn("ecs", "task/*/*")]),
            _allow(["ecs:DescribeServices"], [names.arn("ecs", "service/*/*")]),
            # Whoever may ask Kubernetes itself, the cluster's access entries say: it is asked who signed.
            _allow(["eks:DescribeCluster"], [names.arn("eks", "cluster/*")]),
            _allow(["lambda:GetFunctionConfiguration", "lambda:ListTags"], [names.arn("lambda", "function:*")]),
            # The managed instances that tasks are registered as: the tags by which IAM lets commands to them pass.
            _allow(["ssm:ListTagsForResource"], [names.arn("ssm", "managed-instance/*")]),
            _allow(["rds:DescribeDBInstances"], [names.arn("rds", "db:*")]),
            _allow(["rds:DescribeDBClusters"], [names.arn("rds", "cluster:*")]),
        ],
        # By tags alone; what was found is looked at again by name.
        "find_targets": [_allow(["ecs:ListClusters", "tag:GetResources"], ["*"])],
        "metrics": [_allow(["cloudwatch:GetMetricData"], ["*"])],
        "metric_statistics": [_allow(["cloudwatch:GetMetricStatistics"], ["*"])],
        "metric_names": [_allow(["cloudwatch:ListMetrics"], ["*"])],
        "commands": [_allow(["ssm:ListCommandInvocations"], ["*"])],
    }


def _sentinel(names: Names) -> dict[str, list[PolicyStatement]]:
    own_items = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["SENTINEL#*"]}}
    interfaces = ["CreateNetworkInterface", "DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"]
    return {
        "start_sentinel": [_allow(["lambda:InvokeFunction"], [names.sentinel_function_arn])],
        "read_record": [_allow(["dynamodb:GetItem"], [names.table_arn])],
        "read_definition": [_allow(["s3:GetObject"], [f"{names.bucket_arn}/results/*"])],
        "sentinel": [
            _allow(["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], [names.table_arn], own_items),
            # PutMetricData authorizes on no resource; no other namespace than the sentinel's can be written.
            _allow(["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": SENTINEL_NAMESPACE}}),
            # What Lambda itself does as the function's role where the function lives in a VPC.
            *([_allow([f"ec2:{one}" for one in (*interfaces, *_DESCRIBED)], ["*"])] if names.sentinel_in_vpc else []),
        ],
    }


_DESCRIBED = ("DescribeNetworkInterfaces", "DescribeSubnets")


def _policies(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads of what the deployed policies name, and of nothing else: without a name there is no grant."""
    return {
        "calendars": _if_named(["ssm:GetCalendarState"], names.calendar_arns),
        "deployments": [
            _allow(["autoscaling:DescribeInstanceRefreshes"], ["*"]),
            *_if_named(["codepipeline:GetPipelineState"], names.pipeline_arns),
            *_if_named(["codedeploy:ListDeployments"], names.deployment_group_arns),
        ],
        "past_faults": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "past_proofs": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/experiment"])],
    }


def _if_named(actions: Iterable[str], resources: tuple[str, ...]) -> list[PolicyStatement]:
    return [_allow(actions, resources)] if resources else []


def _key(names: Names) -> list[PolicyStatement]:
    if names.kms_key_arn is None:
        return []
    services = [f"{service}.{names.region}.amazonaws.com" for service in ("dynamodb", "s3", "sns", "sqs")]
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    return [_allow(actions, [names.kms_key_arn], {"StringEquals": {"kms:ViaService": services}})]


def _allow(actions: Iterable[str], resources: Iterable[str], conditions: Mapping[str, Any] | None = None) -> PolicyStatement:
    return PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)

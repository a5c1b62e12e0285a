"""What each capability allows: exact actions on the narrowest resources that the API authorizes on."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk.aws_iam import PolicyStatement

from infra.permissions.documents import DOCUMENTS
from infra.permissions.names import Names, automation_arns
from squall.domain.language.metric_table import SENTINEL_NAMESPACE

_NETWORK_INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
)


ADMITTED = ("admitted_hash", "definition_hash")
"""Attributes of the record that Admit alone writes: later states compare what they read with them."""
APPROVAL = ("ask", "votes")
"""Attributes of the record that only the holders of `record_approval` write: a gate opens by what they say."""


def capabilities(names: Names, function: str) -> dict[str, list[PolicyStatement]]:
    """Returns the statements of every capability of a function by its name; one that this deployment does not need has none."""
    files = DOCUMENTS.get(function, ())
    return {
        **_storage(names),
        "write_documents": [_allow(["s3:PutObject"], [f"{names.bucket_arn}/results/*/{file}" for file in files])],
        **_fault_injection(names),
        **_guards(names),
        **_workflow(names),
        **_halt(names),
        **_reading(names),
        "roll_back": _rollback_documents(names),
        **_policy_gates(names),
        "read_templates": _listed_templates(names),
        "notify": [_allow(["sns:Publish"], [names.topic_arn])],
        "emit_events": [_allow(["events:PutEvents"], [names.bus_arn], {"StringEqualsIfExists": {"events:source": "squall"}})],
        "dead_letters": [_allow(["sqs:SendMessage"], [names.dead_letter_arn])],
        "encryption_key": _encryption_key(names),
        **_sentinel(names),
    }


def _items(*partition_keys: str) -> dict[str, Any]:
    """The condition that only these items are written."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partition_keys)}}


def _storage(names: Names) -> dict[str, list[PolicyStatement]]:
    not_what_was_admitted = {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": list(ADMITTED)}}
    neither_admitted_nor_approved = {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": [*ADMITTED, *APPROVAL]}}
    return {
        "record": [
            _allow(["dynamodb:GetItem"], [names.table_arn]),
            _allow(["dynamodb:UpdateItem"], [names.table_arn], neither_admitted_nor_approved),
        ],
        "record_approval": [_allow(["dynamodb:UpdateItem"], [names.table_arn], _items("EXECUTION#*") | not_what_was_admitted)],
        "create_record": [_allow(["dynamodb:PutItem"], [names.table_arn], _items("EXECUTION#*", "TRIGGER#*"))],
        # The record of an execution that Admit never saw: nothing was admitted, nobody approved.
        "create_lost_record": [_allow(["dynamodb:PutItem"], [names.table_arn], _items("EXECUTION#*") | neither_admitted_nor_approved)],
        # DynamoDB authorizes a transaction as the writes in it.
        "locks": [_allow(["dynamodb:PutItem"], [names.table_arn], _items("LOCK#*", "SLOTS"))],
        "unlock": [_allow(["dynamodb:DeleteItem"], [names.table_arn], _items("LOCK#*", "SLOTS"))],
        "findings": [
            _allow(["dynamodb:Query"], [names.table_arn]),
            _allow(["dynamodb:UpdateItem"], [names.table_arn], _items("FINDING#*")),
        ],
        "read_slots": [_allow(["dynamodb:Query"], [names.table_arn])],
        "history": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "publish": [_allow(["s3:PutObject"], [f"{names.bucket_arn}/{folder}/*" for folder in ("analytics", "reports")])],
        "open_records": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/open"])],
        "read_documents": [
            _allow(["s3:GetObject"], [f"{names.bucket_arn}/results/*"]),
            # Without ListBucket, S3 answers AccessDenied instead of NoSuchKey for a document that was never written.
            _allow(["s3:ListBucket"], [names.bucket_arn]),
        ],
    }


def _fault_injection(names: Names) -> dict[str, list[PolicyStatement]]:
    templates = names.arn("fis", "experiment-template/*")
    experiments = names.arn("fis", "experiment/*")
    # `action` is a resource of CreateExperimentTemplate: a template can contain only the enabled actions.
    actions = [names.arn("fis", f"action/{action}") for action in names.fis_actions]
    of_this_stack = {"StringEquals": {"aws:ResourceTag/squall:stack": names.stack}}
    tagged_ours = {"StringEquals": {"aws:RequestTag/squall:stack": names.stack}}
    return {
        "read_own_template": [_allow(["fis:GetExperimentTemplate"], [templates], of_this_stack)],
        "list_experiments": [_allow(["fis:ListExperiments"], ["*"])],
        "read_experiment": [_allow(["fis:GetExperiment"], [experiments], of_this_stack)],
        # AWS supports no condition on tags for this action.
        "read_resolved_targets": [_allow(["fis:ListExperimentResolvedTargets"], [experiments])],
        "stop_experiment": [_allow(["fis:StopExperiment"], [experiments], of_this_stack)],
        "find_templates": [_allow(["fis:ListExperimentTemplates"], ["*"])],
        "delete_template": [_allow(["fis:DeleteExperimentTemplate"], [templates], of_this_stack)],
        "create_template": [
            _allow(["fis:CreateExperimentTemplate"], actions),
            _allow(["fis:CreateExperimentTemplate", "fis:TagResource"], [templates], tagged_ours),
            _allow(["iam:PassRole"], list(names.fis_role_arns), {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}),
        ],
        # StartExperiment authorizes on the template, which carries our tag, and on the experiment, which gets it with
        # this request.
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
        # The users' stop alarms may be composite alarms, and for these DescribeAlarms authorizes on every alarm.
        "read_guards": [_allow(["cloudwatch:DescribeAlarms"], ["*"])],
        "guard_history": [_allow(["cloudwatch:DescribeAlarmHistory"], ["*"])],
        "put_guards": [
            # The abort function is the only action that the holder can attach.
            _allow(
                ["cloudwatch:PutMetricAlarm"],
                [guards],
                {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [names.abort_function_arn]}},
            ),
            # CloudWatch's documentation: PutCompositeAlarm cannot be limited to a narrower resource. The adapter
            # refuses an alarm name that does not carry this stack's tag.
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
        # SendTaskSuccess has no resource type: a narrower resource would deny it. A task token only wakes an execution.
        "wake": [_allow(["states:SendTaskSuccess"], ["*"])],
        "read_executions": [_allow(["states:DescribeExecution"], [names.arn("states", f"execution:{names.state_machine_name}:*")])],
    }


def _halt(names: Names) -> dict[str, list[PolicyStatement]]:
    # The parameter does not belong to the stack: the first halt creates it, and a stack deployed again finds it and is
    # still halted.
    flag = names.arn("ssm", f"parameter/squall/{names.stack}/halt")
    lever = _allow(["fis:GetSafetyLever", "fis:UpdateSafetyLeverState"], [names.arn("fis", "safety-lever/default")])
    return {
        "read_halt": [_allow(["ssm:GetParameter"], [flag])],
        "write_halt": [_allow(["ssm:PutParameter"], [flag])],
        "safety_lever": [lever] if names.safety_lever else [],
    }


def _listed_templates(names: Names) -> list[PolicyStatement]:
    """Templates made outside Squall may be read, never started: StartExperiment needs our tag."""
    templates = tuple(names.arn("fis", f"experiment-template/{template}") for template in names.fis_templates)
    return _allow_if_listed(["fis:GetExperimentTemplate"], templates)


def _rollback_documents(names: Names) -> list[PolicyStatement]:
    """Only the documents that a policy lists may be started, and only with the roles it lists; without documents, no
    statement."""
    if not names.rollback_documents:
        return []
    executions = names.arn("ssm", "automation-execution/*")
    place = (names.partition, names.region, names.account)
    documents = [arn for document, version in names.rollback_documents for arn in automation_arns(*place, document, version)]
    return [
        _allow(["ssm:StartAutomationExecution"], [*documents, executions]),
        _allow(["ssm:GetAutomationExecution"], [executions]),
        _allow(["iam:PassRole"], list(names.rollback_role_arns), {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}),
    ]


def _reading(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads of targets and metrics; most of these APIs authorize on no resource."""
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
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeRules",
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
            # The cluster's access entries decide who may ask Kubernetes itself: it identifies the caller by the
            # signature.
            _allow(["eks:DescribeCluster"], [names.arn("eks", "cluster/*")]),
            # The configuration of a function includes its environment variables, and those often include secrets.
            *_allow_if_listed(
                ["lambda:GetFunctionConfiguration", "lambda:ListTags"],
                (names.arn("lambda", "function:*"),) if names.disturbs_functions else (),
            ),
            # A task with an SSM agent is registered as a managed instance: IAM allows commands to it by the tags of
            # that instance.
            _allow(["ssm:ListTagsForResource"], [names.arn("ssm", "managed-instance/*")]),
            _allow(["rds:DescribeDBInstances"], [names.arn("rds", "db:*")]),
            _allow(["rds:DescribeDBClusters"], [names.arn("rds", "cluster:*")]),
        ],
        # These two find targets by tags; each target is then described by its name.
        "find_targets": [_allow(["ecs:ListClusters", "tag:GetResources"], ["*"])],
        "metrics": [_allow(["cloudwatch:GetMetricData"], ["*"])],
        "metric_statistics": [_allow(["cloudwatch:GetMetricStatistics"], ["*"])],
        "metric_names": [_allow(["cloudwatch:ListMetrics"], ["*"])],
        "commands": [_allow(["ssm:ListCommandInvocations"], ["*"])],
    }


def _sentinel(names: Names) -> dict[str, list[PolicyStatement]]:

    return {
        "start_sentinel": [_allow(["lambda:InvokeFunction"], [names.sentinel_function_arn])],
        "read_record": [_allow(["dynamodb:GetItem"], [names.table_arn])],
        "read_definition": [_allow(["s3:GetObject"], [f"{names.bucket_arn}/results/*/definition.json"])],
        "sentinel": [
            _allow(["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], [names.table_arn], _items("SENTINEL#*")),
            # PutMetricData authorizes on no resource; the condition allows the sentinel's namespace only.
            _allow(["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": SENTINEL_NAMESPACE}}),
            # Lambda manages the network interfaces of a function in a VPC with the function's own role.
            *([_allow(_NETWORK_INTERFACE_ACTIONS, ["*"])] if names.sentinel_in_vpc else []),
        ],
    }


def _policy_gates(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads of the calendars, pipelines and deployment groups that the deployed policies list, and of no others."""
    return {
        "calendars": _allow_if_listed(["ssm:GetCalendarState"], names.calendar_arns),
        "deployments": [
            _allow(["autoscaling:DescribeInstanceRefreshes"], ["*"]),
            *_allow_if_listed(["codepipeline:GetPipelineState"], names.pipeline_arns),
            *_allow_if_listed(["codedeploy:ListDeployments"], names.deployment_group_arns),
        ],
        "past_faults": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "past_proofs": [_allow(["dynamodb:Query"], [f"{names.table_arn}/index/experiment"])],
    }


def _allow_if_listed(actions: Iterable[str], resources: tuple[str, ...]) -> list[PolicyStatement]:
    return [_allow(actions, resources)] if resources else []


def _encryption_key(names: Names) -> list[PolicyStatement]:
    if names.kms_key_arn is None:
        return []
    # In China a service's name ends like its endpoint, in amazonaws.com.cn.
    suffixes = dict.fromkeys(("amazonaws.com", names.url_suffix))
    services = [f"{service}.{names.region}.{suffix}" for suffix in suffixes for service in ("dynamodb", "s3", "sns", "sqs")]
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    return [_allow(actions, [names.kms_key_arn], {"StringEquals": {"kms:ViaService": services}})]


def _allow(actions: Iterable[str], resources: Iterable[str], conditions: Mapping[str, Any] | None = None) -> PolicyStatement:
    return PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)

"""What each capability allows: exact actions on the narrowest resources that the API authorizes on."""

from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk.aws_iam import PolicyStatement

from infra.permissions.attributes import attributes_kept_from
from infra.permissions.documents import DOCUMENTS
from infra.permissions.fleet import allow_fleet
from infra.permissions.managed import allow_caches, allow_gateways, allow_hosts, allow_managed, allow_shiftable, find_shiftable, find_tagged
from infra.permissions.names import Names, automation_arns
from infra.permissions.regions import allow_regions
from squall.domain.experiment.published import FOLDER
from squall.domain.experiment.scheduling import name_published_group
from squall.domain.language.metric_table import SENTINEL_NAMESPACE
from squall.domain.safety.fis_template import CHECKED_TAG

_NETWORK_INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
)


def make_capabilities(names: Names, function: str) -> dict[str, list[PolicyStatement]]:
    """Returns the statements of every capability of a function by its name; one that this deployment does not need has none."""
    files = DOCUMENTS.get(function, ())
    return {
        **_allow_storage(names, function),
        "write_documents": [_make_statement(["s3:PutObject"], [f"{names.bucket_arn}/results/*/{file}" for file in files])],
        **_fault_injection(names),
        **_allow_guards(names),
        **_allow_workflow(names),
        **_allow_halt(names),
        **_allow_reading(names),
        "roll_back": _rollback_documents(names),
        **_policy_gates(names),
        "read_templates": _listed_templates(names),
        "align_schedules": _published_schedules(names),
        **allow_fleet(names),
        "notify": [_make_statement(["sns:Publish"], filter(None, [names.topic_arn, names.chat_topic_arn]))],
        "emit_events": [_make_statement(["events:PutEvents"], [names.bus_arn], {"StringEqualsIfExists": {"events:source": "squall"}})],
        "dead_letters": [_make_statement(["sqs:SendMessage"], [names.dead_letter_arn])],
        "encryption_key": _encryption_key(names),
        **_allow_sentinel(names),
    }


_ADMITTED = ("admitted_hash", "definition_hash", "promotion_hash", "source", "source_version", "source_hash", "part")
"""Attributes that the record of an execution has if Admit saw it."""
_NOT_NEW = (
    "abort", "ask", "closed_by", "confirmed", "decided_verdict", "fault_ended_at", "fault_started_at", "fis_experiment_id",
    "hypothesis_validated", "peers_read_at", "proofs", "ready_at", "rollback_command", "slot", "summary", "task_token", "template_id",
    "verdict", "votes",
)  # fmt: skip
"""Attributes that no new record has. A function that creates a record may set none of them."""
_RUN_TAGS = ("squall:stack", "squall:execution", "Name")
"""The tags of a FIS template and of an experiment."""


def _limit_to_items(*partition_keys: str) -> dict[str, Any]:
    """The condition that only these items are written."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partition_keys)}}


def _deny_attributes(*attributes: str) -> dict[str, Any]:
    """The condition that none of these attributes is named."""
    return {"ForAllValues:StringNotEquals": {"dynamodb:Attributes": list(attributes)}}


def _allow_storage(names: Names, function: str) -> dict[str, list[PolicyStatement]]:
    return {
        "record": [
            _make_statement(["dynamodb:GetItem"], [names.table_arn]),
            _make_statement(
                ["dynamodb:UpdateItem"],
                [names.table_arn],
                _limit_to_items("EXECUTION#*") | _deny_attributes(*attributes_kept_from(function)),
            ),
        ],
        **_allow_campaigns(names),
        **allow_regions(names),
        "halt_copy": [_make_statement(["dynamodb:UpdateItem"], [names.table_arn], _limit_to_items("HALT"))],
        "sightings": [_make_statement(["dynamodb:UpdateItem"], [names.table_arn], _limit_to_items("SWEEP"))],
        "create_record": [
            _make_statement(
                ["dynamodb:PutItem"], [names.table_arn], _limit_to_items("EXECUTION#*", "TRIGGER#*") | _deny_attributes(*_NOT_NEW)
            )
        ],
        # The record of an execution that Admit never saw: nothing was admitted, nobody approved.
        "create_lost_record": [
            _make_statement(
                ["dynamodb:PutItem"], [names.table_arn], _limit_to_items("EXECUTION#*") | _deny_attributes(*_NOT_NEW, *_ADMITTED)
            )
        ],
        # DynamoDB authorizes a transaction as the writes in it.
        "locks": [_make_statement(["dynamodb:PutItem"], [names.table_arn], _limit_to_items("LOCK#*"))],
        "slots": [_make_statement(["dynamodb:PutItem"], [names.table_arn], _limit_to_items("SLOTS"))],
        "unlock": [_make_statement(["dynamodb:DeleteItem"], [names.table_arn], _limit_to_items("LOCK#*"))],
        "release_slots": [_make_statement(["dynamodb:DeleteItem"], [names.table_arn], _limit_to_items("SLOTS"))],
        "findings": [
            _make_statement(["dynamodb:Query"], [names.table_arn]),
            _make_statement(["dynamodb:UpdateItem"], [names.table_arn], _limit_to_items("FINDING#*")),
        ],
        "read_slots": [_make_statement(["dynamodb:Query"], [names.table_arn])],
        "history": [_make_statement(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "publish": [_make_statement(["s3:PutObject"], [f"{names.bucket_arn}/{folder}/*" for folder in ("analytics", "reports")])],
        "open_records": [_make_statement(["dynamodb:Query"], [f"{names.table_arn}/index/open"])],
        "read_catalogue": [
            _make_statement(["s3:GetObject"], [f"{names.bucket_arn}/{FOLDER}/*"]),
            _make_statement(["s3:ListBucket"], [names.bucket_arn], {"StringLike": {"s3:prefix": [f"{FOLDER}/*"]}}),
        ],
        "read_documents": [
            _make_statement(["s3:GetObject"], [f"{names.bucket_arn}/results/*"]),
            # Without ListBucket, S3 answers AccessDenied instead of NoSuchKey for a document that was never written.
            _make_statement(["s3:ListBucket"], [names.bucket_arn]),
        ],
    }


def _allow_campaigns(names: Names) -> dict[str, list[PolicyStatement]]:
    """The records of campaigns, which are replaced as a whole. Three updates name single attributes: the reason of an abort,
    the notes of people, and that people have been told."""

    def allow_update(*attributes: str) -> list[PolicyStatement]:
        only_these = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "sk", *attributes]}}
        return [_make_statement(["dynamodb:UpdateItem"], [names.table_arn], _limit_to_items("CAMPAIGN#*") | only_these)]

    return {
        "write_campaigns": [_make_statement(["dynamodb:PutItem"], [names.table_arn], _limit_to_items("CAMPAIGN#*"))],
        "claim_campaigns": [_make_statement(["dynamodb:PutItem"], [names.table_arn], _limit_to_items("CAMPAIGNS"))],
        "abort_campaigns": allow_update("abort", "version", "status"),
        "note_campaigns": allow_update("notes", "version"),
        "tell_campaigns": allow_update("told", "open_pk", "open_sk"),
    }


def _fault_injection(names: Names) -> dict[str, list[PolicyStatement]]:
    templates = names.arn("fis", "experiment-template/*")
    experiments = names.arn("fis", "experiment/*")
    # `action` is a resource of CreateExperimentTemplate: a template can contain only the enabled actions.
    actions = [names.arn("fis", f"action/{action}") for action in names.fis_actions]
    of_this_stack = {"StringEquals": {"aws:ResourceTag/squall:stack": names.stack}}
    tagged_ours = {"StringEquals": {"aws:RequestTag/squall:stack": names.stack}}
    # FIS has no condition key for tagging at creation. What carries a stack's tag keeps its tags.
    tagged_at_creation = {
        **tagged_ours,
        "ForAllValues:StringEquals": {"aws:TagKeys": list(_RUN_TAGS)},
        "Null": {"aws:ResourceTag/squall:stack": "true"},
    }
    checked = {"StringEquals": {"aws:ResourceTag/squall:stack": names.stack, f"aws:ResourceTag/{CHECKED_TAG}": "true"}}
    return {
        "mark_checked": [
            _make_statement(
                ["fis:TagResource"], [templates], {**of_this_stack, "ForAllValues:StringEquals": {"aws:TagKeys": [CHECKED_TAG]}}
            )
        ],
        "read_own_template": [_make_statement(["fis:GetExperimentTemplate"], [templates], of_this_stack)],
        "list_experiments": [_make_statement(["fis:ListExperiments"], ["*"])],
        "read_experiment": [_make_statement(["fis:GetExperiment"], [experiments], of_this_stack)],
        # AWS supports no condition on tags for this action.
        "read_resolved_targets": [_make_statement(["fis:ListExperimentResolvedTargets"], [experiments])],
        "stop_experiment": [_make_statement(["fis:StopExperiment"], [experiments], of_this_stack)],
        "find_templates": [_make_statement(["fis:ListExperimentTemplates"], ["*"])],
        "delete_template": [_make_statement(["fis:DeleteExperimentTemplate"], [templates], of_this_stack)],
        "create_template": [
            _make_statement(["fis:CreateExperimentTemplate"], actions),
            _make_statement(["fis:CreateExperimentTemplate"], [templates], tagged_ours),
            _make_statement(["fis:TagResource"], [templates], tagged_at_creation),
            _make_statement(["iam:PassRole"], list(names.fis_role_arns), {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}),
        ],
        # StartExperiment authorizes on the template, which carries our tag and FinalCheck's, and on the experiment, which
        # gets our tag with this request.
        "start_experiment": [
            _make_statement(["fis:StartExperiment"], [templates], checked),
            _make_statement(["fis:StartExperiment"], [experiments], tagged_ours),
            _make_statement(["fis:TagResource"], [experiments], tagged_at_creation),
            _make_statement(
                ["iam:CreateServiceLinkedRole"],
                [f"arn:{names.partition}:iam::{names.account}:role/aws-service-role/fis.amazonaws.com/AWSServiceRoleForFIS"],
                {"StringEquals": {"iam:AWSServiceName": "fis.amazonaws.com"}},
            ),
        ],
    }


def _allow_guards(names: Names) -> dict[str, list[PolicyStatement]]:
    guards = names.arn("cloudwatch", f"alarm:squall-{names.stack}-*")
    # The names of stack `Chaos` cover those of `Chaos-Prod`; the tag tells them apart. A new alarm has no tag yet, and
    # composite alarms have no tags for IAM.
    not_of_another_stack = {"StringEqualsIfExists": {"aws:ResourceTag/squall:stack": names.stack}}
    return {
        # The users' stop alarms may be composite alarms, and for these DescribeAlarms authorizes on every alarm.
        "read_guards": [_make_statement(["cloudwatch:DescribeAlarms"], ["*"])],
        "guard_history": [_make_statement(["cloudwatch:DescribeAlarmHistory"], ["*"])],
        "put_guards": [
            # The abort function is the only action that the holder can attach.
            _make_statement(
                ["cloudwatch:PutMetricAlarm"],
                [guards],
                {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [names.abort_function_arn]}, **not_of_another_stack},
            ),
            # CloudWatch's documentation: PutCompositeAlarm cannot be limited to a narrower resource. The adapter
            # refuses an alarm name that does not carry this stack's tag.
            _make_statement(
                ["cloudwatch:PutCompositeAlarm"],
                ["*"],
                {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [names.abort_function_arn]}},
            ),
            _make_statement(["cloudwatch:TagResource"], [guards], not_of_another_stack),
            _make_statement(["cloudwatch:ListTagsForResource"], [guards]),
        ],
        "read_guard_tags": [_make_statement(["cloudwatch:ListTagsForResource"], [guards])],
        "delete_guards": [_make_statement(["cloudwatch:DeleteAlarms"], [guards], not_of_another_stack)],
    }


def _allow_workflow(names: Names) -> dict[str, list[PolicyStatement]]:
    return {
        # SendTaskSuccess has no resource type: a narrower resource would deny it. A task token only wakes an execution.
        "wake": [_make_statement(["states:SendTaskSuccess"], ["*"])],
        "read_executions": [
            _make_statement(
                ["states:DescribeExecution"],
                [names.arn("states", f"execution:{name}:*") for name in (names.state_machine_name, names.campaign_machine_name)],
            )
        ],
        "read_runs": [_make_statement(["states:DescribeExecution"], [names.arn("states", f"execution:{names.state_machine_name}:*")])],
    }


def _allow_halt(names: Names) -> dict[str, list[PolicyStatement]]:
    # The parameter does not belong to the stack: the first halt creates it, and a stack deployed again finds it and is
    # still halted.
    flag = names.arn("ssm", f"parameter/squall/{names.stack}/halt")
    lever = [names.arn("fis", "safety-lever/default")]
    return {
        "read_halt": [_make_statement(["ssm:GetParameter"], [flag])],
        "write_halt": [_make_statement(["ssm:PutParameter"], [flag])],
        "move_lever": [_make_statement(["fis:UpdateSafetyLeverState"], lever)] if names.safety_lever else [],
        "read_lever": [_make_statement(["fis:GetSafetyLever"], lever)] if names.safety_lever else [],
    }


def _published_schedules(names: Names) -> list[PolicyStatement]:
    """The schedules in the group of published experiments and campaigns, which start executions with a role made for them."""
    actions = [f"scheduler:{verb}Schedule" for verb in ("Get", "Create", "Update", "Delete")]
    return [
        _make_statement(["scheduler:ListSchedules"], ["*"]),  # authorizes on no resource
        _make_statement(actions, [names.arn("scheduler", f"schedule/{name_published_group(names.stack)}/*")]),
        _make_statement(["iam:PassRole"], [names.schedule_role_arn], {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}),
    ]


def _listed_templates(names: Names) -> list[PolicyStatement]:
    """Templates made outside Squall may be read, never started: StartExperiment needs our tag."""
    templates = tuple(names.arn("fis", f"experiment-template/{template}") for template in names.fis_templates)
    return _allow_if_listed(["fis:GetExperimentTemplate"], templates)


def _rollback_documents(names: Names) -> list[PolicyStatement]:
    """Statements that allow starting the documents that a policy lists, with the roles it lists; none without
    documents."""
    if not names.rollback_documents:
        return []
    executions = names.arn("ssm", "automation-execution/*")
    place = (names.partition, names.region, names.account)
    documents = [arn for document, version in names.rollback_documents for arn in automation_arns(*place, document, version)]
    return [
        _make_statement(["ssm:StartAutomationExecution"], [*documents, executions]),
        _make_statement(["ssm:GetAutomationExecution"], [executions]),
        _make_statement(["iam:PassRole"], list(names.rollback_role_arns), {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}),
    ]


def _allow_reading(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads of targets and metrics; most of these APIs authorize on no resource."""
    return {
        "inventory": [
            _make_statement(
                [
                    "ec2:DescribeInstances",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeManagedPrefixLists",
                    "ec2:DescribeNetworkAcls",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeRouteTables",
                    "ec2:DescribeSpotInstanceRequests",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVolumes",
                    "ec2:DescribeVpcEndpoints",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeScalingActivities",
                    "elasticloadbalancing:DescribeInstanceHealth",
                    "elasticloadbalancing:DescribeListeners",
                    "elasticloadbalancing:DescribeLoadBalancers",
                    "elasticloadbalancing:DescribeRules",
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                    "rds:DescribeEvents",
                    "ssm:DescribeInstanceInformation",
                ],
                ["*"],
            ),
            _make_statement(["ec2:GetManagedPrefixListEntries"], [names.arn("ec2", "prefix-list/*")]),
            _make_statement(["ecs:ListTasks", "ecs:DescribeTaskDefinition"], ["*"]),
            _make_statement(["ecs:DescribeTasks"], [names.arn("ecs", "task/*/*")]),
            _make_statement(["ecs:DescribeServices"], [names.arn("ecs", "service/*/*")]),
            _make_statement(["ecs:DescribeClusters"], [names.arn("ecs", "cluster/*")]),
            # The cluster's access entries decide who may ask Kubernetes itself: it identifies the caller by the
            # signature.
            _make_statement(["eks:DescribeCluster"], [names.arn("eks", "cluster/*")]),
            # The configuration of a function includes its environment variables, and those often include secrets.
            *_allow_if_listed(
                ["lambda:GetFunctionConfiguration", "lambda:ListAliases", "lambda:ListTags"],
                (names.arn("lambda", "function:*"),) if names.disturbs_functions else (),
            ),
            *allow_managed(names),
            *allow_shiftable(names),
            *allow_gateways(names),
            *allow_caches(names),
            *allow_hosts(names),
            # A task with an SSM agent is registered as a managed instance: IAM allows commands to it by the tags of
            # that instance.
            _make_statement(["ssm:ListTagsForResource"], [names.arn("ssm", "managed-instance/*")]),
            _make_statement(["rds:DescribeDBInstances"], [names.arn("rds", "db:*")]),
            _make_statement(["rds:DescribeDBClusters"], [names.arn("rds", "cluster:*")]),
        ],
        # These find targets by tags; each target is then described by its name.
        "find_targets": [
            _make_statement(["ecs:ListClusters", "tag:GetResources"], ["*"]),
            *find_shiftable(names),
        ],
        # Whether anything else carries the tags by which FIS chooses the targets.
        "find_tagged": list(find_tagged(names)),
        "metrics": [_make_statement(["cloudwatch:GetMetricData"], ["*"])],
        "metric_statistics": [_make_statement(["cloudwatch:GetMetricStatistics"], ["*"])],
        "metric_names": [_make_statement(["cloudwatch:ListMetrics"], ["*"])],
        "commands": [_make_statement(["ssm:ListCommandInvocations"], ["*"])],
    }


def _allow_sentinel(names: Names) -> dict[str, list[PolicyStatement]]:

    return {
        "start_sentinel": [_make_statement(["lambda:InvokeFunction"], [names.sentinel_function_arn])],
        "read_record": [_make_statement(["dynamodb:GetItem"], [names.table_arn])],
        "read_definition": [_make_statement(["s3:GetObject"], [f"{names.bucket_arn}/results/*/definition.json"])],
        "sentinel": [
            _make_statement(
                ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], [names.table_arn], _limit_to_items("SENTINEL#*")
            ),
            # PutMetricData authorizes on no resource; the condition allows the sentinel's namespace only.
            _make_statement(["cloudwatch:PutMetricData"], ["*"], {"StringEquals": {"cloudwatch:namespace": SENTINEL_NAMESPACE}}),
            # Lambda manages the network interfaces of a function in a VPC with the function's own role.
            *([_make_statement(_NETWORK_INTERFACE_ACTIONS, ["*"])] if names.sentinel_in_vpc else []),
        ],
    }


def _policy_gates(names: Names) -> dict[str, list[PolicyStatement]]:
    """Reads of the calendars, pipelines and deployment groups that the deployed policies list, and of no others."""
    return {
        "calendars": _allow_if_listed(["ssm:GetCalendarState"], names.calendar_arns),
        "deployments": [
            _make_statement(["autoscaling:DescribeInstanceRefreshes"], ["*"]),
            *_allow_if_listed(["codepipeline:GetPipelineState"], names.pipeline_arns),
            *_allow_if_listed(["codedeploy:ListDeployments"], names.deployment_group_arns),
        ],
        "past_faults": [_make_statement(["dynamodb:Query"], [f"{names.table_arn}/index/period"])],
        "past_proofs": [_make_statement(["dynamodb:Query"], [f"{names.table_arn}/index/experiment"])],
    }


def _allow_if_listed(actions: Iterable[str], resources: tuple[str, ...]) -> list[PolicyStatement]:
    return [_make_statement(actions, resources)] if resources else []


def _encryption_key(names: Names) -> list[PolicyStatement]:
    if names.kms_key_arn is None:
        return []
    # In China a service's name ends like its endpoint, in amazonaws.com.cn.
    suffixes = dict.fromkeys(("amazonaws.com", names.url_suffix))
    services = [f"{service}.{names.region}.{suffix}" for suffix in suffixes for service in ("dynamodb", "s3", "sns", "sqs")]
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    return [_make_statement(actions, [names.kms_key_arn], {"StringEquals": {"kms:ViaService": services}})]


def _make_statement(actions: Iterable[str], resources: Iterable[str], conditions: Mapping[str, Any] | None = None) -> PolicyStatement:
    return PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)

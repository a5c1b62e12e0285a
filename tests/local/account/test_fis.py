"""The local FIS: lifecycle, targets, authorization of callers and of effects, stop conditions, quotas, lever."""

import contextlib
import json
import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account_rig import ACCOUNT, REGION, Account, Agent
from tests.patience import stretched, until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

NO_STOP = [{"source": "none"}]
LATENCY = f"arn:aws:ssm:{REGION}::document/AWSFIS-Run-Network-Latency-Sources"
TERMINAL = ("completed", "stopped", "failed", "cancelled")
ENVIRONMENT = "squall:environment"


def wait_action(duration: str = "PT30S") -> dict[str, Any]:
    return {"actionId": "aws:fis:wait", "parameters": {"duration": duration}}


def effect_statements(environment: str = "staging") -> list[dict[str, Any]]:
    tagged = {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": environment}}
    instances = f"arn:aws:ec2:*:{ACCOUNT}:instance/*"
    return [
        {
            "Effect": "Allow",
            "Action": ["ec2:TerminateInstances", "ec2:StopInstances", "ec2:StartInstances", "ec2:RebootInstances", "ssm:SendCommand"],
            "Resource": instances,
            "Condition": tagged,
        },
        {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:*::document/AWSFIS-*"},
        {"Effect": "Allow", "Action": "ssm:CancelCommand", "Resource": "*"},
    ]


class Lab:
    """Templates, experiments and instances made in a test, and gone after it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.fis = account.client("fis")
        self.ec2 = account.client("ec2")
        self.role_arn = account.role("fis.amazonaws.com", effect_statements())

    def instance(self, environment: str | None = "staging", **tags: str) -> str:
        pairs = [{"Key": k, "Value": v} for k, v in tags.items()]
        if environment:
            pairs.append({"Key": ENVIRONMENT, "Value": environment})
        made = self.ec2.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="t3.micro",
            TagSpecifications=[{"ResourceType": "instance", "Tags": pairs}] if pairs else [],
        )  # fmt: skip
        identifier = str(made["Instances"][0]["InstanceId"])
        until(lambda: self.state_of(identifier) == "running", what="instance running")
        return identifier

    def state_of(self, identifier: str) -> str:
        result = self.ec2.describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]
        return str(result["State"]["Name"])

    @staticmethod
    def arn(identifier: str) -> str:
        return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{identifier}"

    def target(self, *identifiers: str, **other: Any) -> dict[str, Any]:
        base: dict[str, Any] = {"resourceType": "aws:ec2:instance", "selectionMode": "ALL"}
        if identifiers:
            base["resourceArns"] = [self.arn(i) for i in identifiers]
        return {**base, **other}

    def template(self, actions: dict[str, Any], **other: Any) -> str:
        request = {"description": "test", "roleArn": self.role_arn, "stopConditions": NO_STOP, "actions": actions}
        made = self.fis.create_experiment_template(**{**request, **other})["experimentTemplate"]
        return str(made["id"])

    def start(self, template: str, **other: Any) -> str:
        return str(self.fis.start_experiment(experimentTemplateId=template, **other)["experiment"]["id"])

    def run(self, actions: dict[str, Any], **other: Any) -> str:
        return self.start(self.template(actions, **other))

    def look(self, experiment: str) -> dict[str, Any]:
        return dict(self.fis.get_experiment(id=experiment)["experiment"])

    def status(self, experiment: str) -> str:
        return str(self.look(experiment)["state"]["status"])

    def reach(self, experiment: str, status: str) -> dict[str, Any]:
        def there() -> bool:
            now = self.status(experiment)
            assert now == status or now not in TERMINAL, self.look(experiment)["state"]
            return now == status

        until(there, what=f"experiment {status}")
        return self.look(experiment)

    def clean(self) -> None:
        for item in self.fis.list_experiments()["experiments"]:
            if item["state"]["status"] not in TERMINAL:
                with contextlib.suppress(ClientError):
                    self.fis.stop_experiment(id=item["id"])
        until(self.idle, what="no active experiment")

    def idle(self) -> bool:
        return all(e["state"]["status"] in TERMINAL for e in self.fis.list_experiments()["experiments"])


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    lab = Lab(account)
    yield lab
    account.profile(fis_stopping_seconds=0, fis_action_delay_seconds=[0, 0])
    lab.clean()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# --- lifecycle ----------------------------------------------------------------------------------------------------


def test_an_experiment_runs_its_actions_in_order_and_completes(lab: Lab) -> None:
    experiment = lab.run({"first": wait_action("PT1S"), "second": {**wait_action("PT1S"), "startAfter": ["first"]}})

    done = lab.reach(experiment, "completed")

    first, second = done["actions"]["first"], done["actions"]["second"]
    assert first["state"]["status"] == second["state"]["status"] == "completed"
    assert first["endTime"] <= second["startTime"]
    assert (done["endTime"] - done["startTime"]).total_seconds() >= 2


def test_actions_of_a_slow_account_begin_late_and_apart_and_none_before_its_turn(lab: Lab) -> None:
    lab.account.profile(fis_action_delay_seconds=[0.4, 1.5])
    later = {"later": {**wait_action("PT1S"), "startAfter": ["one", "two"]}}
    experiment = lab.run({"one": wait_action("PT1S"), "two": wait_action("PT1S"), **later})

    done = lab.reach(experiment, "completed")

    one, two, last = (done["actions"][name] for name in ("one", "two", "later"))
    assert one["startTime"] != two["startTime"]
    assert min(one["startTime"], two["startTime"]) - done["startTime"] >= timedelta(seconds=0.3)
    assert last["startTime"] - max(one["endTime"], two["endTime"]) >= timedelta(seconds=0.3)


def test_a_stopped_experiment_passes_through_stopping_and_cancels_what_has_not_begun(lab: Lab) -> None:
    lab.account.profile(fis_stopping_seconds=1)
    experiment = lab.run({"first": wait_action(), "second": {**wait_action(), "startAfter": ["first"]}})
    lab.reach(experiment, "running")

    stopping = lab.fis.stop_experiment(id=experiment)["experiment"]

    assert stopping["state"]["status"] == "stopping"
    done = lab.reach(experiment, "stopped")
    assert done["actions"]["first"]["state"]["status"] == "stopped"
    assert done["actions"]["second"]["state"]["status"] == "cancelled"
    with pytest.raises(ClientError) as error:
        lab.fis.stop_experiment(id=experiment)
    assert code(error) == "ValidationException"


def test_skip_all_resolves_targets_and_does_nothing(lab: Lab) -> None:
    instance = lab.instance()
    template = lab.template(
        {"kill": {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "one"}}},
        targets={"one": lab.target(instance)},
    )

    experiment = lab.start(template, experimentOptions={"actionsMode": "skip-all"})

    done = lab.reach(experiment, "completed")
    assert done["actions"]["kill"]["state"]["status"] == "skipped"
    resolved = lab.fis.list_experiment_resolved_targets(experimentId=experiment)["resolvedTargets"]
    assert [t["targetInformation"]["arn"] for t in resolved] == [lab.arn(instance)]
    assert lab.state_of(instance) == "running"


def test_starting_is_idempotent_by_client_token_and_a_deleted_template_cannot_start(lab: Lab, unique: str) -> None:
    template = lab.template({"wait": wait_action("PT1S")}, tags={"squall:stack": "t"})
    first = lab.start(template, clientToken=unique, tags={"squall:execution": unique})

    assert lab.start(template, clientToken=unique) == first
    lab.fis.delete_experiment_template(id=template)
    with pytest.raises(ClientError) as error:
        lab.start(template)

    assert code(error) == "ResourceNotFoundException"
    listed = lab.fis.list_experiments(experimentTemplateId=template)["experiments"]
    assert [(e["id"], e["tags"]) for e in listed] == [(first, {"squall:execution": unique})]
    assert lab.fis.list_experiments(experimentTemplateId="EXTnone")["experiments"] == []


def test_a_sixth_active_experiment_exceeds_the_quota(lab: Lab) -> None:
    template = lab.template({"wait": wait_action()})
    for _ in range(5):
        lab.start(template)

    with pytest.raises(ClientError) as error:
        lab.start(template)

    assert code(error) == "ServiceQuotaExceededException"
    (quota,) = lab.account.client("service-quotas").list_service_quotas(ServiceCode="fis")["Quotas"]
    assert (quota["QuotaName"], quota["Value"]) == ("Active experiments", 5.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"actions": {"w": wait_action("PT13H")}}, "duration"),
        ({"actions": {"w": wait_action("soon")}}, "duration"),
        ({"actions": {"w": {"actionId": "aws:ec2:paint-instances"}}}, "not available"),
        ({"actions": {"w": {**wait_action(), "startAfter": ["w2"]}}}, "startAfter"),
        ({"targets": {"t": {"resourceType": "aws:ec2:instance", "selectionMode": "ALL", "resourceTags": {"a": "b"}}}},
         "not used"),
        ({"description": "x" * 513}, "description"),
        ({"stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:1:alarm:x"}]},
         "alarm"),
    ],
)  # fmt: skip
def test_an_invalid_template_is_refused_with_the_part_named(lab: Lab, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError) as error:
        lab.template(change.pop("actions", {"w": wait_action()}), **change)

    assert code(error) == "ValidationException"
    assert words in error.value.response["Error"]["Message"]


def test_six_arns_are_one_too_many(lab: Lab) -> None:
    kill = {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "t"}}
    with pytest.raises(ClientError) as error:
        lab.template({"k": kill}, targets={"t": lab.target(*(f"i-{n:017d}" for n in range(6)))})
    assert code(error) == "ValidationException"


# --- targets ------------------------------------------------------------------------------------------------------

KILL = {"actionId": "aws:ec2:terminate-instances", "targets": {"Instances": "victims"}}


def test_tags_and_count_choose_the_victims(lab: Lab, unique: str) -> None:
    instances = [lab.instance(group=unique) for _ in range(3)]
    bystander = lab.instance(group="other")

    victims = lab.target(resourceTags={"group": unique}, selectionMode="COUNT(2)")
    experiment = lab.run({"kill": KILL}, targets={"victims": victims})

    lab.reach(experiment, "completed")
    states = sorted(lab.state_of(i) for i in instances)
    assert states == ["running", "terminated", "terminated"]
    assert lab.state_of(bystander) == "running"


def test_filters_narrow_and_an_empty_target_fails_or_skips_as_asked(lab: Lab, unique: str) -> None:
    instance = lab.instance(group=unique)
    none = lab.target(resourceTags={"group": unique}, filters=[{"path": "State.Name", "values": ["stopped"]}])

    failing = lab.run({"kill": KILL}, targets={"victims": none})
    assert lab.reach(failing, "failed")["state"]["error"]["code"] == "InvalidTarget"

    skipping = lab.run({"kill": KILL}, targets={"victims": none}, experimentOptions={"emptyTargetResolutionMode": "skip"})
    assert lab.reach(skipping, "completed")["actions"]["kill"]["state"]["status"] == "skipped"
    assert lab.state_of(instance) == "running"


def test_half_of_one_is_none(lab: Lab, unique: str) -> None:
    lab.instance(group=unique)
    half = lab.target(resourceTags={"group": unique}, selectionMode="PERCENT(50)")
    lab.reach(lab.run({"kill": KILL}, targets={"victims": half}), "failed")


# --- effects and their authorization ------------------------------------------------------------------------------


def test_a_role_for_staging_terminates_staging_and_nothing_else(lab: Lab) -> None:
    staging, production = lab.instance("staging"), lab.instance("production")
    untagged = lab.instance(None)

    for spared in (production, untagged):
        experiment = lab.run({"kill": KILL}, targets={"victims": lab.target(staging, spared)})
        failed = lab.reach(experiment, "failed")
        assert failed["state"]["error"]["code"] == "AuthorizationFailure"
        assert failed["actions"]["kill"]["state"]["status"] == "failed"
        assert [lab.state_of(i) for i in (staging, spared)] == ["running", "running"]

    lab.reach(lab.run({"kill": KILL}, targets={"victims": lab.target(staging)}), "completed")
    assert lab.state_of(staging) == "terminated"


def test_a_role_that_does_not_trust_fis_fails_before_anything_happens(lab: Lab) -> None:
    lab.role_arn = lab.account.role("lambda.amazonaws.com", effect_statements())
    instance = lab.instance()

    failed = lab.reach(lab.run({"kill": KILL}, targets={"victims": lab.target(instance)}), "failed")

    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
    assert lab.state_of(instance) == "running"


def test_stopped_instances_come_back_when_the_experiment_is_stopped(lab: Lab) -> None:
    instance = lab.instance()
    halt = {
        "actionId": "aws:ec2:stop-instances",
        "targets": {"Instances": "victims"},
        "parameters": {"startInstancesAfterDuration": "PT5M"},
    }
    experiment = lab.run({"halt": halt}, targets={"victims": lab.target(instance)})
    until(lambda: lab.state_of(instance) == "stopped", what="instance stopped")

    lab.fis.stop_experiment(id=experiment)

    lab.reach(experiment, "stopped")
    assert lab.state_of(instance) == "running"


def test_a_reboot_by_fis_or_by_anybody_reaches_the_machine_and_ec2_says_running(lab: Lab, agent: Agent) -> None:
    instance, foreign = lab.instance(), lab.instance("production")
    reboot = {"actionId": "aws:ec2:reboot-instances", "targets": {"Instances": "victims"}}

    lab.reach(lab.run({"reboot": reboot}, targets={"victims": lab.target(instance)}), "completed")
    refused = lab.reach(lab.run({"reboot": reboot}, targets={"victims": lab.target(foreign)}), "failed")
    lab.ec2.reboot_instances(InstanceIds=[instance])

    assert refused["state"]["error"]["code"] == "AuthorizationFailure"
    assert [name for name in agent.rebooted if name in {instance, foreign}] == [instance, instance]
    assert lab.state_of(instance) == "running"


def latency(action: str = "PT30S", command: int = 30, **parameters: str) -> dict[str, Any]:
    inputs = {"DurationSeconds": str(command), "Sources": "127.0.0.1", "DelayMilliseconds": "200", **parameters}
    return {
        "actionId": "aws:ssm:send-command",
        "targets": {"Instances": "victims"},
        "parameters": {"documentArn": LATENCY, "documentParameters": json.dumps(inputs), "duration": action},
    }


def commands(lab: Lab, instance: str) -> list[dict[str, Any]]:
    ssm = lab.account.client("ssm")
    return list(ssm.list_command_invocations(InstanceId=instance, Details=True)["CommandInvocations"])


def test_a_latency_fault_reaches_the_agent_and_a_stop_cancels_it(lab: Lab, agent: Agent) -> None:
    instance = lab.instance()
    experiment = lab.run({"slow": latency()}, targets={"victims": lab.target(instance)})
    until(lambda: [c for c in commands(lab, instance) if c["Status"] == "InProgress"], what="command in progress")
    command = commands(lab, instance)[0]["CommandId"]
    until(lambda: command in agent.begun, what="fault at the agent")
    assert agent.begun[command]["path"] == f"/instances/{instance}/faults"
    assert agent.begun[command]["document"] == "AWSFIS-Run-Network-Latency-Sources"
    assert agent.begun[command]["duration_seconds"] == 30
    assert agent.begun[command]["parameters"]["DelayMilliseconds"] == "200"

    lab.fis.stop_experiment(id=experiment)

    lab.reach(experiment, "stopped")
    assert commands(lab, instance)[0]["Status"] == "Cancelled"
    assert command in agent.ended


def test_a_shorter_action_completes_while_its_command_goes_on(lab: Lab, agent: Agent) -> None:
    instance = lab.instance()

    lab.reach(lab.run({"slow": latency("PT1S", math.ceil(stretched(4)))}, targets={"victims": lab.target(instance)}), "completed")

    assert commands(lab, instance)[0]["Status"] == "InProgress"
    until(lambda: commands(lab, instance)[0]["Status"] == "Success", what="the command's own end")
    assert commands(lab, instance)[0]["CommandId"] not in agent.ended


def test_an_agent_that_refuses_fails_the_command_and_the_experiment(lab: Lab, agent: Agent) -> None:
    instance = lab.instance()
    agent.refuses = True

    failed = lab.reach(lab.run({"slow": latency()}, targets={"victims": lab.target(instance)}), "failed")

    assert failed["state"]["error"]["code"] == "DependentServiceFailure"
    assert commands(lab, instance)[0]["Status"] == "Failed"


def test_ssm_lists_commands_since_a_time_and_knows_running_instances(lab: Lab) -> None:
    instance = lab.instance()
    ssm = lab.account.client("ssm")
    sent = ssm.send_command(DocumentName="AWSFIS-Run-CPU-Stress", InstanceIds=[instance], Parameters={"DurationSeconds": ["30"]})["Command"]

    def listed(after: str) -> list[str]:
        filters = [{"key": "InvokedAfter", "value": after}]
        return [c["CommandId"] for c in ssm.list_commands(InstanceId=instance, Filters=filters)["Commands"]]

    assert listed("2020-01-01T00:00:00Z") == [sent["CommandId"]]
    assert listed("2999-01-01T00:00:00Z") == []
    ssm.cancel_command(CommandId=sent["CommandId"])
    until(
        lambda: ssm.get_command_invocation(CommandId=sent["CommandId"], InstanceId=instance)["Status"] == "Cancelled",
        what="cancelled",
    )
    only = [{"Key": "InstanceIds", "Values": [instance]}]
    (node,) = ssm.describe_instance_information(Filters=only)["InstanceInformationList"]
    assert (node["InstanceId"], node["PingStatus"], node["PlatformType"]) == (instance, "Online", "Linux")
    with pytest.raises(ClientError) as error:
        ssm.send_command(DocumentName="AWSFIS-Run-Memory-Stress", InstanceIds=[instance])
    assert code(error) == "InvalidParameters"


# --- stop conditions and lever ------------------------------------------------------------------------------------


def alarm(lab: Lab, name: str) -> tuple[Any, dict[str, str]]:
    cloudwatch = lab.account.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Test", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    return cloudwatch, {"source": "aws:cloudwatch:alarm", "value": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}


def test_a_stop_condition_stops_the_experiment(lab: Lab, unique: str) -> None:
    cloudwatch, condition = alarm(lab, unique)
    experiment = lab.run({"wait": wait_action()}, stopConditions=[condition])
    lab.reach(experiment, "running")

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")

    assert "stop condition" in lab.reach(experiment, "stopped")["state"]["reason"]


def test_a_composite_alarm_is_a_stop_condition_and_fires_with_its_member(lab: Lab, unique: str) -> None:
    cloudwatch, condition = alarm(lab, unique)
    composite = f"composite-{unique}"
    cloudwatch.put_composite_alarm(AlarmName=composite, AlarmRule=f'ALARM("{unique}")', ActionsEnabled=False)
    whole = {**condition, "value": condition["value"].replace(unique, composite)}
    experiment = lab.run({"wait": wait_action()}, stopConditions=[whole])
    lab.reach(experiment, "running")

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")

    assert "stop condition" in lab.reach(experiment, "stopped")["state"]["reason"]


def test_an_alarm_already_firing_lets_the_action_begin_and_then_stops(lab: Lab, unique: str) -> None:
    cloudwatch, condition = alarm(lab, unique)
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")
    instance = lab.instance()

    experiment = lab.run({"kill": KILL, "wait": wait_action()}, targets={"victims": lab.target(instance)}, stopConditions=[condition])

    assert lab.reach(experiment, "stopped")["actions"]["wait"]["startTime"]
    assert lab.state_of(instance) == "terminated"


def test_an_account_may_refuse_to_start_while_an_alarm_fires(lab: Lab, unique: str) -> None:
    cloudwatch, condition = alarm(lab, unique)
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")
    template = lab.template({"wait": wait_action()}, stopConditions=[condition])
    lab.account.profile(refuse_firing_alarms=True)
    try:
        with pytest.raises(ClientError, match="ConflictException"):
            lab.start(template)
    finally:
        lab.account.profile(refuse_firing_alarms=False)


def test_with_stop_conditions_switched_off_the_experiment_goes_on(lab: Lab, unique: str) -> None:
    lab.account.profile(disable_stop_conditions=True)
    cloudwatch, condition = alarm(lab, unique)
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")

    lab.reach(lab.run({"wait": wait_action("PT2S")}, stopConditions=[condition]), "completed")


def test_the_safety_lever_stops_what_runs_and_cancels_what_starts(lab: Lab) -> None:
    template = lab.template({"wait": wait_action()})
    running = lab.start(template)
    lab.reach(running, "running")
    try:
        lab.fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "test"})

        lab.reach(running, "stopped")
        lab.reach(lab.start(template), "cancelled")
        until(
            lambda: lab.fis.get_safety_lever(id="default")["safetyLever"]["state"]["status"] == "engaged",
            what="lever engaged",
        )
        with pytest.raises(ClientError) as error:
            lab.fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "again"})
        assert code(error) == "ConflictException"
    finally:
        lab.fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "test"})


# --- callers ------------------------------------------------------------------------------------------------------


def caller_statements(role_arn: str) -> list[dict[str, Any]]:
    fis = f"arn:aws:fis:{REGION}:{ACCOUNT}:"
    stack = {"StringEquals": {"aws:RequestTag/squall:stack": "t"}}
    return [
        {"Effect": "Allow", "Action": "fis:CreateExperimentTemplate", "Resource": fis + "action/aws:fis:wait"},
        {"Effect": "Allow", "Action": ["fis:CreateExperimentTemplate", "fis:TagResource"],
         "Resource": fis + "experiment-template/*", "Condition": stack},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role_arn,
         "Condition": {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}},
        {"Effect": "Allow", "Action": "fis:StartExperiment", "Resource": fis + "experiment-template/*",
         "Condition": {"StringEquals": {"aws:ResourceTag/squall:stack": "t"}}},
        {"Effect": "Allow", "Action": ["fis:StartExperiment", "fis:TagResource"], "Resource": fis + "experiment/*",
         "Condition": stack},
        {"Effect": "Allow", "Action": "fis:StopExperiment", "Resource": fis + "experiment/*",
         "Condition": {"StringEquals": {"aws:ResourceTag/squall:stack": "t"}}},
    ]  # fmt: skip


def create_as(client: Any, lab: Lab, actions: dict[str, Any], tags: dict[str, str], **other: Any) -> Any:
    return client.create_experiment_template(
        description="t", roleArn=lab.role_arn, stopConditions=NO_STOP, actions=actions, tags=tags, **other
    )["experimentTemplate"]


def test_a_caller_with_exactly_the_grants_creates_starts_and_stops(lab: Lab) -> None:
    tags = {"squall:stack": "t"}
    client = lab.account.client_as("fis", caller_statements(lab.role_arn))

    template = create_as(client, lab, {"w": wait_action()}, tags)
    experiment = client.start_experiment(experimentTemplateId=template["id"], tags=tags)["experiment"]
    client.stop_experiment(id=experiment["id"])

    lab.reach(experiment["id"], "stopped")
    foreign = lab.run({"w": wait_action()})
    with pytest.raises(ClientError) as error:
        client.stop_experiment(id=foreign)
    assert code(error) == "AccessDeniedException"


@pytest.mark.parametrize("left_out", range(5))
def test_each_grant_of_the_caller_is_needed(lab: Lab, left_out: int) -> None:
    statements = caller_statements(lab.role_arn)
    del statements[left_out]
    client = lab.account.client_as("fis", statements)
    tags = {"squall:stack": "t"}

    def create_and_start() -> None:
        template = create_as(client, lab, {"w": wait_action()}, tags)
        client.start_experiment(experimentTemplateId=template["id"], tags=tags)

    with pytest.raises(ClientError) as error:
        create_and_start()

    assert code(error) == "AccessDeniedException"


def test_a_caller_may_start_only_what_another_has_marked(lab: Lab) -> None:
    """The grants of StartFault and FinalCheck: one starts, the other marks, and neither may do both."""
    fis, own = f"arn:aws:fis:{REGION}:{ACCOUNT}:", {"aws:ResourceTag/squall:stack": "t"}
    tags = {"squall:stack": "t"}
    made = create_as(lab.account.client_as("fis", caller_statements(lab.role_arn)), lab, {"w": wait_action()}, tags)
    starting = caller_statements(lab.role_arn)[4:]
    starting.append(
        {"Effect": "Allow", "Action": "fis:StartExperiment", "Resource": fis + "experiment-template/*",
         "Condition": {"StringEquals": {**own, "aws:ResourceTag/squall:checked": "true"}}}
    )  # fmt: skip
    starter = lab.account.client_as("fis", starting)
    marker = lab.account.client_as(
        "fis",
        [{"Effect": "Allow", "Action": "fis:TagResource", "Resource": fis + "experiment-template/*",
          "Condition": {"StringEquals": own, "ForAllValues:StringEquals": {"aws:TagKeys": ["squall:checked"]}}}],
    )  # fmt: skip
    arn = made["arn"]

    for client, call, arguments in (
        (starter, "start_experiment", {"experimentTemplateId": made["id"], "tags": tags}),
        (starter, "tag_resource", {"resourceArn": arn, "tags": {"squall:checked": "true"}}),
        (marker, "tag_resource", {"resourceArn": arn, "tags": {"squall:stack": "other"}}),
        (marker, "start_experiment", {"experimentTemplateId": made["id"], "tags": tags}),
    ):
        with pytest.raises(ClientError) as error:
            getattr(client, call)(**arguments)
        assert code(error) == "AccessDeniedException", call

    marker.tag_resource(resourceArn=arn, tags={"squall:checked": "true"})
    experiment = starter.start_experiment(experimentTemplateId=made["id"], tags=tags)["experiment"]
    lab.fis.stop_experiment(id=experiment["id"])
    lab.reach(experiment["id"], "stopped")


def test_a_caller_may_only_use_the_actions_it_was_granted(lab: Lab) -> None:
    client = lab.account.client_as("fis", caller_statements(lab.role_arn))
    instance = lab.instance()

    with pytest.raises(ClientError) as error:
        create_as(client, lab, {"k": KILL}, {"squall:stack": "t"}, targets={"victims": lab.target(instance)})

    assert code(error) == "AccessDeniedException"
    with pytest.raises(ClientError) as error:
        create_as(client, lab, {"w": wait_action()}, {"squall:stack": "another"})
    assert code(error) == "AccessDeniedException"


def test_tag_conditions_hold_for_callers_of_ec2_too(lab: Lab) -> None:
    staging, production = lab.instance("staging"), lab.instance("production")
    client = lab.account.client_as("ec2", effect_statements("staging")[:1])

    client.stop_instances(InstanceIds=[staging])
    with pytest.raises(ClientError) as error:
        client.stop_instances(InstanceIds=[production])

    assert code(error) == "UnauthorizedOperation"
    assert [lab.state_of(i) for i in (staging, production)] == ["stopped", "running"]

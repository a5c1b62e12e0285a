"""Custom actions: only what the deployed policy lists, with its values, on its targets, and undone as it says."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from squall.admission.execution_input import Place, admit_input
from squall.admission.overrides import apply_overrides
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.definition import Definition
from squall.domain.experiment.execution_input import Overrides
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.safety.evaluate import evaluate_checks
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.custom.fault import CustomFault
from squall.faults.plan import bind_plan
from squall.faults.template import compile_template
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12, before, discovery, environment, experiment, instance, workload
from tests.unit.domain.safety.test_safety import safe
from tests.unit.faults.asking import compile_fault, prerequisites, prove, verify
from tests.unit.faults.test_faults import GUARDS, ROLE, assert_accepted
from tests.unit.faults.test_resource_faults import HOSTILE
from tests.unit.resources import database, discovery_of, others

REBOOT: dict[str, Any] = {
    "description": "Reboot instances",
    "resource_type": "aws:ec2:instance",
    "action": "aws:ec2:reboot-instances",
    "target_key": "Instances",
    "self_reverting": True,
    "risk": "medium",
    "iam": [{"actions": ["ec2:RebootInstances"], "resources": ["arn:aws:ec2:*:*:instance/*"]}],
}
STOP: dict[str, Any] = {
    **REBOOT,
    "action": "aws:ec2:stop-instances",
    "parameters": {"startInstancesAfterDuration": r"PT\d{1,2}M"},
    "fixed": {"completeIfInstancesTerminated": "true"},
    "self_reverting": False,
    "risk": "high",
}
IO: dict[str, Any] = {
    **REBOOT,
    "action": "aws:ebs:volume-io-latency",
    "resource_type": "aws:ec2:ebs-volume",
    "target_key": "Volumes",
    "lasts": True,
    "parameters": {"readIOPercentage": r"[1-9]\d?"},
}
RUNBOOK: dict[str, Any] = {
    "description": "Drop the cache of a service",
    "resource_type": "aws:ec2:instance",
    "document": "Drop-Cache",
    "version": "3",
    "assume_role": f"arn:aws:iam::{ACCOUNT}:role/drop-cache",
    "parameters": {"InstanceIds": "i-[0-9a-f]+", "Service": "web|api"},
    "self_reverting": True,
}
SIGNAL = {"namespace": "Shop", "metric_name": "RoundTrip", "dimensions": {"InstanceId": "$target"}, "by": 20.0}
POLICY = {"reboot": REBOOT, "stop": STOP, "io": IO, "runbook": RUNBOOK}
ROLLBACKS = {"start": {"document": "Start", "assume_role": f"arn:aws:iam::{ACCOUNT}:role/start"}}


def raw(action: str = "reboot", values: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    criteria = ["System availability > 99%"]
    parameters = {"action": action, **({"values": values} if values is not None else {})}
    return {**json.loads(json.dumps(REL12)), "type": "custom", "success_criteria": criteria, "parameters": parameters, **changes}


def admitted(inputs: dict[str, Any], overrides: dict[str, Any] | None = None, **policy: Any) -> Definition:
    listed = {"custom_actions": POLICY, "rollback_documents": ROLLBACKS, **policy}
    asked = {"experiment": "x", **({"overrides": overrides} if overrides else {})}
    environments = {"staging": {"name": "staging", **listed}}
    return admit_input(asked, "run", {"x": inputs}, environments, place=Place(ACCOUNT, REGION, "aws"), now=NOW)


def refused(inputs: dict[str, Any], overrides: dict[str, Any] | None = None, **policy: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        admitted(inputs, overrides, **policy)
    return {problem.path.removeprefix("catalogue.x."): f"{problem.message}: {problem.expected}" for problem in caught.value.problems}


def test_an_action_that_only_a_metric_shows_needs_one_under_every_name() -> None:
    assert list(refused(raw())) == ["fault_signal"]
    assert "aws:ec2:reboot-instances did anything" in refused(raw())["fault_signal"]
    assert list(refused(raw("io", {"readIOPercentage": "50"}, target_resources=["vol-0a"]))) == ["fault_signal"]


def test_what_the_policy_lists_is_admitted() -> None:
    result = admitted(raw(fault_signal=SIGNAL))
    assert registry.bind_fault(result.experiment.plan[0], result.environment).fis_actions == ("aws:ec2:reboot-instances", "aws:fis:wait")
    assert registry.bind_fault(result.experiment.plan[0], result.environment).risk == "medium"
    assert admitted(raw("stop", {"startInstancesAfterDuration": "PT5M"}, rollback="start")).experiment.rollback is not None


@pytest.mark.parametrize(
    ("inputs", "path", "expected_text"),
    [
        (raw("terminate"), "parameters.action", 'staging has no custom action "terminate": io, reboot, runbook, stop'),
        (raw("rebot"), "parameters.action", 'did you mean "reboot"'),
        (raw("aws:ec2:terminate-instances"), "parameters.action", "lower case letters, digits and -"),
        (raw("reboot", {"force": "true"}), "parameters.values.force", "reboot has no such value: no values"),
        (raw("stop", {}, rollback="start"), "parameters.values.startInstancesAfterDuration", "is missing"),
        (
            raw("stop", {"startInstancesAfterDuration": "PT999M"}, rollback="start"),
            "parameters.values.startInstancesAfterDuration",
            "'PT999M' is refused: a match of",
        ),
        (raw("stop", {"startInstancesAfterDuration": "PT5M"}), "rollback", "stop does not undo itself: one of the environment's"),
        (raw("io", {"readIOPercentage": "50"}), "target_resources", "io can't be run on an EC2 instance: EBS volume"),
    ],
)
def test_what_it_does_not_list_is_refused_by_name(inputs: dict[str, Any], path: str, expected_text: str) -> None:
    assert expected_text in refused(inputs)[path]


def test_a_policy_without_a_list_runs_none() -> None:
    assert "none: its policy lists none" in refused(raw(), custom_actions={})["parameters.action"]


def test_an_override_gives_values_and_never_another_action() -> None:
    value = raw("stop", {"startInstancesAfterDuration": "PT5M"}, rollback="start")
    assert "only the definition may name the action" in refused(value, {"parameters": {"action": "reboot"}})["overrides.parameters.action"]
    policy = environment(custom_actions=POLICY)
    listed = {"override_values": {"values.startInstancesAfterDuration": ["PT6M"]}}
    exp = experiment(**{key: value[key] for key in ("type", "parameters", "success_criteria")}, **listed)
    changed = apply_overrides(exp, Overrides(parameters={"values": {"startInstancesAfterDuration": "PT6M"}}), policy)
    assert changed.parameters["values"] == {"startInstancesAfterDuration": "PT6M"}
    for values in ({"startInstancesAfterDuration": "PT7M"}, {"completeIfInstancesTerminated": "true"}, {}):
        with pytest.raises(InvalidInput, match=r"for overrides|be overridden"):
            apply_overrides(exp, Overrides(parameters={"values": values}), policy)


def template(admitted: Definition, *targets: Any) -> dict[str, Any]:
    fleet = targets or (instance("i-1"),)
    disc = discovery(workload(fleet), fleet) if not targets else discovery().model_copy(update={"pinned": fleet})
    return compile_template(admitted, disc, stack="Squall", run_id="run-1", role_arn=ROLE, alarm_arns=GUARDS)


def test_an_action_that_is_over_in_a_moment_has_a_wait_beside_it_and_only_what_the_policy_and_the_experiment_give() -> None:
    body = template(admitted(raw("stop", {"startInstancesAfterDuration": "PT5M"}, rollback="start")))
    assert_accepted(body)
    assert body["targets"]["Instances"]["resourceArns"] == [instance("i-1").arn]
    assert body["actions"]["custom"] == {
        "actionId": "aws:ec2:stop-instances",
        "description": "stop: Reboot instances",
        "parameters": {"completeIfInstancesTerminated": "true", "startInstancesAfterDuration": "PT5M"},
        "targets": {"Instances": "Instances"},
    }
    assert body["actions"]["observe"]["parameters"] == {"duration": "PT10M"}


def test_an_action_that_lasts_has_the_fault_s_length() -> None:
    fault = CustomFault(ResourceType.VOLUME, CustomAction.model_validate(IO))
    parsed_value = fault.parse({"action": "io", "values": {"readIOPercentage": "50"}})
    from tests.unit.resources import volume  # noqa: PLC0415 - only here

    _, actions = compile_fault(fault, parsed_value, [volume()], timedelta(minutes=5), region=REGION, partition="aws")
    assert list(actions) == ["custom"]
    assert actions["custom"]["parameters"] == {"readIOPercentage": "50", "duration": "PT5M"}
    assert fault.fis_actions == ("aws:ebs:volume-io-latency", "aws:fis:wait")


def test_a_document_runs_in_its_version_as_its_own_role_on_the_pinned_targets() -> None:
    body = template(admitted(raw("runbook", {"InstanceIds": "$targets", "Service": "web"})))
    assert_accepted(body)
    assert body["targets"] == {}
    parameters = body["actions"]["custom"]["parameters"]
    assert (parameters["documentArn"], parameters["documentVersion"], parameters["maxDuration"]) == (
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/Drop-Cache",
        "3",
        "PT10M",
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/drop-cache"
    assert json.loads(parameters["documentParameters"]) == {"InstanceIds": ["i-1"], "Service": ["web"], "AutomationAssumeRole": [role]}
    assert "observe" in body["actions"]


@given(value=st.text(max_size=40) | st.sampled_from([entry for entry in HOSTILE if isinstance(entry, str)]))
def test_no_value_passes_but_a_whole_match_of_the_policy_s_pattern(value: str) -> None:
    try:
        result = admitted(raw("runbook", {"InstanceIds": "i-1", "Service": value}))
    except InvalidInput:
        assert value not in {"web", "api", "$targets"}
        return
    assert result.experiment.parameters["values"]["Service"] in {"web", "api", "$targets"}


@pytest.mark.parametrize("value", [entry for entry in HOSTILE if not isinstance(entry, str)])
def test_values_that_are_no_text_are_refused(value: object) -> None:
    fault = CustomFault(ResourceType.INSTANCE, CustomAction.model_validate(RUNBOOK))
    with pytest.raises(InvalidInput, match=r"parameters\.values\.Service"):
        fault.parse({"action": "runbook", "values": {"InstanceIds": "i-1", "Service": value}})


TOUCHED = {"arns": [instance("i-1").arn, instance("i-2").arn]}
VALUES = {"InstanceIds": "i-1", "Service": "web"}


@pytest.mark.parametrize(
    ("target", "touches", "admits"),
    [
        ({"arns": TOUCHED["arns"], "select": "all"}, TOUCHED, True),
        ({"arns": TOUCHED["arns"]}, TOUCHED, False),
        ({"arns": TOUCHED["arns"][:1]}, TOUCHED, False),
        ({"arns": TOUCHED["arns"][:1]}, {"arns": TOUCHED["arns"][:1]}, True),
        ({"tags": {"app": "web"}, "select": "all"}, {"tags": {"app": "web"}}, True),
        ({"tags": {"app": "web"}, "filters": {"vpc-id": ["vpc-1"]}, "select": "all"}, {"tags": {"app": "web"}}, False),
        ({"tags": {"app": "web"}}, {"tags": {"app": "web"}}, False),
        ({"tags": {"app": "web"}, "select": "all"}, TOUCHED, False),
    ],
)
def test_a_document_hits_everything_that_its_entry_says_it_touches(target: dict[str, Any], touches: dict[str, Any], admits: bool) -> None:
    listed = {"custom_actions": {"runbook": {**RUNBOOK, "touches": touches}}}
    inputs = raw("runbook", VALUES, target_resources=[], target=target, blast_radius="single_region")
    if admits:
        assert admitted(inputs, **listed).experiment.target is not None
    else:
        told = refused(inputs, **listed)
        assert list(told) == ["target"]
        assert json.dumps({**touches, "select": "all"}) in told["target"]


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({"touches": TOUCHED}, "the targets of the action are what it touches"),
        ({"iam": []}, "FIS could not run the action"),
        ({"target_key": None}, "FIS could not run the action"),
        ({"action": None}, "names several things to run, or none"),
        ({"action": "aws:ssm:send-command"}, "is no action by itself"),
        ({"action": "aws:fis:inject-api-throttle-error"}, "is no action by itself"),
        ({"document": "Other"}, "names several things to run, or none"),
        ({"version": "1"}, "only a document has a version and a role"),
        ({"iam": [{"actions": [], "resources": ["*"]}]}, "at least 1 item"),
        ({"iam": [{"actions": ["ec2:*"], "resources": ["*"]}]}, r"reboot\.iam\.0\.actions\.0"),
        ({"iam": [{"actions": ["iam:PassRole"], "resources": ["*"]}]}, "never granted"),
        ({"iam": [{"actions": ["ec2:CreateTags"], "resources": ["*"]}]}, "never granted"),
        ({"iam": [{"actions": ["ec2:RebootInstances"], "resources": ["instances"]}]}, r"reboot\.iam\.0\.resources\.0"),
        ({"parameters": {"a": "("}}, "no regular expression"),
        ({"parameters": {"duration": ".*"}}, "length of the fault"),
        ({"parameters": {"a": "x"}, "fixed": {"a": "x"}}, "length of the fault"),
        ({"fixed": {"a": "two words"}}, "a holds a space"),
        ({"resource_type": "aws:s3:object"}, "aws:ec2:instance"),
        ({"resource_type": "aws:s3:bucket"}, "FIS takes no ARNs of S3 buckets"),
    ],
)
def test_an_entry_that_grants_nothing_too_much_or_says_half_is_refused_at_synth(changes: dict[str, Any], expected_text: str) -> None:
    with pytest.raises(ValidationError, match=expected_text):
        Environment.model_validate({"name": "staging", "custom_actions": {"reboot": {**REBOOT, **changes}}})


@pytest.mark.parametrize("left_out", ["version", "assume_role"])
def test_a_document_without_its_version_or_role_is_refused(left_out: str) -> None:
    with pytest.raises(ValidationError, match="a role of its own"):
        CustomAction.model_validate({key: value for key, value in RUNBOOK.items() if key != left_out})


def test_it_is_proven_by_fis_s_word_and_compared_by_what_the_targets_are_known_by() -> None:
    result = discovery()
    fault = CustomFault(ResourceType.INSTANCE, CustomAction.model_validate(REBOOT))
    ran = FisExperiment("E", "T", "completed", actions=(ActionState("custom", "aws:ec2:reboot-instances", "completed", "", NOW, NOW),))
    done = verify(fault, before(result), result.workload, result.workload, {}, ran, NOW)
    assert ([(proof.kind, proof.proven) for proof in done.proofs], done.outcome) == ([("mechanism", True)], RollbackOutcome.RESTORED)
    assert not prove(fault, result.pinned, result.workload, {}, None)[0].proven
    stopped = [entry.model_copy(update={"state": "stopped"}) for entry in result.workload.instances]
    left = verify(fault, before(result), result.workload, workload(stopped), {}, ran, NOW)
    assert left.outcome is RollbackOutcome.NOT_RESTORED
    assert f"the state of {result.pinned[0].id} is stopped, it was running" in left.differences


def test_targets_have_to_be_usable_and_without_a_policy_nothing_is_compiled() -> None:
    fault = registry.get_fault(FaultType.CUSTOM, ResourceType.INSTANCE)
    parameters = fault.parse({"action": "reboot"})
    assert {prerequisite.outcome for prerequisite in prerequisites(fault, workload(), [], parameters)} == {CheckOutcome.FAILED}
    with pytest.raises(LookupError):
        compile_fault(fault, parameters, [instance("i-1")], timedelta(minutes=5), region=REGION, partition="aws")
    with pytest.raises(registry.UnknownFaultError):
        registry.bind_fault(experiment(type="custom", parameters={"action": "reboot"}).plan[0], environment())


LENGTH = {"parameter": "Length", "unit": "seconds", "undoing_minutes": 7}


@pytest.mark.parametrize(("unit", "value"), [("iso", "PT10M"), ("seconds", "600"), ("minutes", "10")])
def test_a_document_is_told_its_length_and_gets_time_to_undo(unit: str, value: str) -> None:
    entry = {**RUNBOOK, "length": {**LENGTH, "unit": unit}}
    body = template(admitted(raw("runbook", VALUES), custom_actions={"runbook": entry}))
    parameters = body["actions"]["custom"]["parameters"]
    assert json.loads(parameters["documentParameters"])["Length"] == [value]
    assert parameters["maxDuration"] == body["actions"]["observe"]["parameters"]["duration"] == "PT17M"


def test_a_length_in_minutes_is_whole() -> None:
    entry = {**RUNBOOK, "length": {**LENGTH, "unit": "minutes"}}
    changes = {"duration_minutes": None, "duration": "PT10M30S"}
    assert "takes whole minutes" in refused(raw("runbook", VALUES, **changes), custom_actions={"runbook": entry})["duration"]


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({"parameters": {"Length": ".*"}}, "which Squall sets"),
        ({"fixed": {"Length": "1"}}, "which Squall sets"),
        ({"length": {**LENGTH, "unit": "hours"}}, "iso"),
    ],
)
def test_the_parameter_of_the_length_is_the_policy_s_alone(changes: dict[str, Any], expected_text: str) -> None:
    with pytest.raises(ValidationError, match=expected_text):
        CustomAction.model_validate({**RUNBOOK, "length": LENGTH, **changes})
    with pytest.raises(ValidationError, match="FIS tells an action how long it lasts"):
        CustomAction.model_validate({**REBOOT, "length": LENGTH})


def test_nothing_follows_a_document_of_which_nothing_says_when_it_ends() -> None:
    faults = {
        "cache": {"type": "custom", "target_resources": ["i-1"], "parameters": {"action": "runbook", "values": VALUES}},
        "lost": {"type": "instance_termination", "target_resources": ["i-1"], "after": ["cache"]},
    }
    scenario = {**raw(), "faults": faults}
    for key in ("type", "parameters", "target_resources"):
        del scenario[key]
    said = refused(scenario)
    assert "begins when the document of cache has ended, which nothing says beforehand" in said["faults.lost.after"]
    assert "length in custom_actions.runbook" in said["faults.lost.after"]
    admitted(scenario, custom_actions={"runbook": {**RUNBOOK, "length": LENGTH}})


def test_values_of_an_action_of_fis_hold_no_spaces() -> None:
    with pytest.raises(ValidationError, match="holds a space"):
        CustomAction.model_validate({**REBOOT, "fixed": {"why": "a b"}})
    listed = {"reboot": {**REBOOT, "parameters": {"why": ".*"}}}
    assert "without spaces" in refused(raw("reboot", {"why": "a b"}), custom_actions=listed)["parameters.values.why"]


def _bind(action: str, kind: ResourceType, key: str, **changes: Any) -> CustomFault:
    entry = {**REBOOT, "action": action, "resource_type": kind.value, "target_key": key, **changes}
    return registry.bind_listed("again", CustomAction.model_validate(entry))


def _traits(fault: CustomFault, values: dict[str, str] | None = None) -> FaultTraits:
    return fault.traits(fault.parse({"action": "again", "values": values or {}}))


KNOWN = [
    fault
    for fault in registry.list_action_faults()
    if not fault.actions[0].startswith(("aws:fis:", "aws:ssm:")) and fault.resource_type not in CHOSEN_BY_TAGS
]


@pytest.mark.parametrize("own", KNOWN, ids=lambda fault: f"{fault.type.value} on {fault.resource_type.value}")
def test_an_action_takes_as_much_and_meets_others_as_under_its_own_type(own: AnyFault) -> None:
    traits = _traits(_bind(own.actions[0], own.resource_type, own.target_key))
    assert traits.counts_as is not None
    same = [fault for fault in (*registry.list_faults(), *KNOWN) if own.actions[0] in fault.actions]
    assert traits.counts_as[0] in {fault.type for fault in same}
    twin = registry.get_fault(traits.counts_as[0], own.resource_type)
    assert (traits.targets_are_replaced, traits.takes >= twin.takes, traits.needs >= twin.needs) == (twin.targets_are_replaced, True, True)


@pytest.mark.parametrize(
    ("changes", "values", "kind", "takes_over"),
    [
        ({}, {}, FaultType.REBOOT_DATABASES, False),
        ({"fixed": {"forceFailover": "false"}}, {}, FaultType.REBOOT_DATABASES, False),
        ({"fixed": {"forceFailover": "true"}}, {}, FaultType.DATABASE_FAILURE, True),
        ({"parameters": {"forceFailover": ".*"}}, {"forceFailover": "true"}, FaultType.DATABASE_FAILURE, True),
        ({"parameters": {"forceFailover": ".*"}}, {"forceFailover": "maybe"}, FaultType.REBOOT_DATABASES, False),
    ],
)
def test_a_standby_counts_only_where_a_listed_reboot_fails_over(
    changes: dict[str, Any], values: dict[str, str], kind: FaultType, takes_over: bool
) -> None:
    traits = _traits(_bind("aws:rds:reboot-db-instances", ResourceType.DATABASE, "DBInstances", **changes), values)
    assert traits.counts_as is not None
    assert traits.counts_as[0] is kind
    hit = database().under(*traits.counts_as).hit
    assert hit == ({"orders primary"} if takes_over else {"orders primary", "orders standby"})


def test_the_healthy_share_counts_a_listed_action_as_squall_s_own() -> None:
    entry = {**REBOOT, "action": "aws:rds:reboot-db-instances", "resource_type": "aws:rds:db", "target_key": "DBInstances"}
    definition = admitted(
        raw("db", target_resources=[database().arn], fault_signal=SIGNAL, blast_radius="single_region"), custom_actions={"db": entry}
    )
    load = others(database())
    found = discovery_of([database()])
    (bound,) = bind_plan(definition)
    inputs = safe(definition=definition, discovery=found, workload_now=load, counts_as={"": bound.traits.counts_as})
    share = next(check for check in evaluate_checks(inputs) if check.name == "minimum_healthy_share")
    assert share.detail == "rds/db/orders: 2 in service − 2 = 0 of 2 (needed 0)", "no standby takes over from a database that restarts"


def test_a_listed_action_has_the_prerequisites_of_squall_s_own_and_says_whose() -> None:
    fault = _bind(
        "aws:ec2:send-spot-instance-interruptions", ResourceType.INSTANCE, "SpotInstances", fixed={"durationBeforeInterruption": "PT2M"}
    )
    target = instance("i-1")
    checks = prerequisites(fault, workload([target]), [target], fault.parse({"action": "again"}))
    own = registry.get_fault(FaultType("aws:ec2:send-spot-instance-interruptions"), ResourceType.INSTANCE)
    wanted = prerequisites(own, workload([target]), [target], own.parse({"durationBeforeInterruption": "PT2M"}))
    assert {check.name for check in wanted} <= {check.name for check in checks}
    assert any("counts as Squall's own type aws:ec2:send-spot-instance-interruptions" in check.detail for check in checks)

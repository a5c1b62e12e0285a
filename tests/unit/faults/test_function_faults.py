"""Faults on Lambda functions: what each compiles to, what must be true, what proves it, and what share of invocations it may take."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.judging.fault_signals import must_show
from squall.domain.resources.functions import Extended, LambdaFunction
from squall.domain.resources.workload import TargetGroup
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from tests.unit.builders import NOW, REGION, REL12, environment, experiment, pin_targets
from tests.unit.faults.asking import compile_fault, expected_signals, prerequisites, prove, verify
from tests.unit.resources import function, others

ORDERS = function("orders")


def fault(kind: FaultType) -> Any:
    return registry.get_fault(kind, ResourceType.FUNCTION)


GOLDEN: list[tuple[FaultType, dict[str, Any], str, dict[str, str]]] = [
    (
        FaultType.NETWORK_LATENCY,
        {"latency_ms": 800},
        "aws:lambda:invocation-add-delay",
        {"startupDelayMilliseconds": "800", "invocationPercentage": "100"},
    ),
    (
        FaultType.DEPENDENCY_TIMEOUT,
        {"latency_ms": 30_000, "invocation_percent": 20},
        "aws:lambda:invocation-add-delay",
        {"startupDelayMilliseconds": "30000", "invocationPercentage": "20"},
    ),
    (
        FaultType.SERVICE_UNAVAILABLE,
        {"prevent_execution": False, "invocation_percent": 50},
        "aws:lambda:invocation-error",
        {"invocationPercentage": "50", "preventExecution": "false"},
    ),
    (
        FaultType.SERVICE_UNAVAILABLE,
        {"status_code": 503},
        "aws:lambda:invocation-http-integration-response",
        {"invocationPercentage": "100", "preventExecution": "true", "statusCode": "503", "contentTypeHeader": "application/json"},
    ),
]


@pytest.mark.parametrize(("kind", "inputs", "action", "parameters"), GOLDEN, ids=[case[2] + case[0].value for case in GOLDEN])
def test_each_fault_is_its_action(kind: FaultType, inputs: dict[str, Any], action: str, parameters: dict[str, str]) -> None:
    item = fault(kind)
    targets, actions = compile_fault(item, item.parse(inputs), [ORDERS], timedelta(minutes=5), region=REGION, partition="aws")
    assert targets == {"Functions": {"resourceType": "aws:lambda:function", "resourceArns": [ORDERS.arn], "selectionMode": "ALL"}}
    ((_, made),) = actions.items()
    assert (made["actionId"], made["parameters"]) == (action, {**parameters, "duration": "PT5M"})
    assert made["targets"] == {"Functions": "Functions"}


def outcomes(kind: FaultType, lambda_function: LambdaFunction, **parameters: Any) -> dict[CheckOutcome, set[str]]:
    checks = prerequisites(fault(kind), others(lambda_function), [lambda_function], fault(kind).parse(parameters))
    return {outcome: {check.name for check in checks if check.outcome is outcome} for outcome in (CheckOutcome.FAILED, CheckOutcome.WARNED)}


@pytest.mark.parametrize(
    ("changes", "unmet"),
    [
        ({}, set()),
        ({"layers": ("arn:aws:lambda:eu-west-1:1:layer:other:3",)}, {"extension_layer"}),
        ({"wrapper": "/opt/otel-handler"}, {"extension_wraps"}),
        ({"configuration_location": ""}, {"configuration_location"}),
        ({"updating": True}, {"not_updating"}),
        ({"package": "Image", "layers": (), "wrapper": ""}, set()),
    ],
)
def test_a_function_whose_extension_would_not_hear_is_refused(changes: dict[str, Any], unmet: set[str]) -> None:
    result = outcomes(FaultType.NETWORK_LATENCY, ORDERS.model_copy(update=changes), latency_ms=500)
    assert result[CheckOutcome.FAILED] == unmet
    assert result[CheckOutcome.WARNED] == {"extension_reads"}, "what can't be told from outside is said"


def version(number: int, **changes: Any) -> Extended:
    """A published version of the function, with its configuration."""
    own = {name: getattr(ORDERS, name) for name in Extended.model_fields}
    return Extended(**{**own, "id": f"orders:{number}", **changes})


@pytest.mark.parametrize(
    ("changes", "unmet"),
    [
        ({"versions": (version(5),)}, set()),
        ({"versions": (version(5, layers=()),)}, {"extension_layer"}),
        ({"versions": (version(5, wrapper=""), version(6))}, {"extension_wraps"}),
        ({"versions": (version(5, configuration_location=""),)}, {"configuration_location"}),
        ({"versions": (version(5), version(6)), "shifting": ("live",)}, {"not_updating"}),
        ({"versions": (version(5),), "registered": (f"{ORDERS.arn}:5", f"{ORDERS.arn}:live", ORDERS.arn)}, set()),
        ({"versions": (version(5),), "registered": (f"{ORDERS.arn}:6",)}, {"versions_known"}),
    ],
)
def test_every_version_that_is_served_needs_the_extension(changes: dict[str, Any], unmet: set[str]) -> None:
    result = outcomes(FaultType.NETWORK_LATENCY, ORDERS.model_copy(update=changes), latency_ms=500)
    assert result[CheckOutcome.FAILED] == unmet


def test_a_function_in_a_target_group_is_a_domain_of_its_own_too() -> None:
    registered = ORDERS.model_copy(update={"registered": (ORDERS.arn,)})
    target_group = TargetGroup(
        arn="arn:aws:elasticloadbalancing:r:1:targetgroup/web/1", load_balancer="lb", healthy=(ORDERS.arn,), unhealthy=()
    )
    workload = others(registered).model_copy(update={"target_groups": (target_group,)})
    assert failure_domains(workload, [registered]) == ("lambda/orders", "tg/web/1")


def test_latency_leaves_time_and_a_timeout_leaves_none() -> None:
    assert outcomes(FaultType.NETWORK_LATENCY, ORDERS, latency_ms=6000)[CheckOutcome.FAILED] == {"within_timeout"}
    assert outcomes(FaultType.DEPENDENCY_TIMEOUT, ORDERS, latency_ms=6000)[CheckOutcome.FAILED] == {"outlasts_timeout"}
    assert outcomes(FaultType.DEPENDENCY_TIMEOUT, ORDERS, latency_ms=6001)[CheckOutcome.FAILED] == set()


def test_an_answer_of_the_extensions_has_no_metric_and_says_so() -> None:
    assert "extension_heard" in outcomes(FaultType.SERVICE_UNAVAILABLE, ORDERS, status_code=500)[CheckOutcome.WARNED]
    with pytest.raises(InvalidInput, match="an invocation that fails answers nothing"):
        fault(FaultType.SERVICE_UNAVAILABLE).parse({"content_type": "text/html"})


def fis(status: str) -> FisExperiment:
    ended = NOW + timedelta(minutes=5) if status == "completed" else None
    actions = (ActionState("error", "aws:lambda:invocation-error", status, started_at=NOW, ended_at=ended),)
    return FisExperiment("EXP1", "EXT1", status, actions=actions)


@pytest.mark.parametrize(
    ("status", "proven"), [("completed", True), ("stopped", True), ("running", True), ("failed", False), ("pending", False)]
)
def test_what_fis_wrote_is_the_mechanism(status: str, proven: bool) -> None:
    (proof,) = prove(fault(FaultType.SERVICE_UNAVAILABLE), [ORDERS], others(ORDERS), {}, fis(status))
    assert (proof.proven, proof.kind) == (proven, "mechanism")
    (proof,) = prove(fault(FaultType.SERVICE_UNAVAILABLE), [ORDERS], others(ORDERS), {}, None)
    assert not proof.proven


def signals(kind: FaultType, **parameters: Any) -> Any:
    return expected_signals(fault(kind), fault(kind).parse(parameters), others(ORDERS), [ORDERS])


@pytest.mark.parametrize(
    ("before", "during", "reading", "expected_text"),
    [
        ([], [], "contradicted", "nothing shows that the fault reached orders: AWS/Lambda Errors has no value"),
        ([], [0.0, 0.0], "contradicted", "the fault did nothing to orders"),
        ([0.0, 0.0], [0.0, 1.0, 1.0], "moved", "Errors of orders was 1 at most"),
        ([4.0], [4.0, 4.0], "contradicted", "should have risen by 1"),
    ],
)
def test_without_an_error_nothing_shows_that_the_extension_heard(
    before: list[float], during: list[float], reading: str, expected_text: str
) -> None:
    (signal,) = signals(FaultType.SERVICE_UNAVAILABLE)
    result = must_show(signal, before, during, 5)
    assert (result.reading, expected_text in result.detail) == (reading, True), result.detail


def test_a_fault_that_was_over_before_two_whole_periods_is_not_contradicted() -> None:
    (signal,) = signals(FaultType.DEPENDENCY_TIMEOUT, latency_ms=30_000)
    assert must_show(signal, [], [], 1).reading == "not_told"


def test_a_delay_must_be_seen_in_the_durations() -> None:
    (signal,) = signals(FaultType.NETWORK_LATENCY, latency_ms=800)
    assert (signal.metric_name, signal.by, signal.dimensions) == ("Duration", 400.0, (("FunctionName", "orders"),))
    assert signals(FaultType.SERVICE_UNAVAILABLE, status_code=500) == ()


def report(status: str, **changes: Any) -> Any:
    after = others(ORDERS.model_copy(update=changes))
    before = (TargetBefore(resource=ORDERS, healthy_in=()),)
    return verify(fault(FaultType.SERVICE_UNAVAILABLE), before, others(ORDERS), after, {}, fis(status), NOW, timedelta(minutes=5))


def test_a_function_is_restored_when_fis_took_the_fault_away_and_it_is_as_it_was() -> None:
    result = report("completed")
    assert (result.outcome, result.differences) == (RollbackOutcome.RESTORED, ())
    assert result.could_have_lasted_until == NOW + timedelta(minutes=5, seconds=20)
    assert report("completed", layers=()).outcome is RollbackOutcome.NOT_RESTORED
    assert report("completed", state="Failed").differences == ("orders is Failed, it was Active",)


@pytest.mark.parametrize(("status", "expected_text"), [("stopping", "still stopping"), ("failed", "by hand: aws s3 ls --recursive s3://")])
def test_a_configuration_that_may_still_be_there_is_left_over(status: str, expected_text: str) -> None:
    result = report(status)
    assert result.outcome is RollbackOutcome.NOT_RESTORED
    assert expected_text in result.leftovers[0]
    assert (result.could_have_lasted_until is None) == (status == "failed"), "nobody can say until when, if FIS could not take it away"


def test_the_share_of_invocations_is_the_capacity_that_is_left() -> None:
    exp = experiment(
        type="service_unavailable", target_resources=[ORDERS.arn], parameters={"invocation_percent": 40}, success_criteria=["alarm a fires"]
    )
    (pinned,), problems = pin_targets(others(ORDERS), exp, environment(), "s")
    assert problems == []
    (capacity,) = list_capacities(others(ORDERS), [pinned])
    assert (capacity.domain, capacity.size, capacity.after(list_lost_members(others(ORDERS), [pinned], capacity))) == (
        "lambda/orders",
        100,
        60,
    )
    several = [ORDERS, function("carts")]
    all_of_them = experiment(
        type="service_unavailable", target_resources=[entry.arn for entry in several], parameters={"invocation_percent": 40},
        blast_radius="single_region",
    )  # fmt: skip
    assert len(pin_targets(others(*several), all_of_them, environment(minimum_healthy_percent=60.0), "s")[0]) == 2
    assert len(pin_targets(others(*several), all_of_them, environment(minimum_healthy_percent=61.0), "s")[0]) == 1


@pytest.mark.parametrize("radius", ["single_az", "multiple_az"])
def test_a_radius_of_zones_is_refused_by_name(radius: str) -> None:
    raw = {**REL12, "type": "service_unavailable", "target_resources": [ORDERS.arn], "blast_radius": radius}
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(raw)
    problem = next(result for result in caught.value.problems if result.path == "blast_radius")
    assert problem.message == f"a Lambda function is in no zone: {radius} would mean nothing"
    assert problem.expected == "single_instance or single_region"


def test_versions_and_aliases_are_no_targets() -> None:
    with pytest.raises(InvalidInput, match="nothing can be injected into"):
        parse_experiment({**REL12, "type": "service_unavailable", "target_resources": [f"{ORDERS.arn}:live"]})


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"poll_wait_milliseconds": 0}, "extension_waits", "AWS_FIS_POLL_MAX_WAIT_MILLISECONDS of orders is not set"),
        ({"snap_start": True}, "no_snap_start", "orders has SnapStart"),
    ],
)
def test_an_extension_that_may_not_hear_of_the_fault_is_a_warning(changes: dict[str, Any], name: str, words: str) -> None:
    item = fault(FaultType.SERVICE_UNAVAILABLE)
    target = function("orders", **changes)
    results = {check.name: check for check in prerequisites(item, others(target), [target], item.parse({}))}
    assert results[name].outcome is CheckOutcome.WARNED
    assert words in results[name].detail
    assert {check.name for check in results.values() if check.outcome is CheckOutcome.WARNED} == {"extension_reads", name}

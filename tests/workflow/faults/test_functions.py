"""Invocations of a Lambda function fail: a whole run, and what refuses it or leaves it without proof."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.resources.functions import LambdaFunction
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

PLACE = "arn:aws:s3:::chaos/staging/"
ORDERS = LambdaFunction(
    id="orders", arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders", state="Active", tags={"squall:environment": "staging"},
    timeout_seconds=6, layers=(f"arn:aws:lambda:{REGION}:1:layer:aws-fis-extension-arm64:9",), wrapper="/opt/aws-fis/bootstrap",
    configuration_location=PLACE,
)  # fmt: skip


def _disturbed(world: FakeWorld, at: int) -> bool:
    return any(run.experiment.started_at and at >= run.experiment.started_at.timestamp() for run in world.faults.runs.values())


@pytest.fixture
def failing(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, lambda_fault_configuration=PLACE)
    world.metrics.set("Errors", lambda at: 20.0 if _disturbed(world, at) else 0.0)
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": "service_unavailable",
        "target_resources": [ORDERS.arn],
        "service": TARGET_GROUP,
        "parameters": {"invocation_percent": 40},
        "success_criteria": ["System availability > 99%"],
    }


def test_invocations_that_fail_are_proven_by_what_fis_wrote_and_by_lambdas_errors(
    walk: Walk, world: FakeWorld, failing: dict[str, Any]
) -> None:
    world.fleet.add_other(ORDERS)
    walk.run({"definition": failing})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    shares = next(check.detail for check in result.safety_checks if check.name == "minimum_healthy_share")
    assert shares == "lambda/orders: 100 in service − 40 = 60 of 100 (60 %, needed 50 %)"
    assert "fault_prerequisites.extension_reads" in {check.name for check in result.safety_checks if check.outcome == "warned"}
    nothing_is_left(world)


def test_a_template_of_somebody_else_s_on_a_function_is_compiled_anew(
    walk: Walk, world: FakeWorld, failing: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    known.environments["staging"]["fis_templates"] = ["EXTtheirs"]
    world.fleet.add_other(ORDERS)
    inputs = {"duration": "PT10M", "invocationPercentage": "30", "preventExecution": "false"}
    world.faults.foreign["EXTtheirs"] = {
        "id": "EXTtheirs",
        "targets": {"Orders": {"resourceType": "aws:lambda:function", "resourceArns": [ORDERS.arn], "selectionMode": "ALL"}},
        "actions": {"fail": {"actionId": "aws:lambda:invocation-error", "parameters": inputs, "targets": {"Functions": "Orders"}}},
        "stopConditions": [{"source": "none"}],
    }
    adopting = {key: value for key, value in failing.items() if key not in {"target_resources", "parameters"}}
    walk.run({"definition": {**adopting, "fis_template_id": "EXTtheirs"}})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    (run,) = world.faults.runs.values()
    assert run.experiment.template_id != "EXTtheirs"
    ((_, action),) = run.body["actions"].items()
    assert action["parameters"] == inputs
    nothing_is_left(world)


def test_without_an_error_of_the_function_the_run_is_invalid(walk: Walk, world: FakeWorld, failing: dict[str, Any]) -> None:
    world.fleet.add_other(ORDERS)
    world.metrics.set("Errors", None)
    walk.run({"definition": failing})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "nothing shows that the fault reached orders" in result.reason


@pytest.mark.parametrize(
    ("changes", "parameters", "check"),
    [
        ({}, {}, "minimum_healthy_share"),
        ({"configuration_location": "arn:aws:s3:::chaos/production/"}, {"invocation_percent": 40}, "fault_configuration"),
        ({"wrapper": ""}, {"invocation_percent": 40}, "fault_prerequisites.extension_wraps"),
        ({"tags": {}}, {"invocation_percent": 40}, "targets_exist"),
        ({"state": "Pending"}, {"invocation_percent": 40}, "targets_exist"),
    ],
)
def test_what_would_take_too_much_or_not_be_heard_is_never_tried(
    walk: Walk, world: FakeWorld, failing: dict[str, Any], changes: dict[str, Any], parameters: dict[str, Any], check: str
) -> None:
    world.fleet.add_other(ORDERS.model_copy(update=changes))
    walk.run({"definition": {**failing, "parameters": parameters}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome not in {"passed", "warned"}}
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_an_environment_that_does_not_say_where_faults_may_be_left_takes_none(
    walk: Walk, world: FakeWorld, failing: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True)
    world.fleet.add_other(ORDERS)
    walk.run({"definition": failing})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any("does not say where FIS may store the faults of functions" in problem.message for problem in result.problems)

"""A FIS template of somebody else's, in a run: compiled anew, never started itself, and refused before anything where it disagrees."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import Status, Verdict
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ended, nothing_is_left, unavailable
from tests.workflow.walk import Walk


def foreign(world: FakeWorld, **changes: Any) -> dict[str, Any]:
    """A template somebody made for another tool: a termination of any instance of the group, with a role of its own."""
    arns = [member.arn for member in world.fleet.members("web")]
    return {
        "id": "EXTtheirs",
        "roleArn": "arn:aws:iam::123456789012:role/theirs",
        "targets": {"Web": {"resourceType": "aws:ec2:instance", "resourceArns": arns, "selectionMode": "COUNT(1)"}},
        "actions": {"kill": {"actionId": "aws:ec2:terminate-instances", "parameters": {}, "targets": {"Instances": "Web"}}},
        "stopConditions": [{"source": "none"}],
        **changes,
    }


@pytest.fixture
def adopting(experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    known.environments["staging"]["fis_templates"] = ["EXTtheirs"]
    del experiment["target_resources"]
    experiment["fis_template_id"] = "EXTtheirs"
    return experiment


def test_a_template_of_somebody_else_is_compiled_anew_and_never_started_itself(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any]
) -> None:
    world.faults.foreign["EXTtheirs"] = foreign(world)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (run,) = world.faults.runs.values()
    assert run.experiment.template_id != "EXTtheirs"
    assert "theirs" not in str(run.body)
    assert [len(target["resourceArns"]) for target in run.body["targets"].values()] == [1], "one is pinned"
    assert run.body["stopConditions"][0]["value"].endswith("squall-Squall-run-1-1")
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("template", "expected_text"),
    [
        (None, "there is no FIS template EXTtheirs"),
        ({"stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-west-1:1:alarm:pager"}]}, "pager"),
        ({"actions": {}}, "nothing is injected"),
    ],
)
def test_a_template_that_is_gone_or_disagrees_is_refused_before_anything(
    walk: Walk, world: FakeWorld, adopting: dict[str, Any], template: dict[str, Any] | None, expected_text: str
) -> None:
    if template is not None:
        world.faults.foreign["EXTtheirs"] = foreign(world, **template)
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert expected_text in ended(world, Status.REJECTED, None, None).reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_template_that_cannot_be_read_is_refused(walk: Walk, world: FakeWorld, adopting: dict[str, Any]) -> None:
    world.failing["faults.template"] = unavailable("faults.template")
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert "could not be read" in ended(world, Status.REJECTED, None, None).reason
    nothing_is_left(world)


def test_a_template_whose_target_opted_in_to_nothing_is_refused(walk: Walk, world: FakeWorld, adopting: dict[str, Any]) -> None:
    target = {"resourceType": "aws:ec2:instance", "resourceArns": [world.fleet.instances["i-0000000000prod00"].arn], "selectionMode": "ALL"}
    world.faults.foreign["EXTtheirs"] = foreign(world, targets={"Web": target})
    assert walk.run({"experiment": "seed"}).status == "SUCCEEDED"
    assert "squall:environment = 'production'" in ended(world, Status.REJECTED, None, None).reason
    nothing_is_left(world)

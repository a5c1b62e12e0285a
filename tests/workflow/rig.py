"""The workload and the experiment of these tests; and a run outside of any fixture, from which tests are generated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from squall.application.admission import admit, deployed
from squall.application.campaign import admit as admit_campaign
from squall.domain.language import grammar
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup, FakeInstance
from tests.fakes.world import FakeWorld
from tests.workflow.endings import Intercept
from tests.workflow.voting import ask_people, vote_in
from tests.workflow.walk import Walk, Walked, walking

ROOT = Path(__file__).parents[2]
TARGET_GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/0123456789abcdef"
LOAD_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/fedcba9876543210"

SHORT_HISTORY_SECONDS = 3 * 3600
LONG_HISTORY_SECONDS = 30 * 3600

ROLLBACK = {
    "document": "Restore-Web",
    "version": "3",
    "assume_role": f"arn:aws:iam::{ACCOUNT}:role/restore-web",
    "parameters": {"InstanceIds": "i-[0-9a-f]+", "Why": "[A-Za-z0-9 _-]+"},
    "timeout_seconds": 600,
}


def environment(name: str, **changes: Any) -> dict[str, Any]:
    """A shipped policy, with a rollback document."""
    shipped = yaml.safe_load((ROOT / "environments" / f"{name}.yaml").read_text())
    return {**shipped, "rollback_documents": {"restore-web": ROLLBACK}, **changes}


def workload() -> FakeWorld:
    """Three healthy instances behind a load balancer with traffic; one of production, one of nobody.

    Its metrics are as old as a baseline needs. The forecast of false aborts needs `LONG_HISTORY_SECONDS`; it would be a
    fifth of the time of every run.
    """
    world = FakeWorld()
    world.metrics.kept_seconds = SHORT_HISTORY_SECONDS
    group = FakeGroup("web", desired=3, minimum=3, target_groups=(TARGET_GROUP,), tags={"squall:environment": "staging"})
    world.fleet.add_group(group, LOAD_BALANCER)
    world.fleet.add(FakeInstance("i-0000000000prod00", tags={"squall:environment": "production"}))
    world.fleet.add(FakeInstance("i-000000000000none"))
    world.metrics.set("RequestCount", 3000.0)
    world.metrics.set("TargetResponseTime", 0.05)
    return world


def rel12_experiment(world: FakeWorld) -> dict[str, Any]:
    """REL12-BP05's experiment on instances that exist, with a rollback document, which runs however the run ends."""
    text = (ROOT / "tests" / "data" / "seed-experiment.json").read_text()
    experiment: dict[str, Any] = json.loads(text)
    rollback = {"document": "restore-web", "parameters": {"InstanceIds": "$targets", "Why": "$execution"}}
    return {**experiment, "target_resources": [member.id for member in world.fleet.members("web")][:2], "rollback": rollback}


Change = Callable[[FakeWorld, dict[str, Any], dict[str, Any]], None]
"""Changes the deployed experiment, and its policy, in place; also what is in the account."""


def make_scenario(experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    """Three faults in nine minutes: memory on one instance, a minute later the loss of another one beside it, and, a minute
    after memory, latency on the first."""
    first, second = experiment["target_resources"]
    stressed = {"type": "memory_stress", "target_resources": [first], "parameters": {"memory_percent": 50}}
    slow = {"type": "network_latency", "target_resources": [first], "parameters": {"latency_ms": 300}}
    for field in ("type", "target_resources", "duration_minutes"):
        del experiment[field]
    experiment["blast_radius"] = "single_region"
    experiment["faults"] = {
        "memory": {**stressed, "duration": "PT3M"},
        "loss": {"type": "instance_termination", "target_resources": [second], "delay": "PT1M", "duration": "PT5M"},
        "latency": {**slow, "after": ["memory"], "delay": "PT1M", "duration": "PT4M"},
    }
    policy["minimum_healthy_percent"] = 33  # one of three instances goes on
    policy["short_faults"] = {"response": "warn", "longest": "10m"}  # of minutes, with guards on periods of one minute


def make_observed(experiment: dict[str, Any], _: dict[str, Any]) -> None:
    """A minute of CPU stress, observed for ten."""
    del experiment["duration_minutes"]
    criteria = ["System availability > 99%", "Response time < 2 seconds", "System recovers within 5 minutes"]
    experiment |= {"type": "cpu_stress", "duration": "1m", "observation": "10m", "success_criteria": criteria}


ONE_FAULT, SCENARIO, OBSERVED = "one fault", "a scenario", "observed"
SHAPES: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    ONE_FAULT: lambda experiment, policy: None,
    SCENARIO: make_scenario,
    OBSERVED: make_observed,
}
"""What an experiment can be. Each entry changes the deployed experiment, and its policy, in place."""

AUTOMATION: dict[str, Any] = {
    "description": "Impair a queue",
    "document": "Impair-Queue",
    "version": "3",
    "assume_role": f"arn:aws:iam::{ACCOUNT}:role/impair",
    "resource_type": "aws:ec2:instance",
    "parameters": {"queue": "orders"},
    "length": {"parameter": "DurationSeconds", "unit": "seconds", "undoing_minutes": 2},
    "self_reverting": True,
}
COMMAND: dict[str, Any] = {
    **{key: value for key, value in AUTOMATION.items() if key not in {"document", "assume_role"}},
    "command": "Our-Stress",
    "success_is_proof": True,
}


def adopt_automation(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    """A template that starts an Automation document. It runs as long as it is told, and then undoes what it did."""
    touched = {"arns": [world.fleet.instances[target].arn for target in experiment["target_resources"][:1]]}
    action = {"actionId": "aws:ssm:start-automation-execution", "parameters": _tell(experiment, "Impair-Queue", "maxDuration")}
    _adopt(world, experiment, policy, {**AUTOMATION, "touches": touched}, action, {})
    world.faults.automation_seconds = experiment["duration_minutes"] * 60 + 30


def adopt_quick_automation(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    """The same, but the document has ended when anything breaks."""
    adopt_automation(world, experiment, policy)
    world.faults.automation_seconds = 0


def adopt_command(world: FakeWorld, experiment: dict[str, Any], policy: dict[str, Any]) -> None:
    """A template that sends a Run Command document to an instance."""
    arns = [world.fleet.instances[target].arn for target in experiment["target_resources"][:1]]
    parameters = _tell(experiment, "Our-Stress", "duration")
    action = {"actionId": "aws:ssm:send-command", "parameters": parameters, "targets": {"Instances": "web"}}
    targets = {"web": {"resourceType": "aws:ec2:instance", "resourceArns": arns, "selectionMode": "ALL"}}
    _adopt(world, experiment, policy, COMMAND, action, targets)


def _tell(experiment: dict[str, Any], document: str, longest: str) -> dict[str, str]:
    seconds = experiment["duration_minutes"] * 60
    told = json.dumps({"queue": "orders", "DurationSeconds": str(seconds)})
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{document}"
    return {"documentArn": arn, "documentParameters": told, longest: f"PT{seconds + 60}S"}


def _adopt(
    world: FakeWorld,
    experiment: dict[str, Any],
    policy: dict[str, Any],
    entry: dict[str, Any],
    action: dict[str, Any],
    targets: dict[str, Any],
) -> None:
    template = {"id": "EXTtheirs", "targets": targets, "actions": {"hit": action}, "stopConditions": [{"source": "none"}]}
    world.faults.foreign["EXTtheirs"] = template
    policy |= {"fis_templates": ["EXTtheirs"], "custom_actions": {"hit": entry}}
    del experiment["target_resources"]
    experiment |= {"type": "custom", "fis_template_id": "EXTtheirs", "success_criteria": ["System availability > 99%"]}


ADOPTED: dict[str, Change] = {
    "an adopted automation": adopt_automation,
    "an adopted automation that is over at once": adopt_quick_automation,
    "an adopted command": adopt_command,
}
"""Experiments that adopt a FIS template whose document the policy lists. Each entry also puts the template into FIS."""
EVERY_SHAPE = (*SHAPES, *ADOPTED)


@contextmanager
def arranged(shape: str | Change = ONE_FAULT, campaigns: dict[str, Any] | None = None) -> Iterator[tuple[Walk, FakeWorld]]:
    """The workload; the experiment as `seed`, and on another instance of the group as `other`, which is `seed` once more where the
    shape is a change of the caller's. For tests that make their own worlds."""
    world = workload()
    experiment, policy = rel12_experiment(world), environment("staging")
    other = {**experiment, "name": "Other", "target_resources": [world.fleet.members("web")[2].id]}
    if callable(shape):
        shape(world, experiment, policy)
        other = {**experiment, "name": "Other"}
    elif shape in ADOPTED:
        ADOPTED[shape](world, experiment, policy)
    else:
        SHAPES[shape](experiment, policy)
    known = deployed.DeployedDefinitions({"seed": experiment, "other": other}, {"staging": policy}, campaigns or {})
    with (
        patch.object(admit, "load_deployed", lambda: known),
        patch.object(admit_campaign, "load_deployed", lambda: known),
        patch.object(grammar, "parse_tree", tree_read_once),
        walking(world) as walk,
    ):
        world.alarms.arming_seconds = 10
        world.faults.stop_seconds = 20
        yield walk, world


tree_read_once = cache(grammar.parse_tree)
"""Half of a run's time would be the same five sentences, parsed in every state. Nobody changes a tree."""


def good_run(note: Callable[[Walk, str], None], shape: str | Change = ONE_FAULT) -> Walked:
    """A run that goes well, which people were asked for; `note` is told of every call of a port."""
    with arranged(shape) as (walk, world):
        world.failing = Intercept(lambda called: note(walk, called))
        ask_people()
        vote_in(walk, world, 600)
        return walk.run({"experiment": "seed"})

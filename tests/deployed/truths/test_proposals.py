"""What `squall discover` proposes for the sample workload, in shape after shape: it passes a plan unchanged, and the experiment that
refutes a fragile shape is among the first three of its service."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deployed.rig import Rig
from tests.deployed.truths.discovering import Scan, scan
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

PASSING = 0.9
FIRST = 3
SHAPES: dict[str, dict[str, object]] = {
    "resilient": {},
    "database": {},
    "tasks": {"tasks": True},
    "pods": {"pods": True},
    "functions": {"functions": True},
    "two-balancers": {"shape": "two-balancers"},
    "blue-green": {"shape": "blue-green"},
    "controller": {"shape": "controller"},
}
"""Each with the sample's instances and databases. In `database`, these have no tag until the proposals' commands have run; the
last three are shapes in which instances are registered otherwise."""
OPT_IN = "squall:environment"
GROUP, TASKS, PODS = "autoScalingGroupName/sample-web", "service/sample/sample-tasks", "cluster/sample/shop/deployment/web"
FUNCTION, CLUSTER = "function:sample-orders", "cluster:sample-db"


@dataclass(frozen=True)
class Fragile:
    """A fragile shape: the service that is fragile, the proposal that shows it, and the finding that names it."""

    workload: str
    service: str
    proposal: str
    findings: frozenset[str]
    """One of these; which of them depends on whether a guard ends the fault before it is judged."""
    settings: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.workload} {self.proposal}"


LOST = frozenset({"availability_lost", "guard_fired"})
FRAGILE = (
    Fragile("fragile-group", GROUP, "lost-instance", frozenset({"not_replaced"})),
    Fragile("fragile-balancer", GROUP, "silent-instance", LOST),
    Fragile("fragile-dependency", GROUP, "without-inventory-sample-internal", LOST),
    Fragile("fragile-database", CLUSTER, "failover", LOST),
    Fragile("fragile-disk", GROUP, "full-disk", LOST),
    Fragile("fragile-cpu", GROUP, "busy-cpu", LOST),
    Fragile("fragile-memory", GROUP, "little-memory", LOST),
    Fragile("fragile-function", FUNCTION, "failing", LOST),
    Fragile("fragile-group", TASKS, "lost-task", frozenset({"not_replaced"}), {"tasks": True}),
    Fragile("fragile-dependency", TASKS, "without-inventory-sample-internal", LOST, {"tasks": True}),
    Fragile("fragile-cpu", TASKS, "busy-cpu", LOST, {"tasks": True}),
    Fragile("fragile-group", PODS, "lost-pod", frozenset({"not_replaced"}), {"pods": True}),
)


def look(rig: Rig, home: Path, **settings: object) -> Scan:
    rig.settings(**settings)
    until(lambda: rig.workload["parts_whole"] and rig.whole(), f"the workload with {settings}")
    return scan(rig, home)


def take_tags_of_databases(rig: Rig) -> None:
    client = rig.client("rds")
    arns = [cluster["DBClusterArn"] for cluster in client.describe_db_clusters()["DBClusters"]]
    for arn in [*arns, *(instance["DBInstanceArn"] for instance in client.describe_db_instances()["DBInstances"])]:
        client.remove_tags_from_resource(ResourceName=arn, TagKeys=[OPT_IN])


def test_nine_of_ten_proposals_in_all_shapes_pass_a_plan_unchanged(rig: Rig, tmp_path: Path) -> None:
    ends: dict[str, dict[str, str]] = {}
    for name, settings in SHAPES.items():
        home = tmp_path / name
        home.mkdir()
        if name == "database":
            take_tags_of_databases(rig)
        found = look(rig, home, **{"workload": "resilient", **settings})
        assert name != "database" or any(proposal["tag_commands"] for proposal in found.proposals)
        ends[name] = found.plan_all()
        refused = {proposal: why for proposal, why in ends[name].items() if why}
        print(f"{name}: {len(ends[name]) - len(refused)} of {len(ends[name])} pass {json.dumps(refused, indent=1)}", flush=True)
        assert ends[name], f"nothing is proposed for {name}"
    reasons = {f"{name}, {proposal}": why for name, planned in ends.items() for proposal, why in planned.items() if why}
    count = sum(map(len, ends.values()))
    assert len(reasons) <= (1 - PASSING) * count, reasons


@pytest.mark.parametrize("fragile", FRAGILE, ids=str)
def test_the_experiment_that_refutes_a_fragile_shape_is_among_the_first_three(rig: Rig, tmp_path: Path, fragile: Fragile) -> None:
    """Of its service. It is run as it was proposed."""
    found = look(rig, tmp_path, workload=fragile.workload, **fragile.settings)
    first = [proposal["name"] for proposal in found.of_service(fragile.service)[:FIRST]]
    chosen = next(
        (proposal for proposal in found.proposals if proposal["name"] in first and proposal["name"].endswith(fragile.proposal)), None
    )
    assert chosen is not None, first
    result = found.run(chosen)
    kinds = {finding["kind"] for finding in result["findings"] if finding["status"] == "open"}
    names = [proposal["name"] for proposal in found.proposals]
    place, of_all = first.index(chosen["name"]) + 1, names.index(chosen["name"]) + 1
    print(
        f"{fragile}: {place} of its service, {of_all} of {len(names)}: {result['verdict']}, {sorted(kinds)}, {result['reason']}", flush=True
    )
    assert result["hypothesis_validated"] is False, result["reason"]
    assert kinds & fragile.findings, kinds
    rig.clean()

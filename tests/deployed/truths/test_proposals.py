"""What `squall discover` proposes for the sample workload, in shape after shape, passes a plan unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.deployed.rig import Rig
from tests.deployed.truths.discovering import Scan, scan
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

PASSING = 0.9
SHAPES: dict[str, dict[str, object]] = {
    "resilient": {},
    "database": {},
    "tasks": {"tasks": True},
    "pods": {"pods": True},
    "functions": {"functions": True},
}
"""Each with the sample's instances and databases. In `database`, these have no tag until the proposals' commands have run."""
OPT_IN = "squall:environment"


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
        found = look(rig, home, workload="resilient", **settings)
        assert name != "database" or any(proposal["tag_commands"] for proposal in found.proposals)
        ends[name] = found.plan_all()
        refused = {proposal: why for proposal, why in ends[name].items() if why}
        print(f"{name}: {len(ends[name]) - len(refused)} of {len(ends[name])} pass {json.dumps(refused, indent=1)}", flush=True)
        assert ends[name], f"nothing is proposed for {name}"
    reasons = {f"{name}, {proposal}": why for name, planned in ends.items() for proposal, why in planned.items() if why}
    count = sum(map(len, ends.values()))
    assert len(reasons) <= (1 - PASSING) * count, reasons

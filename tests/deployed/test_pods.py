"""Stopped while a fault lasts in a pod: FIS's pod and what it put into its target end, nothing is left, people are told."""

from __future__ import annotations

import pytest

from tests.deployed.endings import told_of_outside
from tests.deployed.rig import Rig
from tests.deployed.test_ended_outside import BY_EVENT
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

DEFINITION = {
    "name": "Deaf to the inventory",
    "description": "Drop everything one pod sends to the inventory",
    "type": "dependency_timeout",
    "hypothesis": "Somebody ends this before its time",
    "blast_radius": "single_instance",
    "target": {
        "resource_type": "aws:eks:pod",
        "tags": {"squall:environment": "staging"},
        "filters": {"cluster": ["sample"], "namespace": ["shop"], "deployment": ["web"]},
    },
    "parameters": {"dependency": "inventory.sample.internal"},
    "duration": "PT120S",
    "rollback_plan": "FIS ends its ephemeral container after the duration, and when the experiment is stopped",
    "success_criteria": ["System recovers within 1 minute"],
    "abort_conditions": ["System availability < 20 %"],
    "environment": "staging",
}


def faults(rig: Rig) -> list[str]:
    """Of all pods, how each stands."""
    return [fault["status"] for container in rig.workload["pods"]["containers"] for fault in container["faults"]]


def helpers(rig: Rig) -> list[str]:
    return [entry["name"] for entry in rig.workload["pods"]["all"] if entry["name"].startswith("fispod-")]


def test_stopped_while_a_fault_lasts_in_a_pod(rig: Rig) -> None:
    rig.settings(pods=True)
    until(lambda: "pods" in (now := rig.workload) and now["parts_whole"], "the cluster with its pods")
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run(DEFINITION)
    experiment = run.watched()
    until(lambda: faults(rig) == ["started"], "the ephemeral container")
    assert len(helpers(rig)) == 1
    rig.profile(disable_schedules=True)  # on a busy machine the pulse may come by before the watchdog
    run.stop()
    rig.clean(stretched(BY_EVENT))
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    assert faults(rig) == ["cancelled"]
    assert helpers(rig) == []
    told_of_outside(run, by="watchdog")

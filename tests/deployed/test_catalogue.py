"""A hypothesis that doesn't hold is refuted by the criterion that says so; a fault that does nothing proves nothing."""

from typing import Any

import pytest

from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


def definition(target: str, **changes: Any) -> dict[str, Any]:
    """One instance's CPU is taken for as long as can be judged."""
    return {
        "name": "Busy",
        "description": "Load the CPU of one instance",
        "type": "cpu_stress",
        "hypothesis": "Nobody notices one busy instance",
        "blast_radius": "single_instance",
        "target_resources": [target],
        "parameters": {"load_percent": 100},
        "duration": "PT30S",
        "rollback_plan": "The load ends by itself after the duration",
        "success_criteria": [{"text": "System availability >= 99 %", "critical": True}],
        "abort_conditions": ["System availability < 20 %"],
        "environment": "staging",
        **changes,
    }


@pytest.mark.usefixtures("calm")
def test_a_workload_that_waits_for_its_cpu_refutes_the_hypothesis(rig: Rig, target: str) -> None:
    rig.settings(workload="fragile-cpu")
    rig.forget()
    run = rig.run(definition(target))
    record = run.done()
    assert (record["status"], record["verdict"], record["hypothesis_validated"]) == ("completed", "refuted", False), record["reason"]
    (criterion,) = run.result["criteria"]
    assert (criterion["text"], criterion["outcome"]) == ("System availability >= 99 %", "not_met")
    assert criterion["measured"] < 99
    assert criterion["text"] in record["reason"]
    rig.clean()


@pytest.mark.usefixtures("calm")
def test_an_instance_that_ignores_its_command_makes_the_run_invalid(rig: Rig, target: str) -> None:
    rig.settings(workload="immune")
    rig.forget()
    run = rig.run(definition(target))
    record = run.done()
    assert (record["status"], record["verdict"], record.get("hypothesis_validated")) == ("completed", "invalid", None), record["reason"]
    assert f"the fault did nothing to {target}" in record["reason"]
    assert [criterion["outcome"] for criterion in run.result["criteria"]] == ["met"]
    rig.clean()

"""Somebody stops the execution in the console, where no Catch runs: nothing stays behind, and people hear of it."""

from collections.abc import Callable

import pytest

from tests.deployed.endings import told_of_outside
from tests.deployed.rig import AWS_EVENTS, Execution, Rig, latency
from tests.patience import LONGEST_TEST, stretched, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

BY_EVENT = 30.0
"""Seconds; two on an idle machine."""
BY_SCHEDULE = 90.0
"""The pulse comes every minute: the first stops the fault, the next finds it stopped. Two minutes are promised for both."""
HANGS = 6.0
Property = Callable[[str, object], None]


def test_stopped_while_the_fault_runs(rig: Rig, target: str, record_property: Property) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    rig.wait_until_slow(target)
    rig.profile(disable_schedules=True)  # on a busy machine the pulse may come by before the watchdog
    run.stop()
    with rig.measured(record_property, "seconds_until_nothing_is_left"):
        rig.clean(stretched(BY_EVENT))
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    rig.wait_until_quick(target)
    told_of_outside(run, by="watchdog")


@pytest.mark.soak
def test_stopped_while_the_fault_runs_and_no_event_arrives(rig: Rig, target: str, record_property: Property) -> None:
    run = rig.run(latency(target))
    experiment = run.watched()
    rig.profile(drop_all_events=AWS_EVENTS)
    run.stop()
    with rig.measured(record_property, "seconds_until_the_fault_is_stopped"):
        until(lambda: rig.fault(experiment)["state"]["status"] == "stopped", "the pulse's schedule", seconds=stretched(BY_SCHEDULE))
    until(run.looked_at_again, "the next pulse, not waited for, takes the rest away", seconds=stretched(BY_EVENT))
    assert rig.left() == []
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    rig.wait_until_quick(target)
    told_of_outside(run, by="pulse")


def test_stopped_while_the_fault_is_being_started(rig: Rig, target: str) -> None:
    """StartFault has checked everything and its call is on the way: it reaches FIS after the watchdog has closed the run."""
    rig.profile(disable_schedules=True)
    before = answers_of_start(rig)
    template = stopped_at_start(rig, run := rig.run(latency(target)))
    rig.clean(stretched(BY_EVENT))
    until(lambda: answers_of_start(rig) > before, "StartFault has come to its end")
    assert rig.faults(template) == []
    assert rig.left() == []
    assert run.record.get("fis_experiment_id") is None
    rig.wait_until_quick(target)
    told_of_outside(run, by="watchdog")


def test_stopped_while_the_fault_is_being_started_and_no_event_arrives(rig: Rig, target: str) -> None:
    """Nobody has closed the run when the call reaches FIS: a fault without a workflow, until the pulse comes by."""
    rig.profile(drop_all_events=AWS_EVENTS, disable_schedules=True)
    template = stopped_at_start(rig, run := rig.run(latency(target)))
    (fault,) = until(lambda: rig.faults(template), "the late call takes effect")
    assert rig.pulse()[run.id] == "closed"
    until(run.looked_at_again, "FIS has stopped, and the next pulse takes the rest away", seconds=stretched(BY_EVENT))
    assert rig.left() == []
    assert rig.fault(fault["id"])["state"]["status"] == "stopped"
    rig.wait_until_quick(target)
    told_of_outside(run, by="pulse")


def stopped_at_start(rig: Rig, run: Execution) -> str:
    """Stop the execution between StartFault's check and the effect of its call; returns the template's id."""
    rig.profile(fis_start_delay_seconds=HANGS)
    template = run.until("starting")["detail"]
    run.stop()
    assert rig.faults(template) == []
    return str(template)


def answers_of_start(rig: Rig) -> int:
    """How often the StartFault function has returned."""
    return sum(line.startswith("END RequestId") for line in rig.logs("StartFault"))

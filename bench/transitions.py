"""Counts state transitions and history events by the duration of the experiment, with the real state machine on a
simulated clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from bench.tables import Table
from squall.domain.run.timeline import EventName

DOLLARS = 0.025 / 1000
"""The price of a state transition of a Standard workflow; each retry counts as one."""
HISTORY_LIMIT = 25_000
FAST, SHIPPED = "metrics every 10 s", "metrics every 60 s"
TIMING: dict[str, dict[str, int]] = {
    FAST: {"metric_period_seconds": 10, "metric_lag_seconds": 5, "alarm_evaluation_seconds": 5},
    SHIPPED: {},
}


@dataclass(frozen=True)
class Case:
    pace: str
    length: timedelta
    faults: int = 1
    """1, or 3: a scenario of as many faults, two beside each other and one after another."""

    @property
    def words(self) -> str:
        return f"{_format_length(self.length)}{', three faults' if self.faults > 1 else ''}, {self.pace}"


CASES = (
    Case(FAST, timedelta(minutes=1)),
    Case(FAST, timedelta(hours=12)),
    Case(SHIPPED, timedelta(minutes=10)),
    Case(SHIPPED, timedelta(hours=12)),
    Case(SHIPPED, timedelta(minutes=9)),
    Case(SHIPPED, timedelta(minutes=9), faults=3),
)


@dataclass(frozen=True)
class Counted:
    """One finished execution."""

    case: Case
    simulated: timedelta
    """The simulated time from the start to the end of the execution."""
    to_fault: timedelta
    """The simulated time from the start to the fault, or the first of several."""
    transitions: int
    """The number of states entered plus the retries."""
    events: int
    verdict: str

    @property
    def dollars(self) -> float:
        return self.transitions * DOLLARS


def measure_transitions(tick: Callable[[str], None] = lambda _: None) -> list[Counted]:
    """Runs one execution of each case."""
    counted = []
    logging.disable(logging.CRITICAL)  # The functions log a line for every pulse of twelve hours.
    try:
        for case in CASES:
            counted.append(count_transitions(case))
            tick(case.words)
    finally:
        logging.disable(logging.NOTSET)
    return counted


def count_transitions(case: Case) -> Counted:
    """Runs one execution."""
    # ruff: noqa: PLC0415 - moto is not loaded for the other measurements
    from squall.application.admission import admit, deployed
    from tests.workflow.machine import machine
    from tests.workflow.rig import LONG_HISTORY_SECONDS, environment, make_scenario, rel12_experiment, workload

    world = workload()
    world.metrics.kept_seconds = LONG_HISTORY_SECONDS  # as long as the longest case, and its baseline
    experiment = {**rel12_experiment(world), "duration": f"PT{int(case.length.total_seconds())}S"}
    experiment.pop("duration_minutes", None)
    policy = environment("staging", maximum_duration="PT12H", timing=TIMING[case.pace])
    if case.faults > 1:
        experiment["duration_minutes"] = experiment.pop("duration")
        make_scenario(experiment, policy)
    known = deployed.DeployedDefinitions(catalogue={"seed": experiment}, environments={"staging": policy})
    began = world.clock.now()
    with patch.object(admit, "load_deployed", lambda: known), machine(world) as engine:
        done = engine.run({"experiment": "seed"}, deadline_seconds=300)
    record = world.records.get("run-1")
    kinds = [event["type"] for event in done.history]
    retries = kinds.count("TaskScheduled") - kinds.count("TaskStateEntered")
    verdict = f"{done.status}: {record.reason if record else 'no record'}"
    if record and record.verdict:
        verdict = record.verdict.value
    started = next((event.at for event in record.events if event.event == EventName.FAULT_STARTED), began) if record else began
    return Counted(case, world.clock.now() - began, started - began, done.transitions + retries, len(done.history), verdict)


STEPS = (10, 100, 300, 500)
"""The lengths of the measured campaigns."""


@dataclass(frozen=True)
class CountedCampaign:
    """One finished campaign, whose steps differ and take ten minutes each."""

    steps: int
    simulated: timedelta
    transitions: int
    """The campaign's own: those of its steps' executions come on top."""
    events: int
    seconds: float
    """Processor time of all its functions on this machine, without the SDK and the network."""
    admit_seconds: float
    """Processor time of AdmitCampaign, which checks every step."""
    verdict: str

    @property
    def dollars(self) -> float:
        return self.transitions * DOLLARS


def measure_campaigns(tick: Callable[[str], None] = lambda _: None, lengths: Sequence[int] = STEPS) -> list[CountedCampaign]:
    """Runs one suite of each length."""
    counted = []
    logging.disable(logging.CRITICAL)
    try:
        for steps in lengths:
            counted.append(_count_campaign(steps))
            tick(f"a campaign of {steps} steps")
    finally:
        logging.disable(logging.NOTSET)
    return counted


def _count_campaign(steps: int) -> CountedCampaign:
    # ruff: noqa: PLC0415
    from squall.admission.campaign import plan_campaign
    from squall.application.admission import admit, deployed
    from squall.application.campaign import admit as campaign_admit
    from tests.workflow.campaign.rig import Steps, campaign_of, run_campaign
    from tests.workflow.rig import environment, rel12_experiment, workload
    from tests.workflow.walk import walking

    world = workload()
    experiment = {**rel12_experiment(world), "duration": "PT10M"}
    experiment.pop("duration_minutes", None)
    suite = {"name": "Long", "description": "d", "kind": "suite", "steps": [_make_step(number) for number in range(steps)]}
    known = deployed.DeployedDefinitions(
        {"seed": experiment}, {"staging": environment("staging", maximum_duration="PT12H")}, {"long": suite}
    )
    spent: list[float] = []

    def time_admission(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        plan = plan_campaign(*arguments, **named)
        spent.append(time.process_time() - began)
        return plan

    began, started = time.process_time(), world.clock.now()
    with (
        patch.object(admit, "load_deployed", lambda: known),
        patch.object(campaign_admit, "load_deployed", lambda: known),
        patch.object(campaign_admit, "plan_campaign", time_admission),
        walking(world) as walk,
    ):
        walk.child, walk.pulse = Steps(walk, world), False
        done = run_campaign(walk, {"campaign": "long"})
    record = campaign_of(world)
    return CountedCampaign(
        steps,
        world.clock.now() - started,
        len(done.states),
        done.events,
        time.process_time() - began,
        sum(spent),
        record.verdict.value if record.verdict else record.reason,
    )


MEMBERS, SIDE_BY_SIDE = 20, 5
FLEET_STEPS = (100, 300, 500)
"""The steps of the measured fleets, over all members together."""
RUN_SECONDS = 600


@dataclass(frozen=True)
class CountedFleet:
    """One finished campaign at home whose steps run in members."""

    members: int
    campaign: CountedCampaign
    calls: int
    """How often home asked a member for something: each enters the member's role and makes one call there."""


def measure_fleets(
    tick: Callable[[str], None] = lambda _: None, lengths: Sequence[int] = FLEET_STEPS, members: int = MEMBERS
) -> list[CountedFleet]:
    """Runs one suite of each length at home, its steps in the members in turn."""
    fleets = []
    logging.disable(logging.CRITICAL)
    try:
        for steps in lengths:
            fleets.append(_count_fleet(steps, members))
            tick(f"{steps} steps over {members} members")
    finally:
        logging.disable(logging.NOTSET)
    return fleets


def _count_fleet(steps: int, members: int) -> CountedFleet:
    # ruff: noqa: PLC0415
    from squall.application.admission import deployed
    from squall.application.campaign import admit as campaign_admit
    from squall.application.fleet import members as fleet
    from squall.domain.run.home import Member
    from tests.workflow.campaign.members.contract import MemberByContract
    from tests.workflow.campaign.rig import campaign_of, run_campaign
    from tests.workflow.rig import workload
    from tests.workflow.walk import walking

    world, names = workload(), [f"member-{number}" for number in range(members)]
    suite = {
        "name": "Fleet drill",
        "description": "d",
        "kind": "suite",
        "side_by_side": SIDE_BY_SIDE,
        "steps": [{"experiment": "seed", "name": f"step-{number}", "member": names[number % members]} for number in range(steps)],
    }
    known = deployed.DeployedDefinitions({}, {}, {"long": suite})
    entered = tuple(
        Member(name, "eu-west-1", "Squall", f"arn:aws:iam::4444555566{number:02}:role/{name}", "an-external-id")
        for number, name in enumerate(names)
    )
    world.member_runs.stacks = {member.name: MemberByContract(world.clock, member, RUN_SECONDS) for member in entered}
    began, started = time.process_time(), world.clock.now()
    with (
        patch.object(campaign_admit, "load_deployed", lambda: known),
        patch.object(fleet, "load_members", lambda _: entered),
        walking(world) as walk,
    ):
        done = run_campaign(walk, {"campaign": "long"})
    record = campaign_of(world)
    campaign = CountedCampaign(
        steps,
        world.clock.now() - started,
        len(done.states),
        done.events,
        time.process_time() - began,
        0.0,
        record.verdict.value if record.verdict else record.reason,
    )
    return CountedFleet(members, campaign, sum(call.startswith("member_runs.") for call in world.calls))


def make_fleet_table(result: Sequence[CountedFleet]) -> Table:
    """A table with one row per number of steps."""
    rows = tuple(
        (
            str(fleet.campaign.steps),
            str(fleet.members),
            _format_length(fleet.campaign.simulated),
            str(fleet.campaign.transitions),
            str(fleet.campaign.events),
            f"{fleet.campaign.events / HISTORY_LIMIT:.1%}",
            f"${fleet.campaign.dollars:.4f}",
            str(fleet.calls),
            f"{fleet.campaign.seconds:.1f}",
            fleet.campaign.verdict,
        )
        for fleet in result
    )
    columns = (
        "steps",
        "members",
        "from start to end",
        "transitions",
        "history events",
        "of the 25 000",
        "transitions cost",
        "calls in members",
        "functions s",
        "verdict",
    )
    least, most = result[0].campaign, result[-1].campaign
    each = (most.transitions - least.transitions) / (most.steps - least.steps) if most.steps > least.steps else 0.0
    note = (
        f"One campaign at home, {SIDE_BY_SIDE} steps side by side, on a simulated clock with the campaign's real machine, handlers and "
        "pulse. The members answer by their contract: each run takes ten minutes there, and leaves a record. Each further step enters "
        f"{each:g} states at home. The interpreter here enters the {SIDE_BY_SIDE} states of a round one after the other, and each is woken "
        "by the next pulse, so a round takes 14 minutes; Step Functions enters them together. Home looks once a minute while steps run, so "
        "the calls grow with the time that they take; a call enters the member's role anew. The runs' own executions are the members', and "
        "are not counted."
    )
    return Table("A campaign at home over the members of a fleet", columns, rows, (note,))


def _make_step(number: int) -> dict[str, Any]:
    """A step that differs from all others, so that each is checked by itself."""
    return {"experiment": "seed", "name": f"step-{number}", "overrides": {"duration": f"PT{600 + number}S"}}


def make_campaign_table(result: Sequence[CountedCampaign]) -> Table:
    """A table with one row per length."""
    rows = tuple(
        (
            str(counted.steps),
            _format_length(counted.simulated),
            str(counted.transitions),
            str(counted.events),
            f"{counted.events / HISTORY_LIMIT:.1%}",
            f"${counted.dollars:.4f}",
            f"{counted.seconds:.1f}",
            f"{counted.admit_seconds:.2f}",
            counted.verdict,
        )
        for counted in result
    )
    columns = (
        "steps",
        "whole campaign",
        "transitions",
        "history events",
        "of the 25 000",
        "transitions cost",
        "functions s",
        "admit s",
        "verdict",
    )
    least, most = result[0], result[-1]
    each = (most.transitions - least.transitions) / (most.steps - least.steps) if most.steps > least.steps else 0.0
    note = (
        "A suite of steps that all differ, each of ten minutes, on a simulated clock with the campaign's real machine and handlers. "
        f"The steps' own executions are not counted: the table above has them. Each further step enters {each:g} states. Seconds are "
        "processor time on this machine without the SDK and the network; AdmitCampaign has 110 s and a whole processor. Each step reads "
        "the whole plan, so that its time grows with the plan: by some milliseconds."
    )
    return Table("Transitions of a campaign by steps", columns, rows, (note,))


def make_tables(result: list[Counted]) -> list[Table]:
    """A table with one row per case."""
    rows = tuple(
        (
            counted.case.words,
            _format_length(counted.simulated),
            _format_length(counted.to_fault),
            str(counted.transitions),
            str(counted.events),
            f"{counted.events / HISTORY_LIMIT:.1%}",
            f"${counted.dollars:.4f}",
            counted.verdict,
        )
        for counted in result
    )
    columns = (
        "fault",
        "whole execution",
        "start to fault",
        "transitions",
        "history events",
        "of the 25 000",
        "transitions cost",
        "verdict",
    )
    notes = (
        (
            "The experiment of REL12-BP05 (the AWS Well-Architected document whose sample Squall makes real) with the machine, handlers "
            "and pulse of the stack on a simulated clock. Transitions are states entered "
            "plus retries, which is what Step Functions bills at $0.025 per 1000. All rows have the policy of staging with 12 hours "
            "allowed; a minute can't be guarded on metrics of a minute, so the first two have metrics of 10 seconds, 5 seconds late. "
            "The three faults of the last row take nine minutes together: memory on one instance, the loss of another one a minute later, "
            "and, a minute after memory, latency on the first."
        ),
    )
    return [Table("Transitions by length", columns, rows, notes)]


def _format_length(length: timedelta) -> str:
    seconds = round(length.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return " ".join(f"{value} {unit}" for value, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if value) or "0 s"

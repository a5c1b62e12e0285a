"""Home of a run over several Regions: it starts the parts, decides once, waits for their ends.

The run is an execution of the campaign machine. Each part is an execution of the experiment machine in its own Region, which
Step Functions can't start from here: ChooseSteps does, by names that follow from the run, so that a repeated attempt starts
nothing twice. Then the execution sleeps on a task token, at most `LONGEST_WAIT`.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from squall.application.campaign.outcomes import UNREAD_FOR, Patience, StepReading, end_step, read_steps
from squall.application.regions.decide import decide_about, wake_home, wake_parts
from squall.application.step import END, Outcome, wait_for
from squall.application.stopping.halt_flag import refuse_if_halted
from squall.domain.base.vocabulary import AbortSource
from squall.domain.campaign.definition import DEFAULT_READY
from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.regions.barrier import Decision, last_start
from squall.domain.run.record import Abort
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

LONGEST_WAIT = timedelta(minutes=10)
"""The longest time between two looks of home. The last part has it woken when it is over, or home's pulse does."""
UNSEEN_FOR = timedelta(minutes=10)
"""How long a part may have no record. Once home has decided that nobody starts, it can start nothing any more."""
REASON_CHARACTERS = 2000


def run_parts(w: Wiring, record: CampaignRecord, plan: CampaignPlan) -> Outcome:
    """`ask` to sleep until the parts have ended, at most `seconds`, `wait` to come back at once, or `end`."""
    now = w.clock.now()
    if not record.runs:
        return _begin(w, record, plan, now)
    patience = _find_patience(w, record)
    readings = read_steps(w, plan, record.running, patience=patience)
    _start_missing(w, record, plan, readings)
    decision = _decide(w, record)
    ended = [*_list_ended(readings), *_give_up_unseen(w, readings, decision, now)]
    unread = any(reading.unread for reading in readings)
    changed = replace(record.with_runs(*ended), waiting_since=(record.waiting_since or now) if unread else None, task_token="")
    if not w.campaigns.save(changed):
        return _answer(wait_for(1), record)  # an abort was written meanwhile, or another attempt of this state
    if not changed.running:
        return _answer(END, record)
    return _answer({"outcome": "ask", "seconds": _count_seconds(changed, decision, now)}, record)


def _find_patience(w: Wiring, record: CampaignRecord) -> Patience:
    """How long a Region that can't be read is waited for: until its part has ended by itself at the latest. Once home has decided
    that nobody starts, there is no fault to wait for."""
    over_by = record.over_by
    with suppress(Unavailable):
        decision = w.regions.read_decision(record.home, record.id)
        if decision is not None and not decision.start:
            over_by = min(over_by or decision.until + UNSEEN_FOR, decision.until + UNSEEN_FOR)
    return Patience(record.waiting_since, over_by)


def _decide(w: Wiring, record: CampaignRecord) -> Decision | None:
    """The decision, if there is one; what fails here is done again by home's pulse."""
    try:
        decision = decide_about(w, record)
    except (Unavailable, Refused):
        w.logger.exception("home could not decide", extra={"campaign_id": record.id})
        return None
    wake_parts(w, record, decision)
    return decision


def look_after_parts(w: Wiring, record: CampaignRecord) -> str:
    """What home's pulse does once a minute: decide, and wake whoever waits. Returns what was done; empty if nothing."""
    if not record.runs:
        return ""
    decision = decide_about(w, record)
    woken = [*wake_parts(w, record, decision), *wake_home(w, record)]
    return f"woken: {', '.join(woken)}" if woken else ""


def _begin(w: Wiring, record: CampaignRecord, plan: CampaignPlan, now: datetime) -> Outcome:
    """Write the parts and the deadline into the record, before any of them is started."""
    if record.abort is None and (halted := refuse_if_halted(w)):
        record = replace(record, abort=Abort(AbortSource.HALT, halted, now))
    if record.abort is not None:
        return _answer(END if w.campaigns.save(record) else wait_for(1), record)
    parts = record.begin_parts(tuple(step.name for step in plan.steps), now)
    start_by = now + (plan.campaign.ready_within or DEFAULT_READY)
    longest = timedelta(seconds=max(step.ends_seconds for step in plan.steps))
    w.campaigns.save(replace(record, runs=parts, start_by=start_by, over_by=last_start(start_by) + longest))
    return _answer(wait_for(1), record)


def _start_missing(w: Wiring, record: CampaignRecord, plan: CampaignPlan, readings: Sequence[StepReading]) -> None:
    """Start the parts that have no record yet. If one can't be started, nobody starts a fault: home decides so at once."""
    missing = [reading.run for reading in readings if reading.stored is None and reading.run.outcome is None]
    if record.abort is not None or not missing or w.regions.read_decision(record.home, record.id) is not None:
        return
    for run in missing:
        try:
            why = "" if w.regions.start_part(run.step, run.execution_id, _make_input(record, plan, run)) else "its name is used already"
        except (Unavailable, Refused) as error:
            why = str(error)
        if why:
            reason = f"{run.step} could not be started: {why}"
            w.regions.decide(record.id, Decision(start=False, reason=reason[:REASON_CHARACTERS], until=w.clock.now()))
            return


def _make_input(record: CampaignRecord, plan: CampaignPlan, run: StepRun) -> dict[str, Any]:
    step = plan.find_step(run.step)
    part = {
        "run": record.id,
        "home": record.home,
        "regions": [each.step for each in record.runs],
        "start_by": (record.start_by or run.begun_at).isoformat(),
        "definition_hash": step.definition_hash,
        **({"published": True} if plan.source else {}),
    }
    asked = {"overrides": step.overrides} if step.overrides else {}
    return {
        "experiment": step.experiment,
        "mode": plan.mode.value,
        **asked,
        "requested_by": record.requested_by or f"campaign {record.campaign}",
        "part": part,
    }


def _list_ended(readings: Sequence[StepReading]) -> list[StepRun]:
    return [reading.run for reading in readings if reading.run.outcome is not None]


def _give_up_unseen(w: Wiring, readings: Sequence[StepReading], decision: Decision | None, now: datetime) -> list[StepRun]:
    """The parts that have left no record, once nobody may start: they were never started, or died before they were admitted."""
    if decision is None or decision.start:
        return []
    unseen = [reading.run for reading in readings if reading.stored is None and reading.run.outcome is None and not reading.unread]
    late = [run for run in unseen if now - run.begun_at >= UNSEEN_FOR]
    return [end_step(w, run, StepOutcome.UNKNOWN, f"it has left no record; home has decided: {decision.reason}") for run in late]


def _count_seconds(record: CampaignRecord, decision: Decision | None, now: datetime) -> int:
    """How long home sleeps at most: until it has to decide, or gives up a Region that can't be read."""
    until = [now + LONGEST_WAIT]
    if decision is None and record.start_by is not None:
        until.append(record.start_by + timedelta(seconds=1))
    if record.waiting_since is not None and record.over_by is not None:
        until.append(max(record.over_by, record.waiting_since + UNREAD_FOR))
    return max(1, math.ceil((min(until) - now).total_seconds()))


def _answer(outcome: Outcome, record: CampaignRecord) -> Outcome:
    return {**outcome, "steps": [], "round": len(record.runs)}

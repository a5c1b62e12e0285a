"""Watches a running fault and its observation: sleeps on a task token, and looks at the record and at FIS whenever
something wakes it.

A token only wakes the execution. Whether the fault is over is decided from the record and from FIS, never from a
callback.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from squall.application.fault.resolved import compare_resolved
from squall.application.recovery.rollback_report import commands_of, fis_of
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.application.stopping.abort import note_abort
from squall.domain.experiment.scenario import count_links
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.ssm_state import CommandState
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.faults.plan import BoundFault, assign_commands, bind_plan, traits_of

GRACE_SECONDS = 180
"""How much longer than the fault, or than its observation, the FIS experiment may take; in a scenario, for each action of
FIS that waits for another one.

One minute is a reserve in the action itself (dispatch, dependencies); two minutes are for FIS to resolve targets, start
and complete. After that Squall stops the experiment. That is no abort, because the fault has lasted as long as planned.
"""
RESERVE_SECONDS = 60
"""The reserve in an action that is within this grace."""
LONGEST_FIRST_LOOK_SECONDS = 10
LONGEST_LOOK_AGAIN_SECONDS = 15
PROOF_SECONDS = 5
"""How often FIS is asked which targets it chose by tags, until it has shown it."""
NONE_LEFT = timedelta(0)


def watch_fault(step: Step) -> Outcome:
    """Store the task token, then look once, so that no wake-up is lost. Must not raise after it completed its own
    token.

    Whoever wakes the execution writes the reason, then reads the token. This function writes the token, then reads the
    reason. Whatever the order, at least one of the two sees the other.
    """
    if step.w.records.store_token(step.run.id, step.task_token) is None:
        # Whoever closed the run a moment ago did not know this token; the execution may be running.
        step.w.workflow.wake(step.task_token)
        return END
    record = step.w.records.get(step.run.id)
    if record is None or _must_end(step, record):
        step.w.workflow.wake(step.task_token)
    return NEXT


def seconds_to_first_look(step: Step) -> int:
    """How long after the planned end of the fault, or of its observation, the execution looks for itself, if nothing has
    woken it before."""
    return min(step.definition.environment.timing.poll_seconds, LONGEST_FIRST_LOOK_SECONDS)


def watches_for_end(step: Step) -> bool:
    """Whether the end of the fault is looked for while the run is observed: it lasts, and the observation is longer."""
    return step.definition.experiment.observes_longer and not traits_of(step.definition).ends_at_once


def observe_fault(step: Step) -> Outcome:
    """`next` once the fault and its observation are over or have to be ended; until then `wait`. Where FIS chooses targets by
    tags, it is looked at in short steps until it has shown that they are the pinned ones."""
    step.w.records.clear_token(step.run.id, step.record.token_generation)
    if _must_end(step, step.record):
        return NEXT
    if step.record.lead_seconds and not step.record.happened(EventName.PINS_PROVEN) and (outcome := _prove_pins(step)):
        return outcome
    looks_for_end = watches_for_end(step) and not step.record.happened(EventName.FAULT_OVER) and not _note_fault_over(step)
    return wait_for(_seconds_to_sleep(step, step.record, looks_for_end=looks_for_end))


def _prove_pins(step: Step) -> Outcome | None:
    """What to do until FIS has shown that it chose the pinned targets by their tags; None once it has. A choice that is another
    one, or is not shown in time, aborts the run before the fault begins: StopFault comes next."""
    fis = step.w.faults.get(step.record.fis_experiment_id or "")
    if fis is None:
        return NEXT
    if abort := compare_resolved(step.w, step.record, fis, "ObserveFault"):
        note_abort(step.w, step.run.id, abort, [], step.w.clock.now())
        return NEXT
    record = step.w.records.get(step.run.id)
    return None if record and record.happened(EventName.PINS_PROVEN) else wait_for(PROOF_SECONDS)


def _must_end(step: Step, record: ExecutionRecord) -> bool:
    """Whether the run must not be observed any longer: aborted, ended in FIS, unknown to FIS, another run's, past its time,
    its fault is past the fault's own time, or its commands have ended and the observation is over."""
    if record.final or record.abort is not None or record.fis_experiment_id is None:
        return True
    fis = step.w.faults.get(record.fis_experiment_id)
    if fis is None or not fis.belongs_to(step.w.settings.stack, step.run.id):
        return True
    if fis.terminal or _time_left(step, record, record.observed_seconds + _grace_seconds(step)) <= NONE_LEFT:
        return True
    return _is_overdue(step, record, fis) or _commands_ended(step, record, fis)


def _is_overdue(step: Step, record: ExecutionRecord, fis: FisExperiment) -> bool:
    """Whether FIS still injects a fault that should have ended by itself, although the run is to be observed for longer. A
    fault whose commands have ended is over, whatever FIS says of its action."""
    if (
        not watches_for_end(step)
        or record.happened(EventName.FAULT_OVER)
        or _time_left(step, record, record.fault_seconds + _grace_seconds(step)) > NONE_LEFT
    ):
        return False
    return any(action.injects and action.ended_at is None for action in fis.actions)


def _seconds_to_sleep(step: Step, record: ExecutionRecord, *, looks_for_end: bool) -> float:
    """The seconds to sleep: until just after the planned end of the fault if that is looked for, else of the observation;
    short steps after that."""
    look_again = min(step.definition.environment.timing.poll_seconds, LONGEST_LOOK_AGAIN_SECONDS)
    until_observed = _time_left(step, record, record.observed_seconds + seconds_to_first_look(step)).total_seconds()
    if looks_for_end and _time_left(step, record, record.fault_seconds + _grace_seconds(step)) > NONE_LEFT and until_observed > 0:
        until_over = _time_left(step, record, record.fault_seconds + seconds_to_first_look(step)).total_seconds()
        return min(until_observed, until_over if until_over > 0 else look_again)
    if until_observed > 0:
        return until_observed
    return min(_time_left(step, record, record.observed_seconds + _grace_seconds(step)).total_seconds(), look_again)


def _note_fault_over(step: Step) -> bool:
    """Whether the fault is over, by its commands or by FIS's actions. If so, write it into the timeline and tell machines,
    so that nobody takes the observation for the fault. Not known if AWS can't be asked: the next look asks again."""
    if _time_left(step, step.record, step.record.fault_seconds) > NONE_LEFT:
        return False
    try:
        over_at = _find_fault_end(step)
    except (Unavailable, Refused):
        return False
    if over_at is None:
        return False
    until = (step.record.begins_at or step.now) + timedelta(seconds=step.record.observed_seconds)
    step.w.records.append(step.run.id, [Event(over_at, EventName.FAULT_OVER, f"the run is observed until {until:%Y-%m-%d %H:%M:%S} UTC")])
    step.announce(f"the fault was over at {over_at:%H:%M:%S} UTC; the run is observed until {until:%H:%M:%S} UTC")
    return True


def _find_fault_end(step: Step) -> datetime | None:
    """When the last target was free of the last fault; None while that is not known of one of the faults."""
    fis, plan = fis_of(step), bind_plan(step.definition)
    by_fault = assign_commands(plan, commands_of(step), fis)
    ends = [_find_end_of_commands(step, by_fault[b.name]) if b.name in by_fault else _find_end_of_actions(b, fis) for b in plan]
    known = [at for at in ends if at is not None]
    return max(known) if len(known) == len(ends) else None


def _find_end_of_commands(step: Step, sent: Mapping[str, Sequence[CommandState]]) -> datetime | None:
    """When the last command of a fault ended. FIS's action on an agent may end before the agent's command, or after it."""
    commands = [command for invocations in sent.values() for command in invocations]
    known = bool(commands) and all(sent.values()) and not any(command.active for command in commands)
    return max(command.ended_at or step.now for command in commands) if known else None


def _find_end_of_actions(bound: BoundFault, fis: FisExperiment | None) -> datetime | None:
    ends = [action.ended_at for action in bound.list_injecting(fis)]
    known = [at for at in ends if at is not None]
    return max(known) if known and len(known) == len(ends) else None


def _grace_seconds(step: Step) -> int:
    """The grace, and the time that a document needs to undo what it did: to stop it meanwhile would leave the fault."""
    reserves = [bound.fault.action_length(bound.planned.length) - bound.planned.length for bound in bind_plan(step.definition)]
    beyond = max(reserves) - timedelta(seconds=RESERVE_SECONDS)
    links = count_links(step.definition.experiment.plan) + bool(step.record.lead_seconds)
    return GRACE_SECONDS * links + max(0, int(beyond.total_seconds()))


def _commands_ended(step: Step, record: ExecutionRecord, fis: FisExperiment) -> bool:
    """Whether the time of all faults, or of their observation, is over, and so are they: those that agents carry out by
    their commands, of which there is one at least, and the others by FIS's actions.

    The rest of FIS's experiment is only a reserve of time, which protects nothing and is billed.
    """
    if _time_left(step, record, record.observed_seconds) > NONE_LEFT:
        return False
    plan = bind_plan(step.definition)
    by_fault = assign_commands(plan, commands_of(step), fis)
    sent = [invocations for commands in by_fault.values() for invocations in commands.values()]
    commands = [command for invocations in sent for command in invocations]
    if not sent or not all(sent) or any(command.active for command in commands):
        return False
    if not all(_has_ended(bound, fis) for bound in plan if bound.name not in by_fault):
        return False
    if not step.definition.experiment.observes_longer:
        return True
    effects = [
        max(command.started_at or command.requested_at for invocations in by_target.values() for command in invocations)
        for by_target in by_fault.values()
    ]
    effect_at = min(effects)  # of the first fault; FIS's own wait lives as long as the observation in any case
    return step.w.clock.now() >= effect_at + step.definition.experiment.observed_length


def _has_ended(bound: BoundFault, fis: FisExperiment) -> bool:
    """Whether FIS is through with all actions of the fault, with the wait beside one that is over at once."""
    own = [action for action in fis.actions if bound.owns(action.name)]
    return bool(own) and all(action.ended_at for action in own)


def _time_left(step: Step, record: ExecutionRecord, seconds: int) -> timedelta:
    """The time until so many seconds after the faults begin; negative after that."""
    started = record.begins_at or step.now
    return started + timedelta(seconds=seconds) - step.w.clock.now()

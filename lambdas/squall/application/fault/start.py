"""What StartFault asks before it starts a fault and again right after: whoever halts or closes meanwhile wins."""

from collections.abc import Mapping
from typing import Any

from squall.application.fault.template import template_differences
from squall.application.step import Step
from squall.application.stopping.abort import note_abort
from squall.application.stopping.halt import refusal
from squall.domain.approval.votes import Standing, standing
from squall.domain.run.aws_state import FisExperiment
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.safety.fis_template import find_differences
from squall.domain.vocabulary import AbortSource, Status


def halted(step: Step) -> bool:
    """Whether the stack is halted; then the run ends for that reason."""
    why = refusal(step.w)
    if why:
        _end(step, AbortSource.HALT, why)
    return bool(why)


def withdrawn(step: Step, record: ExecutionRecord) -> bool:
    """Whether somebody rejected the run after FinalCheck. A vote is written before `starting` is looked for, which was written before
    the votes are looked at here: one of both sees the other."""
    if record.ask is None:
        return False
    stands, said = standing(record.ask, record.votes, step.w.clock.now())
    if stands is not Standing.REJECTED:
        return False
    step.reject(said)
    return True


def replaced(step: Step) -> bool:
    """Whether FIS would start something else than this run compiled: a template that was edited, or another run's."""
    differences = template_differences(step)
    if differences:
        step.reject(f"the FIS template is not the one that was checked: {'; '.join(differences)}"[:2000])
    return bool(differences)


def keep(step: Step, record: ExecutionRecord, fis: FisExperiment, seconds: int, compiled: Mapping[str, Any]) -> bool:
    """Record the fault that has just started. False if it may not go on: then it was stopped.

    A halt sets the flag, then lists what runs. This function starts the fault, then reads the flag. Whatever the order, at least one
    of the two sees the other. The template may have been edited between the comparison and the start, so the experiment is compared,
    too.
    """
    why = refusal(step.w)
    differences = "; ".join(find_differences(compiled, fis.answer))
    if why or differences:
        step.w.faults.stop(fis.id)  # before anything is written: the table may be the broken part
    recorded = step.note(
        "fault_started",
        fis.id,
        status=Status.RUNNING,
        fis_experiment_id=fis.id,
        fault_started_at=record.fault_started_at or fis.started_at or step.w.clock.now(),
        fault_seconds=seconds,
    )
    if why:
        _end(step, AbortSource.HALT, why)
    elif differences:
        _end(step, AbortSource.OUTSIDE, f"FIS started something else than was checked: {differences}"[:2000])
    elif recorded and not _closed(step.w.records.get(step.run.id)):
        return True
    else:
        step.w.faults.stop(fis.id)
    step.w.records.append(step.run.id, [step.event("late_start_stopped", fis.id)])
    return False


def _end(step: Step, source: AbortSource, why: str) -> None:
    now = step.w.clock.now()
    note_abort(step.w, step.run.id, Abort(source, why, now), [], now)


def _closed(record: ExecutionRecord | None) -> bool:
    return record is None or record.final or record.abort is not None

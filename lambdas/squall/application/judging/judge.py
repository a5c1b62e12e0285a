"""Judges a run: windows, measurements, criteria, verdict."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from squall.application.judging.fault_signals import read_signals
from squall.application.judging.fault_times import list_fault_times
from squall.application.metrics.guard_alarms import guards_of
from squall.application.metrics.run_measurements import Measurements, measure_run
from squall.application.step import Step
from squall.domain.base.vocabulary import RollbackOutcome, Status
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.fault import FaultReport
from squall.domain.documents.judgement import Judgement
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.series import StatisticsDocument
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.judging.criteria import judge_criteria
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.reaction_times import compute_times
from squall.domain.judging.verdict import decide_ending
from squall.domain.language.sentences import AlarmFires, AlarmOk
from squall.domain.run.alarm_state import AlarmHistory
from squall.domain.run.record import Abort
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.faults.plan import traits_of


def judge_run(step: Step) -> None:
    """Measure every window, judge every criterion, and write the judgement. If nothing was injected, there is nothing
    to judge.
    """
    if step.record.fis_experiment_id is None or step.record.decided_status is Status.FAILED or step.failure:
        return
    measurements = measure_run(step)
    inputs = _make_inputs(step, measurements)
    criteria = judge_criteria(inputs)
    rollback = step.find(RollbackReport)
    proven = rollback is not None and rollback.proven
    signals = read_signals(step, measurements.windows, rollback.proofs if rollback else ())
    broken = _list_failures(step.find(FaultReport), rollback.not_begun if rollback else ())
    times = compute_times(step.record, inputs.effect_at, inputs.fault_end, inputs.alarms_fired, inputs.recovery)
    decision = decide_ending(
        criteria=criteria,
        abort=_in_words(step, inputs, times),
        injected=True,
        proven=proven,
        invalid_reason=_why_invalid(signals, broken) if proven else _why_unproven(step, rollback, broken),
        not_restored=_not_restored(rollback),
    )
    step.put(
        Judgement(
            at=step.now,
            criteria=criteria,
            verdict=decision.verdict,
            hypothesis_validated=decision.hypothesis_validated,
            status=decision.status,
            reason=decision.reason,
            values=measurements.values,
            times=times,
            signals=signals,
            faults=list_fault_times(step, measurements, rollback, inputs.alarms_fired),
        ),
    )
    step.note(EventName.JUDGED, decision.reason, decided_status=decision.status, decided_verdict=decision.verdict, reason=decision.reason)


def _make_inputs(step: Step, measurements: Measurements) -> JudgeInput:
    criteria = [parsed for _, _, parsed in parse_sentences(step.definition.experiment).criteria]
    alarms = [parsed.alarm for parsed in criteria if isinstance(parsed, AlarmFires)]
    kept_ok = dict.fromkeys(parsed.alarm for parsed in criteria if isinstance(parsed, AlarmOk))
    compared = step.find(StatisticsDocument)
    return JudgeInput(
        definition=step.definition,
        discovery=step.discovery,
        traits=traits_of(step.definition),
        baseline=step.find(Baseline),
        effect_at=measurements.windows.effect_at,
        fault_end=measurements.windows.fault_end,
        windows=measurements.by_name,
        series={name: measurements.inside(name, step.discovery.bindings) for name in measurements.by_name},
        finer=measurements.finer,
        run_series=measurements.series,
        values=measurements.values,
        alarms_fired={name: _find_first_firing(step, name, measurements.windows.effect_at) for name in alarms},
        alarm_histories=_read_histories(step, kept_ok, measurements.windows.effect_at),
        alarms_read_at=step.now,
        recovery=step.find(Recovery),
        spans={name: span for name, span in measurements.windows.spans.items() if name},
        statistics={metric.metric: metric for metric in compared.statistics} if compared else {},
    )


def _find_first_firing(step: Step, name: str, since: datetime) -> datetime | None:
    firing = step.w.alarms.fired_since(name, since)
    return firing.at if firing else None


def _read_histories(step: Step, names: Iterable[str], since: datetime) -> dict[str, AlarmHistory]:
    """The states of each alarm since the effect. An alarm that is gone, or can't be asked, is left out: its criterion
    can't be told."""
    histories = {}
    for name in names:
        try:
            history = step.w.alarms.history_since(name, since)
        except (Unavailable, Refused) as error:
            step.note(EventName.NOT_ANSWERED, str(error)[:500])
            continue
        if history is not None:
            histories[name] = history
    return histories


def _not_restored(rollback: RollbackReport | None) -> tuple[str, ...]:
    if rollback is None or rollback.outcome is not RollbackOutcome.NOT_RESTORED:
        return ()
    return rollback.differences or ("the workload is not as before",)


def _list_failures(report: FaultReport | None, not_begun: Sequence[str]) -> tuple[str, ...]:
    """What FIS reports as failed or skipped, for the experiment and for each action. The state of the targets plays no
    part. `not_begun`: faults that an abort kept from beginning, whose actions failed nothing."""
    if report is None:
        return ()
    failed = [f"FIS failed ({report.error_code or 'no code'}): {report.reason}"] if report.status == "failed" else []
    begun = [action for action in report.actions if action.get("name", "").partition(".")[0] not in not_begun]
    actions = (action for action in begun if action.get("status") in {"failed", "skipped"})
    return (*failed, *(f"the action {action['name']} {_describe_failure(action)}" for action in actions))


def _describe_failure(action: Mapping[str, str]) -> str:
    reason = action.get("reason", "")
    return f"{'failed' if action['status'] == 'failed' else 'was skipped'}{f': {reason}' if reason else ''}"


def _why_invalid(signals: Sequence[SignalReading], broken: Sequence[str]) -> str:
    """Why the fault does not count although its targets or its mechanism prove it; empty if nothing contradicts it."""
    return "; ".join((*broken, *(signal.detail for signal in signals if signal.reading == "contradicted")))


def _why_unproven(step: Step, rollback: RollbackReport | None, broken: Sequence[str]) -> str:
    """Why the fault does not count as injected: what FIS reports, and each target that was not hit. All targets must be
    hit.
    """
    if rollback is None or not rollback.proofs:
        unseen = "no target was resolved" if not step.discovery.pinned else "no evidence that the fault happened could be read"
        return "; ".join((*broken, unseen))
    missed = [proof for proof in rollback.proofs if not proof.proven]
    several = f"{len(missed)} of {len(rollback.proofs)} targets were not hit: " if len(rollback.proofs) > 1 else ""
    return "; ".join((*broken, several + "; ".join(_describe_miss(proof) for proof in missed)))


def _describe_miss(proof: Proof) -> str:
    return proof.detail if proof.target in proof.detail else f"{proof.target}: {proof.detail}"


def _in_words(step: Step, inputs: JudgeInput, times: Times) -> Abort | None:
    """The abort, with the guard's sentence in place of its alarm's name; and whether the fault was already over then."""
    abort = step.record.abort
    if abort is None:
        return None
    phrase = guards_of(step).words.get(abort.by)
    if phrase is not None:
        abort = replace(abort, reason=abort.reason.replace(f"guard {abort.by}", f"the {phrase}"), by="")
    asked_at = times.abort_requested_at or abort.at
    if not inputs.definition.experiment.observes_longer or inputs.traits.ends_at_once or asked_at <= inputs.fault_end:
        return abort
    return replace(abort, reason=f"{abort.reason}; the fault was already over, since {inputs.fault_end:%H:%M:%S} UTC")

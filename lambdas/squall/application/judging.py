"""The judgement of a run: windows, measurements, criteria, verdict."""

from dataclasses import replace
from datetime import datetime

from squall.application.aftermath import fis_of
from squall.application.measuring import SeriesByMetric, read_series, read_values
from squall.application.step import Step
from squall.application.windows_of_run import Windows, windows_of
from squall.domain.bindings import sentences
from squall.domain.documents import Baseline, FaultReport, Guards, Judgement, Recovery, RollbackReport, SeriesDocument
from squall.domain.judge import JudgeInput, judge
from squall.domain.language import AlarmFires
from squall.domain.metrics import Window
from squall.domain.record import Abort
from squall.domain.verdict import decide
from squall.domain.vocabulary import RollbackOutcome, Status

Values = dict[str, dict[str, float | None]]


def judge_run(step: Step) -> None:
    """Measure every window, judge every criterion, and write what the run is worth. Nothing injected: nothing to judge."""
    if step.record.fis_experiment_id is None or step.record.decided_status is Status.FAILED or step.failure:
        return
    windows = windows_of(step, fis_of(step), _recovery_until(step))
    measured: dict[str, Window] = {window.name: window for window in (windows.baseline, windows.fault, windows.recovery) if window}
    series: dict[str, SeriesByMetric] = {
        name: read_series(step.w.metrics, step.discovery.bindings, window) for name, window in measured.items()
    }
    values: Values = {name: read_values(step.w.metrics, step.discovery.bindings, window, series[name]) for name, window in measured.items()}
    criteria = judge(_given(step, windows, measured, series, values))
    rollback = step.find("rollback", RollbackReport)
    proven = rollback is not None and bool(rollback.proofs) and all(proof.proven for proof in rollback.proofs)
    decision = decide(
        criteria=criteria,
        abort=_in_words(step),
        injected=True,
        proven=proven,
        invalid_reason="" if proven else _why_unproven(step, rollback),
        not_restored=_not_restored(rollback),
    )
    step.put("series", SeriesDocument(windows=tuple(measured.values()), series=series))
    step.put(
        "judgement",
        Judgement(
            at=step.now,
            criteria=criteria,
            verdict=decision.verdict,
            hypothesis_validated=decision.hypothesis_validated,
            status=decision.status,
            reason=decision.reason,
            values=values,
        ),
    )
    step.note("judged", decision.reason, decided_status=decision.status, decided_verdict=decision.verdict, reason=decision.reason)


def _recovery_until(step: Step) -> datetime:
    recovery = step.find("recovery", Recovery)
    return recovery.observed_until if recovery and recovery.observed_until else step.now


def _given(step: Step, windows: Windows, measured: dict[str, Window], series: dict[str, SeriesByMetric], values: Values) -> JudgeInput:
    alarms = [parsed.alarm for _, _, parsed in sentences(step.definition.experiment).criteria if isinstance(parsed, AlarmFires)]
    return JudgeInput(
        definition=step.definition,
        discovery=step.discovery,
        baseline=step.find("baseline", Baseline),
        effect_at=windows.effect_at,
        fault_end=windows.fault_end,
        windows=measured,
        series=series,
        values=values,
        alarms_fired={name: step.w.alarms.fired_since(name, windows.effect_at) for name in alarms},
        recovery=step.find("recovery", Recovery),
    )


def _not_restored(rollback: RollbackReport | None) -> tuple[str, ...]:
    if rollback is None or rollback.outcome is not RollbackOutcome.NOT_RESTORED:
        return ()
    return rollback.differences or ("the workload is not as before",)


def _why_unproven(step: Step, rollback: RollbackReport | None) -> str:
    report = step.find("fault", FaultReport)
    if report and report.status == "failed":
        return f"FIS failed ({report.error_code or 'no code'}): {report.reason}"
    if rollback is None or not rollback.proofs:
        return "no evidence that the fault happened could be read"
    return "; ".join(proof.detail for proof in rollback.proofs if not proof.proven)


def _in_words(step: Step) -> Abort | None:
    """The abort with the guard's own sentence instead of its alarm's name."""
    abort = step.record.abort
    guards = step.find("guards", Guards) if abort else None
    said = guards.words.get(abort.by) if abort and guards else None
    return replace(abort, reason=f"the {said} fired", by="") if abort and said else abort

"""The judgement of a run: windows, measurements, criteria, verdict."""

from dataclasses import replace

from squall.application.disproving import disproved
from squall.application.measured import Measured, measured
from squall.application.step import Step
from squall.domain.bindings import sentences
from squall.domain.documents import Baseline, FaultReport, Guards, Judgement, Recovery, RollbackReport, StatisticsDocument
from squall.domain.judge import JudgeInput, judge
from squall.domain.language import AlarmFires
from squall.domain.record import Abort
from squall.domain.times import times
from squall.domain.verdict import decide
from squall.domain.vocabulary import RollbackOutcome, Status


def judge_run(step: Step) -> None:
    """Measure every window, judge every criterion, and write what the run is worth. Nothing injected: nothing to judge."""
    if step.record.fis_experiment_id is None or step.record.decided_status is Status.FAILED or step.failure:
        return
    found = measured(step)
    given = _given(step, found)
    criteria = judge(given)
    rollback = step.find("rollback", RollbackReport)
    proven = rollback is not None and bool(rollback.proofs) and all(proof.proven for proof in rollback.proofs)
    decision = decide(
        criteria=criteria,
        abort=_in_words(step),
        injected=True,
        proven=proven,
        invalid_reason="; ".join(disproved(step, found.windows)) if proven else _why_unproven(step, rollback),
        not_restored=_not_restored(rollback),
    )
    step.put(
        "judgement",
        Judgement(
            at=step.now,
            criteria=criteria,
            verdict=decision.verdict,
            hypothesis_validated=decision.hypothesis_validated,
            status=decision.status,
            reason=decision.reason,
            values=found.values,
            times=times(step.record, given.effect_at, given.fault_end, given.alarms_fired, given.recovery),
        ),
    )
    step.note("judged", decision.reason, decided_status=decision.status, decided_verdict=decision.verdict, reason=decision.reason)


def _given(step: Step, found: Measured) -> JudgeInput:
    alarms = [parsed.alarm for _, _, parsed in sentences(step.definition.experiment).criteria if isinstance(parsed, AlarmFires)]
    compared = step.find("statistics", StatisticsDocument)
    return JudgeInput(
        definition=step.definition,
        discovery=step.discovery,
        baseline=step.find("baseline", Baseline),
        effect_at=found.windows.effect_at,
        fault_end=found.windows.fault_end,
        windows=found.by_name,
        series={name: found.inside(name) for name in found.by_name},
        values=found.values,
        alarms_fired={name: step.w.alarms.fired_since(name, found.windows.effect_at) for name in alarms},
        recovery=step.find("recovery", Recovery),
        statistics={one.metric: one for one in compared.statistics} if compared else {},
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

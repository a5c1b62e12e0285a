"""The story of a run in one paragraph. Every sentence rests on evidence; without evidence there is no sentence."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, RollbackOutcome, Status
from squall.domain.documents.metrics.statistics import Comparison
from squall.domain.run.timeline import EventName
from squall.faults import registry
from squall.faults.registry import UnknownFaultError
from squall.reporting.charts import metric_title
from squall.reporting.formatting import format_clock, format_date, format_duration, format_quantity, join_items
from squall.reporting.run_facts import Facts

_BY = {
    AbortSource.GUARD: "A guard aborted it",
    AbortSource.BLIND_GUARD: "It was aborted because a guard had no data",
    AbortSource.OPERATOR: "An operator aborted it",
    AbortSource.HALT: "A halt of the whole stack ended it",
    AbortSource.OUTSIDE: "It was stopped from outside",
    AbortSource.UNKNOWN: "FIS stopped it for an unknown reason",
}
"""Who ended the fault early."""
_LEFT = {
    RollbackOutcome.RESTORED: "Afterwards everything was as before.",
    RollbackOutcome.RECOVERED: "What the fault removed can’t be put back; the workload replaced it.",
    RollbackOutcome.NOT_RESTORED: "Afterwards the workload was not as before.",
    RollbackOutcome.NOT_NEEDED: "Nothing had to be undone.",
}
"""What was left of the fault."""
HYPOTHESIS = {True: "The hypothesis held", False: "The hypothesis did not hold", None: "The hypothesis was not decided"}


def write_story(facts: Facts) -> str:
    """The story in a few sentences."""
    return " ".join(
        [
            *_describe_beginning(facts),
            *_describe_metrics(facts),
            *_describe_ending(facts),
            f"{HYPOTHESIS[facts.result.hypothesis_validated]}: {facts.result.reason}.",
        ]
    )


def _describe_beginning(facts: Facts) -> Iterable[str]:
    at = format_date(facts.result.start_time)
    where = f", in {facts.result.environment}," if facts.result.environment else ""
    if facts.record.fault_started_at is None:
        yield f"On {at}{where} this run began, and nothing was injected."
        yield from _describe_refusal(facts)
        return
    yield f"On {at}{where} Squall {_describe_action(facts)}."
    if facts.baseline:
        rate = facts.baseline.requests_per_second
        traffic = f", at {rate:.3g} requests per second," if rate is not None else ""
        held = "held" if facts.baseline.steady else "did not hold"
        span = format_duration(facts.baseline.window.end - facts.baseline.window.start)
        yield f"Over the {span} before it{traffic} the steady state {held}."
    yield from _describe_proofs(facts)


def _describe_proofs(facts: Facts) -> Iterable[str]:
    """Where the fault is proven and where not, and whether a metric of the mechanism contradicts the proofs."""
    proofs = facts.result.rollback.proofs if facts.result.rollback else ()
    proven, missed = [proof for proof in proofs if proof.proven], [proof for proof in proofs if not proof.proven]
    if proven:
        everywhere = "every target" if not missed else f"{len(proven)} of {len(proofs)} targets"
        yield f"The fault is proven on {everywhere} ({proven[0].detail}{', …' if len(proven) > 1 else ''})."
    if missed:
        more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
        yield f"It is not proven on {join_items([proof.target for proof in missed[:3]])}{more} ({missed[0].detail})."
    contradicted = list(
        dict.fromkeys(target for signal in facts.result.signals if signal.reading == "contradicted" for target in signal.targets)
    )
    if contradicted:
        more = f" and {len(contradicted) - 3} more" if len(contradicted) > 3 else ""
        yield f"A metric of the mechanism contradicts that on {join_items(contradicted[:3])}{more}."


def _describe_action(facts: Facts) -> str:
    pinned = facts.discovery.pinned if facts.discovery else ()
    verb, ends_at_once = _describe_fault(facts)
    targets = join_items([f"{target.id} in {target.zone}" if target.zone else target.id for target in pinned[:3]]) or "its targets"
    more = f" and {len(pinned) - 3} more" if len(pinned) > 3 else ""
    of = f" ({len(pinned)} of {len(facts.discovery.workload.resources)} candidates)" if facts.discovery and pinned else ""
    seconds = facts.definition.experiment.length.total_seconds() if facts.definition else 0.0
    planned = f", {'watched ' if ends_at_once else ''}for {format_duration(seconds)}" if seconds else ""
    return f"{verb} {targets}{more}{of}{planned}"


def _describe_fault(facts: Facts) -> tuple[str, bool]:
    """What the fault did to its targets, and whether it was over at once. If this version does not know the fault, only
    its name."""
    if facts.definition is not None:
        with suppress(UnknownFaultError, InvalidInput):
            return registry.bind_fault(facts.definition).verb, registry.traits_of(facts.definition).ends_at_once
    return f"injected {facts.result.experiment_type or 'a fault'} into", False


def _describe_refusal(facts: Facts) -> Iterable[str]:
    failed = [check.name for check in facts.result.safety_checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}]
    if failed:
        named = join_items(failed[:5]) + (" …" if failed[5:] else "")
        yield f"{len(failed)} of {len(facts.result.safety_checks)} safety checks did not pass: {named}."
    if facts.result.problems:
        yield f"What was asked has {len(facts.result.problems)} problem{'s' if len(facts.result.problems) > 1 else ''}."
    if facts.result.status is Status.PLANNED:
        yield "It was a plan: everything but the fault was prepared, and removed again."


def _describe_metrics(facts: Facts) -> Iterable[str]:
    """The bound metrics before and during the fault."""
    collected = facts.result.metrics_collected
    before, during = collected.get("baseline", {}), collected.get("fault", {})
    if not isinstance(before, Mapping) or not isinstance(during, Mapping) or facts.discovery is None:
        return
    steady = {metric.metric for metric in facts.result.statistics if any(map(_no_change, metric.comparisons))}
    sentences = []
    for binding in facts.discovery.bindings:
        was, became = before.get(binding.name), during.get(binding.name)
        if was is None or became is None:
            continue
        old, new = format_quantity(was, binding.unit), format_quantity(became, binding.unit)
        moved = f"stayed at {new}" if old == new else f"stayed at about {new}" if binding.name in steady else f"went from {old} to {new}"
        sentences.append(f"{metric_title(binding.name)} {moved}")
    if sentences:
        yield f"During the fault, {join_items(sentences[:4])}."


def _no_change(comparison: Comparison) -> bool:
    """Whether the metric stayed where it was during the fault.

    A change that happens every day at this hour is no difference, but the metric has moved all the same.
    """
    moved = abs((comparison.after or 0.0) - (comparison.before or 0.0)) > 0.1 * abs(comparison.before or 0.0)
    return comparison.windows == ("baseline", "fault") and comparison.conclusion == "no_difference" and not (comparison.usual and moved)


def _describe_ending(facts: Facts) -> Iterable[str]:
    yield from _describe_abort(facts)
    if facts.record.fault_started_at is None:
        return
    recovery = facts.result.recovery
    if recovery and recovery.recovered and recovery.seconds_to_recover is not None:
        yield f"The workload recovered {format_duration(recovery.seconds_to_recover)} after the fault took effect."
    elif recovery:
        yield f"While it was watched the workload did not recover: {recovery.detail}."
    if facts.result.rollback:
        yield _LEFT[facts.result.rollback.outcome]
        if facts.result.rollback.differences:
            yield f"What differs: {'; '.join(facts.result.rollback.differences)}."
    criteria = facts.result.criteria
    if criteria:
        met = sum(criterion.outcome is CriterionOutcome.MET for criterion in criteria)
        unknown = sum(criterion.outcome is CriterionOutcome.CANNOT_TELL for criterion in criteria)
        yield f"{met} of {len(criteria)} criteria were met{f', {unknown} could not be decided' if unknown else ''}."


def _describe_abort(facts: Facts) -> Iterable[str]:
    abort = facts.record.abort
    if abort is None:
        return
    stopped, at = facts.record.fault_ended_at, _alarm_time(facts) or abort.at
    after = (
        f" {format_duration(seconds_between(facts.effect_at, at))} after the fault took effect"
        if facts.effect_at and at > facts.effect_at
        else ""
    )
    ended = f"; FIS had stopped {format_duration(seconds_between(at, stopped))} later" if stopped and stopped >= at else ""
    yield f"{_BY[abort.source]} at {format_clock(at)} UTC{after}{ended}."


def _alarm_time(facts: Facts) -> datetime | None:
    """When the guard fired. The abort is recorded later, and FIS may already have stopped by then."""
    if facts.record.abort is None or facts.record.abort.source not in {AbortSource.GUARD, AbortSource.BLIND_GUARD}:
        return None
    return min((event.at for event in facts.result.timeline if event.event == EventName.ALARM), default=None)


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds from start to end."""
    return (end - start).total_seconds()

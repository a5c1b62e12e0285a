"""The story of a run in one paragraph. Every sentence rests on evidence; without evidence there is no sentence."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, RollbackOutcome, Status
from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.documents.metrics.statistics import Comparison
from squall.domain.judging.fault_times import describe_fault_times
from squall.domain.resources.base import Resource
from squall.faults.plan import bind_plan
from squall.faults.registry import UnknownFaultError
from squall.reporting.charts import count_missing, find_extremes, metric_title
from squall.reporting.formatting import format_clock, format_date, format_duration, format_quantity, join_items, spell_out
from squall.reporting.run_facts import Facts, RecoveredIn

_BY = {
    AbortSource.GUARD: "A guard aborted it",
    AbortSource.BLIND_GUARD: "It was aborted because a guard had no data",
    AbortSource.OPERATOR: "An operator aborted it",
    AbortSource.HALT: "A halt of the whole stack ended it",
    AbortSource.OUTSIDE: "It was stopped from outside",
    AbortSource.PEER: "It was stopped because of another Region",
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
LENGTH_TOLERANCE = 0.05
"""A fault that lasted as long as planned up to this share, or up to two seconds, lasted as long as planned."""
ABOUT = 0.1
"""Values that differ by at most this share are about the same."""
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
HYPOTHESIS = {True: "The hypothesis held", False: "The hypothesis did not hold", None: "The hypothesis was not decided"}


def write_story(facts: Facts) -> str:
    """The story in a few sentences."""
    return " ".join(list_sentences(facts))


def list_sentences(facts: Facts) -> tuple[str, ...]:
    """The sentences of the story."""
    return (
        *_describe_beginning(facts),
        *_describe_metrics(facts),
        *_describe_ending(facts),
        f"{HYPOTHESIS[facts.result.hypothesis_validated]}: {_shorten_ids(facts.result.reason).rstrip('.')}.",
    )


def _describe_beginning(facts: Facts) -> Iterable[str]:
    at = format_date(facts.result.start_time)
    where = f", in {facts.result.environment}," if facts.result.environment else ""
    if facts.record.fault_started_at is None or facts.record.ended_in_lead:
        unknown = facts.record.may_have_started and facts.result.status is Status.FAILED
        nothing = "whether its fault was injected is not known" if unknown else "nothing was injected"
        yield f"On {at}{where} this run began, and {nothing}."
        yield from _describe_refusal(facts)
        return
    yield f"On {at}{where} Squall {_describe_action(facts)}."
    if facts.baseline:
        rate = facts.baseline.requests_per_second
        traffic = f", at {rate:.3g} requests per second," if rate is not None else ""
        held = "held" if facts.baseline.steady else "did not hold"
        span = format_duration(facts.baseline.window.end - facts.baseline.window.start)
        left_out = ", without the parts that other experiments disturbed," if facts.baseline.cut else ""
        yield f"Over the {span} before it{left_out or traffic} the steady state {held}."
    yield from _describe_proofs(facts)


def _describe_proofs(facts: Facts) -> Iterable[str]:
    """Where the fault is proven and where not, and whether a metric of the mechanism contradicts the proofs."""
    proofs = facts.result.rollback.proofs if facts.result.rollback else ()
    proven, missed = [proof for proof in proofs if proof.proven], [proof for proof in proofs if not proof.proven]
    targets = max(len(proofs), len(facts.discovery.pinned) if facts.discovery else 0)
    if proven:
        everywhere = "every target" if len(proven) == targets else f"{len(proven)} of {targets} targets"
        yield f"The fault is proven on {everywhere} ({_shorten_ids(proven[0].detail)}{', …' if len(proven) > 1 else ''})."
    if missed:
        more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
        yield f"It is not proven on {join_items([proof.target for proof in missed[:3]])}{more} ({_shorten_ids(missed[0].detail)})."
    yield from (f"{describe_fault_times(times)}." for times in facts.result.faults if times.effect_at)
    if never := _list_not_begun(facts):
        yield f"{join_items(list(never))} never began, because the run was aborted before."
    contradicted = list(
        dict.fromkeys(target for signal in facts.result.signals if signal.reading == "contradicted" for target in signal.targets)
    )
    if contradicted:
        more = f" and {len(contradicted) - 3} more" if len(contradicted) > 3 else ""
        yield f"A metric of the mechanism contradicts that on {join_items(contradicted[:3])}{more}."


def _describe_action(facts: Facts) -> str:
    """What Squall did to the targets; if that is not proven on every target, only that it started the fault."""
    pinned = facts.discovery.pinned if facts.discovery else ()
    of = f" ({len(pinned)} of {facts.discovery.candidates} candidates)" if facts.discovery and pinned else ""
    return f"{_describe_hits(facts)}{of}{_describe_length(facts)}"


def _describe_hits(facts: Facts) -> str:
    """What each fault that began did, and to which targets."""
    if facts.definition is not None and facts.discovery is not None and facts.proven:
        with suppress(UnknownFaultError, InvalidInput):
            begun = [bound for bound in bind_plan(facts.definition) if bound.name not in _list_not_begun(facts)]
            hits = (f"{bound.verb} {_name_targets(facts.discovery.targets_of(bound.name))}" for bound in begun)
            return join_items(list(dict.fromkeys(hits)))
    started = f"started {spell_out(facts.result.experiment_type or 'a fault')} on"
    return f"{started} {_name_targets(facts.discovery.pinned if facts.discovery else ())}"


def _name_targets(targets: Sequence[Resource]) -> str:
    named = join_items([f"{target.id} in {target.zone}" if target.zone else target.id for target in targets[:3]]) or "its targets"
    return named + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")


def _list_not_begun(facts: Facts) -> tuple[str, ...]:
    """The faults of a scenario that an abort kept from beginning."""
    return facts.result.rollback.not_begun if facts.result.rollback else ()


def _describe_length(facts: Facts) -> str:
    """How long the fault lasted, or was watched if it was over at once; what was planned where that differs; and for how
    long the run was observed if that is longer."""
    if facts.definition is None:
        return ""
    experiment = facts.definition.experiment
    if facts.ends_at_once or not experiment.observes_longer:
        return _describe_span(facts, experiment.observed_length.total_seconds())
    planned, until = experiment.observed_length.total_seconds(), facts.record.fault_ended_at
    observed = seconds_between(facts.effect_at, until) if facts.effect_at and until and until >= facts.effect_at else 0.0
    whole = observed >= planned - max(2.0, LENGTH_TOLERANCE * planned)
    cut = "" if whole else f" ({format_duration(planned)} were planned)"
    span = _describe_span(facts, experiment.length.total_seconds())
    return f"{span}, and observed the workload for {format_duration(planned if whole else observed)}{cut}"


def _describe_span(facts: Facts, planned: float) -> str:
    watched = "watched " if facts.ends_at_once else ""
    over_at = facts.record.fault_ended_at if facts.ends_at_once else facts.fault_over_at
    if not planned:
        return ""
    if facts.effect_at is None or over_at is None or over_at < facts.effect_at:
        return f", planned for {format_duration(planned)}"
    lasted = seconds_between(facts.effect_at, over_at)
    if abs(lasted - planned) <= max(2.0, LENGTH_TOLERANCE * planned) or (facts.ends_at_once and lasted > planned):
        return f", {watched}for {format_duration(planned)}"
    return f", {watched}for {format_duration(lasted)} ({format_duration(planned)} were planned)"


def _shorten_ids(detail: str) -> str:
    """The text with the first eight characters of each UUID. The whole ones stand with the targets."""
    return _UUID.sub(lambda match: f"{match[0][:8]}…", detail)


def _describe_refusal(facts: Facts) -> Iterable[str]:
    failed = [check.name for check in facts.result.safety_checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}]
    if failed:
        named = join_items(failed[:5]) + (" …" if failed[5:] else "")
        yield f"{len(failed)} of {len(facts.result.safety_checks)} safety checks did not pass: {named}."
    if facts.result.problems:
        yield f"What was asked has {len(facts.result.problems)} problem{'s' if len(facts.result.problems) > 1 else ''}."
    if facts.result.status is Status.PLANNED:
        yield "It was a plan: everything but the fault was prepared, and removed again."
    elif facts.record.only_plans:
        yield "It was a plan, which injects nothing, and it ended early."


def _describe_metrics(facts: Facts) -> Iterable[str]:
    """The bound metrics before and during the fault, or during its observation if that is longer."""
    collected = facts.result.metrics_collected
    before, during = collected.get("baseline", {}), collected.get(facts.judged_window, {})
    if not isinstance(before, Mapping) or not isinstance(during, Mapping) or facts.discovery is None:
        return
    steady = {
        metric.metric
        for metric in facts.result.statistics
        if any(_shows_no_change(comparison, facts.judged_window) for comparison in metric.comparisons)
    }
    missing, extremes = count_missing(facts, facts.judged_window), find_extremes(facts, facts.judged_window)
    sentences = []
    for binding in facts.discovery.bindings:
        was, became = before.get(binding.name), during.get(binding.name)
        if was is not None and became is not None:
            far = [value for value in extremes.get(binding.name, ()) if not _is_about(binding, was, value)]
            moved = _describe_move(binding, was, became, steady=binding.name in steady and not far)
            aside = []
            if far:
                least, most = (format_quantity(value, binding.unit) for value in extremes[binding.name])
                aside.append(f"single periods from {least} to {most}")
            lacking, periods = missing.get(binding.name, (0, 0))
            if lacking:
                aside.append(f"{lacking} of {periods} periods without data")
            sentences.append(f"{metric_title(binding.name)} {moved}" + (f" ({'; '.join(aside)})" if aside else ""))
    if sentences:
        yield f"During the {facts.judged_window}, {join_items(sentences[:4])}."


def _describe_move(binding: MetricBinding, was: float, became: float, *, steady: bool) -> str:
    """How the metric went from the baseline's value to that during the fault, both over the whole window.

    `steady`: whether its periods show no difference. Its values over the windows may still differ, for example in
    windows with silent periods. Only values that are about the same are said to have stayed.
    """
    old, new = format_quantity(was, binding.unit), format_quantity(became, binding.unit)
    if old == new:
        return f"stayed at {new}"
    return f"stayed at about {new}" if steady and _is_about(binding, was, became) else f"went from {old} to {new}"


def _is_about(binding: MetricBinding, was: float, became: float) -> bool:
    base = 100 - was if binding.kind == "ratio_good" else was
    return abs(became - was) <= ABOUT * abs(base)


def _shows_no_change(comparison: Comparison, window: str) -> bool:
    """Whether the metric's periods show no difference between the baseline and this window."""
    return comparison.windows == ("baseline", window) and comparison.conclusion == "no_difference"


def _describe_ending(facts: Facts) -> Iterable[str]:
    yield from _describe_abort(facts)
    if facts.record.fault_started_at is None or facts.record.ended_in_lead:
        return
    recovery = facts.result.recovery
    if facts.recovered_in is not None:
        yield _describe_recovery(facts.recovered_in)
    elif recovery and not recovery.recovered:
        yield f"While it was watched the workload did not recover: {_shorten_ids(recovery.detail)}."
    if facts.result.rollback:
        yield _LEFT[facts.result.rollback.outcome]
        if facts.result.rollback.differences:
            yield f"What differs: {'; '.join(facts.result.rollback.differences)}."
    criteria = facts.result.criteria
    if criteria:
        met = sum(criterion.outcome is CriterionOutcome.MET for criterion in criteria)
        unknown = sum(criterion.outcome is CriterionOutcome.CANNOT_TELL for criterion in criteria)
        if f"{met} of {len(criteria)} criteria met" not in facts.result.reason:  # the last sentence gives the reason
            yield f"{met} of {len(criteria)} criteria were met{f', {unknown} could not be decided' if unknown else ''}."


def _describe_recovery(recovered: RecoveredIn) -> str:
    if recovered.throughout:
        return "Everything that was watched held from the effect of the fault on."
    latest = ", at the latest" if recovered.at_the_latest else ""
    return f"The workload recovered {format_duration(recovered.seconds)} after {recovered.zero}{latest}."


def _describe_abort(facts: Facts) -> Iterable[str]:
    abort = facts.record.abort
    if abort is None:
        return
    over_at, at = facts.fault_over_at, facts.alarm_at or abort.at
    after = (
        f" {format_duration(seconds_between(facts.effect_at, at))} after the fault took effect"
        if facts.effect_at and at > facts.effect_at
        else ""
    )
    ended = f"; the fault was over {format_duration(seconds_between(at, over_at))} later" if over_at and over_at >= at else ""
    if facts.observes_longer and not facts.ends_at_once and over_at and over_at < at:
        ended = f"; the fault was already over, since {format_clock(over_at)} UTC"
    yield f"{_BY[abort.source]} at {format_clock(at)} UTC{after}{ended}."


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds from start to end."""
    return (end - start).total_seconds()

"""Judges the success criteria: met, not met, or "cannot tell", each with the numbers that decided."""

from datetime import datetime, timedelta
from typing import Any

from squall.domain.base.vocabulary import CriterionOutcome
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.recovery import Recovery
from squall.domain.experiment.experiment import Criterion
from squall.domain.experiment.sentences import Parsed, parse_sentences
from squall.domain.judging.alarm_states import judge_alarm_ok
from squall.domain.judging.doubts import explain_unrecovered
from squall.domain.judging.judge_input import Judged, JudgeInput
from squall.domain.judging.thresholds import judge_threshold
from squall.domain.language.sentences import AlarmFires, AlarmOk, MembersRun, Recovers, Replacement, Threshold

_MET, _NOT_MET, _UNKNOWN = CriterionOutcome.MET, CriterionOutcome.NOT_MET, CriterionOutcome.CANNOT_TELL


def judge_criteria(inputs: JudgeInput) -> tuple[CriterionResult, ...]:
    """One result for each success criterion, in the definition's order."""
    return tuple(
        _make_result(criterion, _judge_sentence(parsed, inputs))
        for _, criterion, parsed in parse_sentences(inputs.definition.experiment).criteria
    )


def _make_result(criterion: Criterion, judged: Judged) -> CriterionResult:
    return CriterionResult(
        text=criterion.text,
        kind=judged.kind,
        critical=criterion.critical,
        outcome=judged.outcome,
        measured=judged.measured,
        reason=judged.reason,
        **(judged.more or {}),
    )


def _judge_sentence(parsed: Parsed, inputs: JudgeInput) -> Judged:
    match parsed:
        case Threshold():
            return judge_threshold(parsed, inputs)
        case AlarmFires():
            return _judge_alarm(parsed, inputs)
        case AlarmOk():
            return judge_alarm_ok(parsed, inputs)
        case Recovers():
            return _judge_recovery(parsed, inputs)
        case Replacement():
            return _judge_replacement(parsed, inputs)
        case MembersRun():
            return _judge_members(parsed, inputs)


def _judge_alarm(parsed: AlarmFires, inputs: JudgeInput) -> Judged:
    more = {"threshold": float(parsed.within_seconds), "comparator": "<=", "unit": "seconds"}
    if parsed.alarm not in inputs.alarms_fired:
        return Judged("alarm", _UNKNOWN, f"the history of {parsed.alarm} could not be read", more=more)
    fired = inputs.alarms_fired[parsed.alarm]
    watched = inputs.alarms_watched_until - inputs.effect_at
    if fired is None and watched < timedelta(seconds=parsed.within_seconds):
        return Judged("alarm", _UNKNOWN, f"{parsed.alarm} did not fire, but was watched only {watched.total_seconds():.0f} s", more=more)
    if fired is None:
        return Judged("alarm", _NOT_MET, f"{parsed.alarm} did not fire", more=more)
    took = (fired - inputs.effect_at).total_seconds()
    outcome = _MET if took <= parsed.within_seconds else _NOT_MET
    return Judged("alarm", outcome, f"{parsed.alarm} fired {took:.0f} s after the fault took effect", took, more)


def _judge_recovery(parsed: Recovers, inputs: JudgeInput) -> Judged:
    """Judge the time to recover.

    It counts from the effect of a fault that is over at once, and from the end of a fault that lasts, because nothing
    can recover earlier.
    """
    more = {"threshold": float(parsed.within_seconds), "comparator": "<=", "unit": "seconds"}
    recovery = inputs.recovery
    if recovery is None:
        return Judged("recovery", _UNKNOWN, "recovery was not watched", more=more)
    instant = inputs.traits.ends_at_once
    start = inputs.effect_at if instant else inputs.fault_end
    since = "the fault took effect" if instant else "the fault ended"
    if parsed.band is not None and parsed.text in recovery.without_baseline:
        return Judged("recovery", _UNKNOWN, f"the baseline says nothing about {parsed.metric} in the baseline", more=more)
    recovered_at = _find_recovery(parsed, recovery)
    if recovered_at is not None:
        after = None if parsed.metric else recovery.recovered_after
        outcome, took, doubt = _judge_duration(start, recovered_at, after, parsed.within_seconds)
        if outcome is _MET and (reason := explain_unrecovered(parsed, inputs)):
            outcome, doubt = _UNKNOWN, reason
        return Judged("recovery", outcome, f"{parsed.metric or 'everything'} recovered {took:.0f} s after {since}{doubt}", took, more)
    detail = recovery.detail if parsed.band is None else f"{parsed.metric} is not within {parsed.band:g} % of its baseline"
    watched = recovery.observed_until - start if recovery.observed_until else timedelta(0)
    if watched < timedelta(seconds=parsed.within_seconds):
        reason = f"not recovered, but watched only {max(0.0, watched.total_seconds()):.0f} s: {detail}"
        return Judged("recovery", _UNKNOWN, reason, more=more)
    return Judged("recovery", _NOT_MET, f"did not recover: {detail}", more=more)


def _find_recovery(parsed: Recovers, recovery: Recovery) -> datetime | None:
    """The time at which what the sentence is about had recovered; None if it has not."""
    if parsed.band is not None:
        return recovery.back_since.get(parsed.text)
    return recovery.held_since.get(parsed.metric) if parsed.metric else recovery.recovered_at


def _judge_duration(start: datetime, at: datetime, after: datetime | None, within: int | None) -> tuple[CriterionOutcome, float, str]:
    """Outcome, seconds, and what is uncertain about them.

    If only an upper bound of the time is known, a time that is too long may still have been in time.
    """
    took = max(0.0, (at - start).total_seconds())
    least = took if after is None else max(0.0, (after - start).total_seconds())
    doubt = "" if after is None else f" at the latest, and not before {least:.0f} s: the exact time is not known"
    if within is None or took <= within:
        return _MET, took, doubt
    return (_NOT_MET if least > within else _UNKNOWN), took, doubt


def _judge_replacement(parsed: Replacement, inputs: JudgeInput) -> Judged:
    within = parsed.within_seconds
    more: dict[str, Any] = {"unit": "seconds"}
    if within is not None:
        more |= {"threshold": float(within), "comparator": "<="}
    recovery = inputs.recovery
    if recovery is None:
        return Judged("replacement", _UNKNOWN, "recovery was not watched", more=more)
    if recovery.replaced_at is None:
        watched = recovery.looked_at - inputs.effect_at if recovery.looked_at else timedelta(0)
        if within is not None and watched < timedelta(seconds=within):
            return Judged("replacement", _UNKNOWN, f"no replacement yet, but watched only {watched.total_seconds():.0f} s", more=more)
        arrived = f": only {', '.join(recovery.replacement_ids)} did" if recovery.replacement_ids else ""
        return Judged("replacement", _NOT_MET, f"no replacement for every target came into service{arrived}", more=more)
    outcome, took, doubt = _judge_duration(inputs.effect_at, recovery.replaced_at, recovery.replaced_after, within)
    reason = f"{', '.join(recovery.replacement_ids)} in service and healthy {took:.0f} s after the fault took effect{doubt}"
    return Judged("replacement", outcome, reason, took, more)


def _judge_members(parsed: MembersRun, inputs: JudgeInput) -> Judged:
    more = {"threshold": float(parsed.within_seconds), "comparator": "<=", "unit": "seconds"}
    recovery = inputs.recovery
    running = recovery.running.get(parsed.text) if recovery else None
    if recovery is None or running is None:
        return Judged("members", _UNKNOWN, f"how many {parsed.members} run was not watched", more=more)
    if running.since is None:
        few = f"{running.count} of {parsed.count} {parsed.members} of {running.group} run"
        watched = recovery.looked_at - inputs.effect_at if recovery.looked_at else timedelta(0)
        if watched < timedelta(seconds=parsed.within_seconds):
            return Judged("members", _UNKNOWN, f"{few}, but they were watched only {watched.total_seconds():.0f} s", more=more)
        return Judged("members", _NOT_MET, few, more=more)
    outcome, took, doubt = _judge_duration(inputs.effect_at, running.since, running.after, parsed.within_seconds)
    since = f"from {took:.0f} s after the fault took effect on" if took else "ever since the fault took effect"
    return Judged("members", outcome, f"{parsed.count} {parsed.members} of {running.group} run {since}{doubt}", took, more)

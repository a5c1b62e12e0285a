"""What is judged: long enough, measurable, steady and under traffic."""

from collections.abc import Mapping

from squall.domain.experiment.sentences import Sentences, sentences
from squall.domain.language.sentences import Recovers, Threshold
from squall.domain.metrics.periods import find_event_problems, find_timing_problems, format_length, lag_table
from squall.domain.safety.inputs import Answer, Check, SafetyInput


def _long_enough(given: SafetyInput) -> Answer:
    experiment, timing = given.definition.experiment, given.definition.environment.timing
    parsed: Sentences = sentences(experiment)
    judged = (*parsed.threshold_criteria, *parsed.conditions)
    found = find_timing_problems(experiment.length, judged, timing, lag_table(timing, experiment.metrics), recovery=experiment.recovery)
    events = [(path, sentence) for path, _, sentence in parsed.criteria if not isinstance(sentence, Threshold)]
    instant = given.traits.ends_at_once
    found += find_event_problems(events, experiment.length, timing, recovery=experiment.recovery, instant=instant)
    period = timing.metric_period_seconds
    detail = f"{format_length(experiment.length)} hold enough periods of {period} s to guard and judge {len(judged)} sentences"
    return not found, "; ".join(str(problem) for problem in found) or detail


def _measurable(given: SafetyInput) -> Answer:
    bound = {binding.name.partition(":")[0] for binding in given.discovery.bindings}
    parsed = sentences(given.definition.experiment)
    missing = [f"{path}: {metric}" for metric, path in parsed.paths.items() if metric not in bound]
    steady = {t.metric for _, t in (*parsed.threshold_criteria, *parsed.steady) if t.relative is None}
    missing += [
        f"{path}: nothing says when {sentence.metric} is recovered; add a threshold on it to steady_state"
        for path, _, sentence in parsed.criteria
        if isinstance(sentence, Recovers) and sentence.metric and sentence.metric not in steady
    ]
    return not missing, f"not measured: {'; '.join(missing)}" if missing else f"measured: {', '.join(sorted(bound)) or 'events only'}"


def _steady(given: SafetyInput) -> Answer:
    if given.baseline is None:
        return None, "there is no baseline"
    return given.baseline.steady, "; ".join(given.baseline.violations) or "every threshold held in the baseline"


def _traffic(given: SafetyInput) -> Answer:
    if given.baseline is None:
        return None, "there is no baseline"
    if not any(binding.name == "request_rate" for binding in given.discovery.bindings):
        return True, "no target group is measured: traffic is not measured"
    rate, minimum = given.baseline.requests_per_second, given.definition.environment.minimum_requests_per_second
    said = "no requests" if rate is None else f"{rate:.3g} requests per second"
    return rate is not None and rate >= minimum, f"{said} in the baseline, {minimum:g} needed"


ALWAYS: Mapping[str, Check] = {
    "measurable": _measurable,
    "enough_periods": _long_enough,
}
FINAL: Mapping[str, Check] = {
    "steady_state": _steady,
    "traffic": _traffic,
}

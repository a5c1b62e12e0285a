"""Checks that the run can be judged: it is long enough, its metrics are measured, steady, and under traffic."""

from collections.abc import Mapping

from squall.domain.experiment.sentences import Sentences, parse_sentences
from squall.domain.language.sentences import AlarmOk, MembersRun, Recovers, Threshold
from squall.domain.metrics.bindings import list_slow_metrics
from squall.domain.metrics.periods import format_length, lag_table
from squall.domain.metrics.timing_problems import find_event_problems, find_slow_recovery_problems, find_timing_problems
from squall.domain.safety.inputs import Answer, Check, SafetyInput
from squall.domain.targets.member_groups import explain_uncounted, explain_untimed


def _check_length(inputs: SafetyInput) -> Answer:
    experiment, timing = inputs.definition.experiment, inputs.definition.environment.timing
    parsed: Sentences = parse_sentences(experiment)
    thresholds = (*parsed.threshold_criteria, *parsed.conditions)
    found = inputs.discovery
    slow = list_slow_metrics(found.bindings, experiment.metrics, found.workload, found.measured, timing)
    problems = find_timing_problems(
        experiment.length,
        thresholds,
        timing,
        lag_table(timing, experiment.metrics),
        recovery=experiment.recovery,
        slow=slow,
        observation=experiment.observation,
        faults=experiment.fault_lengths,
    )
    watched_again = (*parsed.threshold_criteria, *parsed.steady)
    problems += find_slow_recovery_problems(watched_again, timing, slow, recovery=experiment.recovery)
    events = [(path, sentence) for path, _, sentence in parsed.criteria if not isinstance(sentence, Threshold | AlarmOk)]
    instant = inputs.traits.ends_at_once
    problems += find_event_problems(
        events, experiment.length, timing, recovery=experiment.recovery, instant=instant, observation=experiment.observation
    )
    periods = " and ".join(f"{period} s" for period in (timing.metric_period_seconds, *sorted({m.period_seconds for m in slow.values()})))
    detail = f"{format_length(experiment.observed_length)} have enough periods of {periods} to guard and judge {len(thresholds)} sentences"
    return not problems, "; ".join(str(problem) for problem in problems) or detail


def _check_bindings(inputs: SafetyInput) -> Answer:
    bound = {binding.name.partition(":")[0] for binding in inputs.discovery.bindings}
    parsed = parse_sentences(inputs.definition.experiment)
    load, pinned = inputs.discovery.workload, inputs.discovery.measured
    missing = [f"{path}: {metric}" for metric, path in parsed.paths.items() if metric not in bound]
    steady = {threshold.metric for _, threshold in (*parsed.threshold_criteria, *parsed.steady) if threshold.relative is None}
    missing += [
        f"{path}: no threshold defines when {sentence.metric} has recovered; add a threshold on it to steady_state"
        for path, _, sentence in parsed.criteria
        if isinstance(sentence, Recovers) and sentence.metric and sentence.band is None and sentence.metric not in steady
    ]
    experiment = inputs.definition.experiment
    noun = "observation" if experiment.observes_longer else "fault"
    missing += [
        f"{path}: {problem}"
        for path, _, sentence in parsed.criteria
        if isinstance(sentence, MembersRun)
        for problem in (
            explain_uncounted(load, pinned, sentence),
            explain_untimed(load, pinned, sentence, experiment.observed_length, noun),
        )
        if problem
    ]
    return not missing, f"not measured: {'; '.join(missing)}" if missing else f"measured: {', '.join(sorted(bound)) or 'events only'}"


def _check_steady_state(inputs: SafetyInput) -> Answer:
    if inputs.baseline is None:
        return None, "there is no baseline"
    return inputs.baseline.steady, "; ".join(inputs.baseline.violations) or "every threshold held in the baseline"


def _check_traffic(inputs: SafetyInput) -> Answer:
    if inputs.baseline is None:
        return None, "there is no baseline"
    if not any(binding.name == "request_rate" for binding in inputs.discovery.bindings):
        return True, "no target group is measured: traffic is not measured"
    rate, minimum = inputs.baseline.requests_per_second, inputs.definition.environment.minimum_requests_per_second
    measured = "no requests" if rate is None else f"{rate:.3g} requests per second"
    return rate is not None and rate >= minimum, f"{measured} in the baseline, {minimum:g} needed"


ALWAYS: Mapping[str, Check] = {
    "measurable": _check_bindings,
    "enough_periods": _check_length,
}
FINAL: Mapping[str, Check] = {
    "steady_state": _check_steady_state,
    "traffic": _check_traffic,
}

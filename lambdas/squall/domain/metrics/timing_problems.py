"""Whether an experiment is long enough to be judged and guarded: arithmetic on metric periods, before anything is
touched."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from squall.domain.base.problems import Problem
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.language.sentences import AlarmFires, MembersRun, Recovers, Replacement, Threshold
from squall.domain.metrics.periods import (
    NONE_SLOW,
    SlowMetric,
    SlowMetrics,
    count_datapoints,
    format_length,
    lag_of,
    pace_threshold,
    pace_timing,
    reaction_seconds,
    sentinel_period,
    typical_reaction_seconds,
    whole_periods,
)
from squall.domain.policy.environment import Timing

LENGTH_FIELD = "duration_minutes"
"""The path of a problem with the length of the fault."""
_GUARD_PATH = "abort_conditions"
"""The beginning of the path of a sentence that is a guard."""
NO_FAULTS: Mapping[str, timedelta] = {}


def minimum_duration(
    sentences: Sequence[tuple[str, Threshold]], timing: Timing, lag_of: Callable[[str], int], slow: SlowMetrics = NONE_SLOW
) -> timedelta:
    """The shortest fault or observation in which every sentence can be judged or guarded, rounded up to whole periods."""
    seconds = timing.minimum_duration_seconds
    for path, threshold in sentences:
        pace = pace_threshold(threshold, timing, timedelta(0), None, slow)
        if _is_guard(path):
            seconds = max(seconds, _guard_needs(threshold, pace, lag_of(threshold.metric)))
        elif threshold.window in {"fault", "observation"}:
            seconds = max(seconds, _criterion_needs(threshold, pace))
    return timedelta(seconds=ceil(seconds / timing.metric_period_seconds) * timing.metric_period_seconds)


def find_timing_problems(
    length: timedelta,
    sentences: Sequence[tuple[str, Threshold]],
    timing: Timing,
    lag_of: Callable[[str], int],
    *,
    recovery: timedelta | None = None,
    slow: SlowMetrics = NONE_SLOW,
    observation: timedelta | None = None,
    faults: Mapping[str, timedelta] = NO_FAULTS,
) -> list[Problem]:
    """The sentences that can't be judged or guarded in a fault of this length, or in its observation if that is longer,
    each with the shortest length that works, and with the setting if one would help. `faults`: the length of each fault
    of a scenario, by its name. One length that is too short is one problem, however many sentences need a longer one.

    A guard is refused if its *typical* reaction takes more than half of the observation, because it would usually come too
    late, or if its *worst* reaction (the whole lag) takes longer than it, because it might never come. The worst
    reaction is not held to half of it: that would refuse ten minutes of load balancer metrics (2 × 60 + 180 + 60
    = 360 s > 300 s), which real runs show can be guarded (2 × 60 + 60 + 60 = 240 s).
    """
    problems = []
    course = _Course(length, max(length, observation or length), recovery, timing, lag_of, slow, faults)
    in_fault, observed = course.split_sentences(sentences)
    by_length: dict[bool, list[Problem]] = {True: [], False: []}
    too_short = length < timedelta(seconds=timing.minimum_duration_seconds)
    if too_short:
        problems.append(
            Problem(
                path=LENGTH_FIELD,
                message=f"the fault lasts {format_length(length)}, the shortest here is {timing.minimum_duration_seconds} s",
                expected=f"at least {format_length(minimum_duration(in_fault, timing, lag_of))}",
            )
        )
    for path, threshold in sentences:
        pace = pace_threshold(threshold, timing, course.observed, recovery, slow)
        message = _guard_problem(threshold, course, pace) if _is_guard(path) else _criterion_problem(threshold, course, pace)
        if message:
            longer = f"recovery of at least {format_length(_recovery_needs(pace))}"
            within = in_fault if (path, threshold) in in_fault else observed
            expected = longer if threshold.window == "recovery" else course.name_ways_out(threshold, within)
            problem = _explain_slow(Problem(path=path, message=message, expected=expected), slow.get(threshold.metric))
            of_length = threshold.window != "recovery" and threshold.window not in faults and threshold.metric not in slow
            (by_length[within is in_fault] if of_length else problems).append(problem)
    return [
        *problems,
        *_join_problems(by_length[True], length, "fault", told=too_short),
        *_join_problems(by_length[False], course.observed, "observation"),
    ]


def _join_problems(short: list[Problem], length: timedelta, noun: str, *, told: bool = False) -> list[Problem]:
    """The sentences for which a fault or an observation is too short: a single one as it is, several as one problem of
    the length. None if it is `told` already that the length is too short for anything."""
    if told or len(short) < 2:
        return [] if told else short
    message = f"{format_length(length)} of {noun} are too short for {len(short)} sentences"
    lines = [f"{problem.path}: {problem.message}" for problem in short]
    expected = max((problem.expected for problem in short), key=len)
    return [Problem(path=LENGTH_FIELD if noun == "fault" else noun, message="\n".join([message, *lines]), expected=expected)]


def _explain_slow(problem: Problem, slow: SlowMetric | None) -> Problem:
    if slow is None:
        return problem
    remedy = f"; or {slow.remedy}" if slow.remedy else ""
    return problem.model_copy(update={"message": f"{problem.message}; {slow.why}", "expected": problem.expected + remedy})


def find_slow_recovery_problems(
    sentences: Sequence[tuple[str, Threshold]], timing: Timing, slow: SlowMetrics, *, recovery: timedelta | None = None
) -> list[Problem]:
    """The absolute thresholds on slow metrics of which the recovery window would not show that they hold again: each of
    the newest periods that a guard evaluates has to hold, after the fault's end."""
    watched = recovery or timedelta(seconds=timing.recovery_seconds)
    problems = []
    for path, threshold in sentences:
        found = slow.get(threshold.metric)
        if found is None or threshold.relative is not None or threshold.window == "recovery":
            continue
        needed = timedelta(seconds=(timing.guard_evaluation_periods + 1) * found.period_seconds)
        if watched < needed:
            held = f"{timing.guard_evaluation_periods} whole periods of {found.period_seconds} s"
            message = (
                f'whether "{threshold.text}" holds again can\'t be told: {format_length(watched)} of recovery window do not hold {held}'
            )
            problem = Problem(path=path, message=message, expected=f"recovery of at least {format_length(needed)}")
            problems.append(_explain_slow(problem, found))
    return problems


@dataclass(frozen=True)
class _Course:
    """The planned lengths of a run, and what its metrics need."""

    length: timedelta
    """The fault's."""
    observed: timedelta
    """The observation's, at least the fault's."""
    recovery: timedelta | None
    timing: Timing
    lag_of: Callable[[str], int]
    slow: SlowMetrics
    faults: Mapping[str, timedelta]

    @property
    def observes_longer(self) -> bool:
        return self.observed > self.length

    @property
    def noun(self) -> str:
        """The window of guards and of sentences that name no window."""
        return "observation" if self.observes_longer else "fault"

    @property
    def after(self) -> timedelta:
        """How long the run is watched after the fault: while it waits for recovery, and until the observation ends."""
        return max(self.recovery or timedelta(seconds=self.timing.recovery_seconds), self.observed - self.length)

    def split_sentences(
        self, sentences: Iterable[tuple[str, Threshold]]
    ) -> tuple[list[tuple[str, Threshold]], list[tuple[str, Threshold]]]:
        """The sentences whose window is the fault's own time, and those whose window is a longer observation."""
        in_fault = [
            (path, threshold)
            for path, threshold in sentences
            if not self.observes_longer or (threshold.window == "fault" and not _is_guard(path))
        ]
        return in_fault, [pair for pair in sentences if pair not in in_fault]

    def name_ways_out(self, threshold: Threshold, within: Sequence[tuple[str, Threshold]]) -> str:
        """What would make a sentence fit: a longer fault or observation, or metrics of a sentinel. `within`: the sentences of
        the same window."""
        if threshold.window in self.faults:
            return self._name_longer_fault(threshold)
        shortest = minimum_duration(within, self.timing, self.lag_of, self.slow)
        sentinel = "" if measured_by_sentinel(threshold.metric) else _name_sentinel(self.observed, shortest, self.timing, self.recovery)
        needed = f"at least {format_length(shortest)}"
        if not self.observes_longer:
            return f"{needed}{sentinel}, or an `observation` of {needed}: the fault itself may be shorter"
        if threshold.window == "fault":
            return f"a fault of {needed}{sentinel}, or the sentence without `during the fault`"
        return f"an observation of {needed}{sentinel}"

    def _name_longer_fault(self, threshold: Threshold) -> str:
        """The length that one fault of a scenario needs for a sentence that is judged during it."""
        alone = threshold.model_copy(update={"window": "fault"})
        needed = minimum_duration([("success_criteria", alone)], self.timing, self.lag_of, self.slow)
        return f"a `duration` of {threshold.window} of at least {format_length(needed)}, or the sentence without `during`"


def _name_sentinel(length: timedelta, shortest: timedelta, timing: Timing, recovery: timedelta | None) -> str:
    """The other way out of a fault or an observation that is too short: metrics of a sentinel, whose periods are shorter.
    Empty if they would need as long."""
    period = sentinel_period(length, recovery, timing)
    if period is None:
        return ""
    pace = pace_timing(timing, period)
    lag = lag_of("sentinel_availability", timing)
    guard = max(2 * typical_reaction_seconds(pace, lag), reaction_seconds(pace, lag))
    needed = timedelta(seconds=max(guard, (pace.minimum_periods + 1) * period, timing.minimum_duration_seconds))
    return f", or {format_length(needed)} with metrics of a `sentinel`, whose periods are {period} s" if needed < shortest else ""


def find_event_problems(
    events: Sequence[tuple[str, AlarmFires | Recovers | Replacement | MembersRun]],
    length: timedelta,
    timing: Timing,
    *,
    recovery: timedelta | None = None,
    instant: bool = False,
    observation: timedelta | None = None,
) -> list[Problem]:
    """The events that may happen after the run is no longer watched, so that it would not be known whether they
    happened in time.

    `instant`: the fault is over at once, so recovery counts from its effect and not from its end.
    """
    waited = recovery or timedelta(seconds=timing.recovery_seconds)
    after = max(waited, (observation or length) - length)
    noun = "recovery window" if after == waited else "observation after it"
    problems = []
    for path, event in events:
        from_end = isinstance(event, Recovers) and not instant
        within, watched = timedelta(seconds=event.within_seconds or 0), after if from_end else length + after
        if within > watched:
            window = (
                f"{format_length(after)} of {noun}"
                if from_end
                else f"{format_length(length)} of fault and {format_length(after)} of {noun}"
            )
            longer = within if from_end else within - length
            message = f'"{event.text}" can\'t be judged: {window} are watched'
            problems.append(Problem(path=path, message=message, expected=f"recovery of at least {format_length(longer)}"))
    return problems


def _is_guard(path: str) -> bool:
    return path.startswith(_GUARD_PATH)


def _criterion_needs(threshold: Threshold, timing: Timing) -> int:
    periods = max(timing.minimum_periods, ceil((threshold.for_seconds or 0) / timing.metric_period_seconds))
    return (periods + 1) * timing.metric_period_seconds


def _guard_needs(threshold: Threshold, timing: Timing, lag: int) -> int:
    return max(2 * typical_reaction_seconds(timing, lag, threshold), reaction_seconds(timing, lag, threshold))


def _recovery_needs(timing: Timing) -> timedelta:
    return timedelta(seconds=(timing.minimum_periods + 1) * timing.metric_period_seconds)


def _criterion_problem(threshold: Threshold, course: _Course, timing: Timing) -> str:
    match threshold.window:
        case "baseline":
            return ""
        case "recovery":
            span, window = course.after, "recovery window"
        case "fault":
            span, window = course.length, "fault"
        case "observation":
            span, window = course.observed, course.noun
        case name:
            span, window = course.faults[name], f"the fault {name}"
    period = timing.metric_period_seconds
    have = whole_periods(span, timing)
    if have < timing.minimum_periods:
        return (
            f'"{threshold.text}" can\'t be judged: {format_length(span)} of {window} hold {have} whole periods of {period} s, '
            f"{timing.minimum_periods} are needed"
        )
    if have * period < (threshold.for_seconds or 0):
        return f'"{threshold.text}" can\'t be judged: {format_length(span)} of {window} hold only {have * period} s in whole periods'
    return ""


def _guard_problem(threshold: Threshold, course: _Course, timing: Timing) -> str:
    lag, length = course.lag_of(threshold.metric), course.observed
    typical, worst = typical_reaction_seconds(timing, lag, threshold), reaction_seconds(timing, lag, threshold)
    breaching, evaluated = count_datapoints(threshold, timing)
    how = f"{breaching} of {evaluated} periods of {timing.metric_period_seconds} s, publication and evaluation"
    message = f'"{threshold.text}" can\'t guard: '
    if typical * 2 > length.total_seconds():
        return f"{message}it reacts in {typical} s ({how}), more than half of the {course.noun}'s {format_length(length)}"
    if worst > length.total_seconds():
        return f"{message}with late metrics it reacts in {worst} s ({how}), the {course.noun} lasts {format_length(length)}"
    return ""

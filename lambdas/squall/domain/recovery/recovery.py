"""Whether the workload has recovered: every absolute criterion holds again, and lost targets were replaced.

Times are those of the evidence, never those of the look, because the first look may come long after the recovery.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil, floor

from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.documents.recovery import Recovery, RunningMembers
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.sentences import Sentences, parse_sentences
from squall.domain.language.sentences import MembersRun, Recovers, Replacement, Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.periods import pace_timing
from squall.domain.metrics.series import counts_events, points_over
from squall.domain.metrics.windows import EffectSpan, last_complete_end, list_own_periods
from squall.domain.recovery.baseline_band import list_limits, measured_by
from squall.domain.recovery.running_members import MemberLook, MemberTimes, count_running, find_member_times, list_lacking
from squall.domain.resources.base import Member
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.run.alarm_state import AlarmState


@dataclass(frozen=True)
class RecoveryInput:
    """The evidence from which recovery is assessed."""

    definition: Definition
    discovery: Discovery
    series: Mapping[str, Sequence[Series]]
    """The series by binding name, read over `window`."""
    window: Window
    """`observed_window`: from the effect to the last complete period."""
    workload_now: Workload
    before: Sequence[TargetBefore]
    effect_at: datetime
    fault_end: datetime
    now: datetime
    traits: FaultTraits
    still_active: Sequence[str] = ()
    """Parts of the fault that still last on a target, a sentence each: nothing has recovered from a fault that is not
    over."""
    baseline: Baseline | None = None
    alarms: Mapping[str, AlarmState] | None = field(default_factory=dict)
    """The alarms that must be OK, absent ones left out; None: they could not be asked."""
    previous: Recovery | None = None
    """What the last look found. Where nothing tells when a replacement came into service, it did so between two
    looks."""
    slower: Mapping[int, Window] = field(default_factory=dict)
    """The same window in each period that a metric has of its own and in which its series was read, by that period in
    seconds."""

    def window_of(self, binding: MetricBinding) -> Window:
        """The window in which the metric's series was read. Metrics with shorter periods are read in the usual one."""
        return self.slower.get(binding.period_seconds or 0, self.window)


@dataclass(frozen=True)
class _Replaced:
    """The replacements in service, and when the last of the needed ones came into service."""

    ids: tuple[str, ...]
    at: datetime | None = None
    after: datetime | None = None
    """The lower bound, where `at` is only an upper bound."""


def observed_window(
    effect_at: datetime, now: datetime, definition: Definition, discovery: Discovery, period_seconds: int | None = None
) -> Window:
    """The periods from the one of the effect to the newest that CloudWatch has completely for every binding.
    `period_seconds` None: the environment's."""
    timing = pace_timing(definition.environment.timing, period_seconds)
    period = timing.metric_period_seconds
    lag = _longest_lag(discovery)
    start = floor(effect_at.timestamp() / period) * period
    return Window(name="recovery", start=start, end=max(start, last_complete_end(now, timing, lag)), period_seconds=period)


def recovery_length(definition: Definition) -> timedelta:
    """How long a run waits for recovery: the experiment's own setting, else the policy's."""
    return definition.experiment.recovery or timedelta(seconds=definition.environment.timing.recovery_seconds)


def assess_recovery(inputs: RecoveryInput) -> tuple[Recovery, datetime | None]:
    """The recovery so far, and when to look again; None when there is nothing to wait for.

    The workload has recovered when every absolute threshold holds in each of the newest whole periods (as many as
    guards evaluate, all after the fault's end), and lost targets are replaced by members that are in service and
    healthy. The time to recover ends when that state began.
    """
    parsed = parse_sentences(inputs.definition.experiment)
    thresholds = [threshold for _, threshold in (*parsed.threshold_criteria, *parsed.steady) if threshold.relative is None]
    held_since, unsettled = _find_holding(thresholds, inputs)
    settled_alarms, unsettled_alarms = _find_settled_alarms(parsed, inputs)
    held_since, unsettled = {**held_since, **settled_alarms}, [*unsettled, *unsettled_alarms]
    back_since, not_back, unknown = _find_returns(parsed, inputs)
    replaced = _assess_replacement(inputs)
    lost = _count_wanted_replacements(inputs, parsed)
    lacking = f"{len(replaced.ids)} of {lost} replacements are in service and healthy" if len(replaced.ids) < lost else ""
    running, times = _count_members(parsed, inputs)
    few = list_lacking(_sentences_on_members(parsed), running)
    missing = [*inputs.still_active, *unsettled, *([lacking] if lacking else []), *few]
    bounds = [(members.since, members.after) for members in running.values() if members.since]
    bounds += [(replaced.at, replaced.after)] if lost and replaced.at else []
    recovered_at, recovered_after = (None, None) if missing else _recovery_time(inputs, list(held_since.values()), bounds)
    recovery = Recovery(
        recovered=not missing,
        recovered_at=recovered_at,
        seconds_to_recover=max(0.0, (recovered_at - inputs.effect_at).total_seconds()) if recovered_at else None,
        replacement_ids=replaced.ids,
        replaced_at=replaced.at,
        replaced_after=replaced.after,
        recovered_after=recovered_after,
        looked_at=inputs.now,
        detail="; ".join(missing) or "every threshold holds again" + (f" and {', '.join(replaced.ids)} took over" if replaced.ids else ""),
        held_since={} if inputs.still_active else held_since,
        back_since={} if inputs.still_active else back_since,
        without_baseline=unknown,
        running=running,
        members_since=times.since,
        members_after=times.after,
        observed_until=datetime.fromtimestamp(inputs.window.end, UTC),
    )
    waiting = bool(missing or not_back) and inputs.window.end < _last_end(inputs)
    changing = bool(inputs.still_active or lacking or few or unsettled_alarms)
    return recovery, _next_look(inputs, changing=changing) if waiting else None


def find_hold_between(
    definition: Definition, discovery: Discovery, series: Mapping[str, Sequence[Series]], span: EffectSpan, until: datetime
) -> datetime | None:
    """Since when every absolute threshold holds after one fault of a scenario, looked at until the next one begins; None if
    one does not hold then, or if the time between them is too short to tell. `series`: over the whole run, each in the
    period of its metric."""
    parsed = parse_sentences(definition.experiment)
    thresholds = [threshold for _, threshold in (*parsed.threshold_criteria, *parsed.steady) if threshold.relative is None]
    timing = definition.environment.timing

    def cut_window(period: int) -> Window:
        start, end = (floor(moment.timestamp() / period) * period for moment in (span.first, until))
        return Window(name="recovery", start=start, end=max(start, end), period_seconds=period)

    inputs = RecoveryInput(
        definition=definition,
        discovery=discovery,
        series=series,
        window=cut_window(timing.metric_period_seconds),
        slower={period: cut_window(period) for period in list_own_periods(discovery.bindings)},
        workload_now=discovery.workload,
        before=(),
        effect_at=span.first,
        fault_end=span.over,
        now=until,
        traits=FaultTraits(),
    )
    held_since, broken = _find_holding(thresholds, inputs)
    return max(held_since.values()) if held_since and not broken else None


def _next_look(inputs: RecoveryInput, *, changing: bool) -> datetime:
    """The time of the next look.

    It is soon while something that has no time of its own is `changing`: a replacement came into service between two
    looks, or an alarm changed its state. Otherwise it is the time at which CloudWatch has enough periods for every
    threshold to hold.
    """
    timing, period = inputs.definition.environment.timing, inputs.window.period_seconds
    if changing:
        return inputs.now + timedelta(seconds=max(timing.poll_seconds, period))
    lengths = (period, *inputs.slower)
    enough = max((ceil(inputs.fault_end.timestamp() / length) + _count_needed_periods(inputs)) * length for length in lengths)
    evidence = min(max(inputs.window.end + period, enough), _last_end(inputs))
    return datetime.fromtimestamp(evidence + _longest_lag(inputs.discovery), UTC)


def settle_length(definition: Definition, discovery: Discovery) -> timedelta:
    """How long after the end of a window CloudWatch has its last period."""
    return timedelta(seconds=_longest_lag(discovery) + definition.environment.timing.metric_period_seconds)


def _longest_lag(discovery: Discovery) -> int:
    return max((binding.lag_seconds for binding in discovery.bindings), default=0)


def _last_end(inputs: RecoveryInput) -> int:
    """The end of the last whole period in which the run waits for recovery, in seconds since the epoch."""
    period = inputs.window.period_seconds
    return floor((inputs.fault_end + recovery_length(inputs.definition)).timestamp() / period) * period


def _find_holding(thresholds: Iterable[Threshold], inputs: RecoveryInput) -> tuple[dict[str, datetime], list[str]]:
    """Since when all thresholds of each metric hold, by the metric's name; and the thresholds that do not hold.

    A threshold that was never violated holds since the effect.
    """
    moments: dict[str, datetime] = {}
    broken: dict[str, list[str]] = {}
    for threshold in thresholds:
        since, reason = _find_hold(threshold, inputs)
        if since is None:
            broken.setdefault(threshold.metric, []).append(reason)
        else:
            moments[threshold.metric] = max(since, moments.get(threshold.metric, since))
    settled = {metric: since for metric, since in moments.items() if metric not in broken}
    return settled, [reason for reasons in broken.values() for reason in reasons]


def _find_settled_alarms(parsed: Sentences, inputs: RecoveryInput) -> tuple[dict[str, datetime], list[str]]:
    """Each alarm that is OK again, with the time since when it is; and a sentence for each alarm that is not."""
    names = parsed.alarms_kept_ok
    if inputs.alarms is None:
        return {}, [f"the states of {', '.join(names)} could not be read"]
    settled, unsettled = {}, []
    for name in names:
        alarm = inputs.alarms.get(name)
        if alarm is None or alarm.state != "OK":
            unsettled.append(f"alarm {name} is {alarm.state if alarm else 'not there'}")
        else:
            settled[f"alarm {name}"] = max(inputs.effect_at, alarm.updated_at or inputs.now)
    return settled, unsettled


def _find_returns(parsed: Sentences, inputs: RecoveryInput) -> tuple[dict[str, datetime], bool, tuple[str, ...]]:
    """Each sentence on a return to the baseline whose metric is back, with the time since when it is; whether one is
    not back; and the sentences whose metric has no value in the baseline."""
    sentences_on_returns = [sentence for _, _, sentence in parsed.criteria if isinstance(sentence, Recovers) and sentence.band is not None]
    back: dict[str, datetime] = {}
    unknown = []
    for sentence in sentences_on_returns:
        binding = binding_of(inputs.discovery.bindings, measured_by(sentence))
        limits = list_limits(sentence, binding, inputs.baseline) if binding else ()
        since = [_find_hold(limit, inputs, per_period=True)[0] for limit in limits]
        known = [moment for moment in since if moment is not None]
        if not limits:
            unknown.append(sentence.text)
        elif len(known) == len(limits):
            back[sentence.text] = max(known)
    return back, len(back) + len(unknown) < len(sentences_on_returns), tuple(unknown)


def _find_hold(threshold: Threshold, inputs: RecoveryInput, *, per_period: bool = False) -> tuple[datetime | None, str]:
    """Since when the threshold holds, None and the reason if it does not. The threshold on a count is for the whole window in
    which its sentence is judged, unless it is `per_period`."""
    binding = binding_of(inputs.discovery.bindings, threshold)
    if binding is None:
        return None, f'"{threshold.text}" is not measured'
    window = inputs.window_of(binding)
    period = window.period_seconds
    values = {point.at: point.value for point in points_over(binding, inputs.series.get(binding.name, ()), window)}
    if counts_events(binding) and not per_period:  # what this period's count would add up to in the whole window
        times = inputs.definition.experiment.judged_length(threshold.window).total_seconds() / period
        values = {at: value * times for at, value in values.items()}
    since = window.end
    while since > window.start and since - period in values and threshold.holds(values[since - period]):
        since -= period
    needed = _count_needed_periods(inputs)
    settled = (window.end - max(since, inputs.fault_end.timestamp())) // period
    if settled < needed:
        return None, f'"{threshold.text}" has held for {max(0, int(settled))} of {needed} periods since the fault ended'
    return max(inputs.effect_at, datetime.fromtimestamp(since, UTC)), ""


def _count_needed_periods(inputs: RecoveryInput) -> int:
    """The number of periods that is enough to trust, and enough for every sentence that is judged in the recovery
    window."""
    timing = inputs.definition.environment.timing
    judged = any(threshold.window == "recovery" for _, threshold in parse_sentences(inputs.definition.experiment).threshold_criteria)
    return max(timing.guard_evaluation_periods, timing.minimum_periods if judged else 0)


def _count_wanted_replacements(inputs: RecoveryInput, parsed: Sentences) -> int:
    asked = any(isinstance(sentence, Replacement) for _, _, sentence in parsed.criteria)
    return len(inputs.before) if inputs.traits.targets_are_replaced or asked else 0


def _recovery_time(
    inputs: RecoveryInput, held: Sequence[datetime], bounds: Sequence[tuple[datetime, datetime | None]]
) -> tuple[datetime, datetime | None]:
    """The time at which everything had recovered, and the lower bound if that is only an upper bound. `bounds`: times that are
    known, or known to be between two."""
    if not held and not bounds:
        return inputs.now, inputs.effect_at  # nothing was lost, and nothing tells since when
    at = max([*held, *(at for at, _ in bounds)])
    after = max([*held, *(after or at for at, after in bounds)])
    return at, after if after < at else None


def _sentences_on_members(parsed: Sentences) -> list[MembersRun]:
    return [sentence for _, _, sentence in parsed.criteria if isinstance(sentence, MembersRun)]


def _count_members(parsed: Sentences, inputs: RecoveryInput) -> tuple[dict[str, RunningMembers], MemberTimes]:
    """How many members run, by sentence, and the times of the members; both empty if no sentence counts members."""
    sentences = _sentences_on_members(parsed)
    if not sentences:
        return {}, MemberTimes()
    look = MemberLook(
        discovery=inputs.discovery,
        workload_now=inputs.workload_now,
        before=inputs.before,
        effect_at=inputs.effect_at,
        now=inputs.now,
        previous=inputs.previous,
        targets_leave_at_once=inputs.traits.targets_leave_at_once,
    )
    times = find_member_times(look)
    counted = [(sentence.text, count_running(sentence, look, times)) for sentence in sentences]
    return {text: members for text, members in counted if members is not None}, times


def _find_replacements(inputs: RecoveryInput) -> tuple[Member, ...]:
    """Members in service now that came after the effect and are healthy in every target group of the lost ones."""
    names = {target.resource.belongs_to for target in inputs.before if target.resource.belongs_to}
    known = {member for group in inputs.discovery.workload.groups for member in group.in_service}
    known |= {target.resource.id for target in inputs.before}
    serving = {member for group in inputs.workload_now.groups if group.name in names for member in group.in_service if member not in known}
    members = [member for member in inputs.workload_now.resources if isinstance(member, Member) and member.id in serving]
    places = _find_needed_places(inputs)
    return tuple(
        member for member in members if not _came_before(member, inputs) and all(member.registered_names & place for place in places)
    )


def _find_needed_places(inputs: RecoveryInput) -> list[set[str]]:
    """What is healthy now in each target group in which the lost targets themselves were registered, not only something
    that ran on them. Nothing is healthy in a target group that is gone."""
    now = {group.arn: set(group.healthy) for group in inputs.workload_now.target_groups}
    then = {group.arn: set(group.healthy) for group in inputs.discovery.workload.target_groups}
    arns = {arn for target in inputs.before for arn in target.healthy_in if target.resource.own_names & then.get(arn, set())}
    return [now.get(arn, set()) for arn in sorted(arns)]


def _came_before(member: Member, inputs: RecoveryInput) -> bool:
    """A member that a growing group added between Discover and the fault is no replacement. Kubernetes tells whole
    seconds, so a member that came in the second of the effect is one.

    An instance that was known before and not in service (stopped, in a warm pool, in Standby) may have been launched
    long ago: without Auto Scaling's word on when it came into service, it came after Discover.
    """
    waited = isinstance(member, Instance) and inputs.discovery.workload.now(member) is not None
    came = member.in_service_at or (None if waited else member.launched_at)
    return came is not None and came < inputs.effect_at.replace(microsecond=0)


def _assess_replacement(inputs: RecoveryInput) -> _Replaced:
    """The time at which each replacement came into service, as the service reports it.

    Without a report, it lies between the launch, or the last look that did not find the replacement, and the first look
    that found it.
    """
    replacements = _find_replacements(inputs)
    ids = tuple(sorted(instance.id for instance in replacements))
    wanted = max(1, len(inputs.before))
    if len(replacements) < wanted:
        return _Replaced(ids)
    last, previous = wanted - 1, inputs.previous
    first_seen = previous.replaced_at if previous and previous.replaced_at else inputs.now
    unseen = (previous.replaced_after if previous.replaced_at else previous.looked_at) if previous else None
    floor_at = unseen or inputs.effect_at
    latest = max(inputs.effect_at, sorted(instance.in_service_at or first_seen for instance in replacements)[last])
    earliest = sorted(instance.in_service_at or max(floor_at, instance.launched_at or floor_at) for instance in replacements)[last]
    return _Replaced(ids, latest, earliest if earliest < latest else None)

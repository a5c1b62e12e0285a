"""What an environment's policy allows of an experiment, and what this version can carry out, judge and guard."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from squall.domain.actions.table import ACTIONS
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths, show_value, suggest_name
from squall.domain.base.vocabulary import BlastRadius, FaultType, ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.sentences import resolve_window
from squall.domain.judging.fault_signals import FEWEST_PERIODS
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import Threshold
from squall.domain.metrics import periods
from squall.domain.metrics.short_faults import find_short_fault
from squall.domain.metrics.timing_problems import LENGTH_FIELD, find_timing_problems
from squall.domain.policy.chaos_mesh import KINDS
from squall.domain.policy.environment import Environment
from squall.domain.recovery.rollback_document import list_fixed_values
from squall.domain.sentinel.config import MINIMUM_PROBES_PER_PERIOD
from squall.faults import registry
from squall.faults.custom.problems import find_open_ends, find_radius_problems
from squall.faults.custom.problems import find_problems as find_custom_problems
from squall.faults.plan import BoundFault, list_lasting, planned_end

ThresholdsByPath = list[tuple[str, Threshold]]


def find_policy_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Every problem except values out of range. Those are found by `find_range_problems`, because an override reports
    them under its own path."""
    yield from _find_template_problems(experiment, environment)
    yield from _find_rollback_problems(experiment, environment)
    for fault in experiment.plan:
        yield from prefix_paths(fault.path, _find_configuration_problems(fault, environment))
        yield from prefix_paths(fault.path, _find_unlisted_roles(fault, environment))
        yield from prefix_paths(fault.path, _find_unlisted_chaos(fault, environment))
        field = "duration" if fault.name else _length_field(experiment)
        yield from prefix_paths(fault.path, _find_too_short(fault, field, environment.timing.minimum_duration_seconds))
        yield from prefix_paths(fault.path, _find_unproven(fault, environment))
        yield from prefix_paths(fault.path, find_custom_problems(fault, environment, experiment.rollback))
    yield from find_open_ends(experiment.plan, environment)
    yield from find_radius_problems(experiment.plan, environment, experiment.blast_radius)
    yield from _find_sentinel_problems(experiment, environment)
    yield from _find_fitness_problems(experiment, environment)


def resolve_parameters(fault: PlannedFault, names: Collection[str] | None = None) -> dict[str, Any]:
    """The fault's parameters including defaults, or only those with these names; empty if they can't be parsed."""
    try:
        parameters = registry.find_fault(fault).parse(fault.parameters).model_dump()
    except (InvalidInput, registry.UnknownFaultError):
        return {}  # parse_experiment reports it
    return {name: value for name, value in parameters.items() if names is None or name in names}


def find_ranges_problems(experiment: Experiment, environment: Environment, overridden: Collection[str] = ()) -> list[Problem]:
    """`find_range_problems` of every fault. Parameters that an execution has overridden are reported elsewhere."""
    problems = []
    for fault in experiment.plan:
        parameters = {name: value for name, value in resolve_parameters(fault).items() if name not in overridden}
        problems += prefix_paths(fault.path, find_range_problems(fault, parameters, environment))
    return problems


def find_range_problems(fault: PlannedFault, parameters: Mapping[str, Any], environment: Environment) -> list[Problem]:
    """Values among these parameters that the environment does not allow, or that the fault does not allow unless an
    environment does."""
    problems = []
    known = fault.resource_type in registry.resource_types(fault.type)
    default_ranges = registry.find_fault(fault).unless_allowed if known else {}
    for name, (least, greatest) in {**default_ranges, **environment.parameter_ranges}.items():
        value = parameters.get(name)
        if isinstance(value, int | float) and not (math.isfinite(value) and least <= value <= greatest):
            message = f"{show_value(value)} is outside what {environment.name} allows"
            problems.append(Problem(path=extend_path("parameters", name), message=message, expected=f"{least:g} to {greatest:g}"))
    default_values = registry.find_fault(fault).unless_listed if known else {}
    for name, listed in {**default_values, **environment.parameter_values}.items():
        value = parameters.get(name)
        if isinstance(value, str) and value not in listed:
            message = f"{show_value(value)} is not what {environment.name} allows"
            problems.append(Problem(path=extend_path("parameters", name), message=message, expected=" or ".join(listed)))
    return problems


def _find_template_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    known = environment.fis_templates
    if experiment.fis_template_id is not None and experiment.fis_template_id not in known:
        message = f"{environment.name} does not list {experiment.fis_template_id}"
        yield Problem(path="fis_template_id", message=message, expected=", ".join(known) or "none: its policy lists no fis_templates")


def _find_configuration_problems(fault: PlannedFault, environment: Environment) -> Iterator[Problem]:
    if fault.resource_type is ResourceType.FUNCTION and environment.lambda_fault_configuration is None:
        message = f"{environment.name} does not say where FIS may store the faults of functions"
        expected = "lambda_fault_configuration in its policy: arn:aws:s3:::bucket/folder/"
        yield Problem(path="target_resources", message=message, expected=expected)
    if fault.resource_type is ResourceType.POD and environment.eks_service_account is None:
        message = f"{environment.name} does not name the service account with which FIS may disturb pods"
        yield Problem(path="target", message=message, expected="eks_service_account in its policy: the name of a service account")


def _find_too_short(fault: PlannedFault, field: str, shortest_here: int) -> Iterator[Problem]:
    """Why FIS does not take a fault of this length: an action may have to last longer than any fault of its environment, whose
    shortest lasts so many seconds."""
    action = ACTIONS.get(fault.type.value)
    least = next((known.least for known in action.parameters if known.name == action.length_parameter), None) if action else None
    told = least is not None and least <= shortest_here and not fault.name  # a shorter one is refused in any case
    if least is not None and fault.length < timedelta(seconds=least) and not told:
        shortest = periods.format_length(timedelta(seconds=least))
        yield Problem(
            path=field,
            message=f"{periods.format_length(fault.length)} is shorter than {fault.type.value} lasts",
            expected=f"at least {shortest}",
        )


def _find_unlisted_roles(fault: PlannedFault, environment: Environment) -> Iterator[Problem]:
    """The roles that the policy does not list. What a fault on a role hits is bounded by nothing else."""
    listed = environment.api_fault_roles
    fields = {"target_resources": fault.target_resources, "target.arns": fault.target.arns if fault.target else ()}
    for field, names in fields.items() if fault.resource_type is ResourceType.ROLE else ():
        for index, name in enumerate(names):
            if name not in listed:
                message = f"{environment.name} does not list this role: everything that uses it would be hit{suggest_name(name, listed)}"
                expected = " or ".join(listed) or "none: its policy has no api_fault_roles"
                yield Problem(path=extend_path(field, index), message=message, expected=expected)


def _find_unlisted_chaos(fault: PlannedFault, environment: Environment) -> Iterator[Problem]:
    """The namespaces in which the policy does not allow this fault of Chaos Mesh."""
    kind = fault.parameters.get("kubernetesKind")
    if fault.type is not FaultType.CUSTOM_RESOURCE or kind not in KINDS:
        return  # the fault refuses a kind that it does not know
    listed = environment.chaos_mesh.get(kind, ())
    namespaces = fault.target.filters.get("namespace", ()) if fault.target else ()
    for index, name in enumerate(namespaces):
        if name not in listed:
            expected = " or ".join(listed) or f"none: its policy's chaos_mesh has no {kind}"
            message = f"{environment.name} does not allow {kind} in {show_value(name)}{suggest_name(name, listed)}"
            yield Problem(path=extend_path("target.filters.namespace", index), message=message, expected=expected)


def _find_unproven(fault: PlannedFault, environment: Environment) -> Iterator[Problem]:
    """Why a run of this fault could never be valid: only a metric shows the fault, and the experiment names none."""
    try:
        bound = registry.bind_fault(fault, environment)
    except registry.UnknownFaultError:
        return  # reported elsewhere
    if bound.requires_signal(fault.parameters) and fault.fault_signal is None:
        message = f"no state and no metric that Squall knows shows that {bound.actions[0]} did anything"
        expected = "a fault_signal: a metric that the action moves on each target, and that users do not feel"
        yield Problem(path="fault_signal", message=message, expected=expected)


def _find_rollback_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Problems of the rollback: the policy does not allow the document, or these values of its parameters."""
    declared = experiment.rollback
    if declared is None:
        return
    known = environment.rollback_documents
    if declared.document not in known:
        message = f"{environment.name} has no rollback document {show_value(declared.document)}{suggest_name(declared.document, known)}"
        yield Problem(path="rollback", message=message, expected=", ".join(sorted(known)) or "none: its policy lists no rollback_documents")
        return
    allowed = known[declared.document].parameters
    for name, values in list_fixed_values(declared.parameters).items():
        path = extend_path("rollback.parameters", name)
        if name not in allowed:
            message = f"{declared.document} may not have this parameter{suggest_name(name, allowed)}"
            yield Problem(path=path, message=message, expected=", ".join(sorted(allowed)) or "no parameters")
            continue
        for value in values:
            if not re.fullmatch(allowed[name], value):
                yield Problem(path=path, message=f"{show_value(value)} is refused", expected=f"a match of {allowed[name]}")


def _find_sentinel_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Problems of the sentinel: the policy does not allow this URL or this load, or a metric of a sentinel is used
    without one."""
    sentinel, policy = experiment.sentinel, environment.sentinel
    if sentinel is None:
        thresholds = _list_thresholds(experiment)
        used = next(((path, threshold.metric) for path, threshold in thresholds if measured_by_sentinel(threshold.metric)), None)
        if used and used[1] not in experiment.metrics:
            yield Problem(path=used[0], message=f"{used[1]} needs a sentinel, and the experiment has none", expected="sentinel, with a url")
        return
    if policy is None or not policy.allows(sentinel.host):
        allowed = ", ".join(policy.hosts) if policy else "none: its policy has no sentinel"
        message = f"{environment.name} does not let {show_value(sentinel.host)} be probed"
        yield Problem(path="sentinel.url", message=message, expected=allowed)
    most = policy.maximum_load_per_second if policy else 0
    if policy and sentinel.load_per_second > most:
        message = f"more than {environment.name} allows" if most else f"{environment.name} allows no load"
        yield Problem(path="sentinel.load_per_second", message=message, expected=f"at most {most:g}")
    period = environment.timing.sentinel_period_seconds
    if sentinel.rate * period < MINIMUM_PROBES_PER_PERIOD:
        message = f"too seldom for periods of {period} s: each needs {MINIMUM_PROBES_PER_PERIOD} probes"
        expected = f"at most {period / MINIMUM_PROBES_PER_PERIOD:g} s, or load_per_second"
        yield Problem(path="sentinel.every", message=message, expected=expected)


def _find_fitness_problems(experiment: Experiment, environment: Environment) -> list[Problem]:
    """Problems with what this version can't carry out, judge or guard.

    A FIS template may have waits that are an observation. Until it is read, only the experiment's own observation tells
    how long the run is observed.
    """
    unread = not (experiment.target_resources or experiment.target or experiment.faults)
    if experiment.fis_template_id is not None and unread and experiment.observation is None:
        return [*find_unavailable_features(experiment.model_dump())]
    lag_of = periods.lag_table(environment.timing, experiment.metrics)
    timing_problems = find_timing_problems(
        experiment.length,
        _list_thresholds(experiment),
        environment.timing,
        lag_of,
        recovery=experiment.recovery,
        observation=experiment.observation,
        faults=experiment.fault_lengths,
    )
    return [
        *find_unavailable_features(experiment.model_dump()),
        *(_place_length(problem, experiment) for problem in timing_problems),
        *_find_short_fault_problems(experiment, environment),
        *_find_unseen_signal(experiment, environment),
        *_find_cut_observation(experiment, environment),
    ]


def _list_lasting(experiment: Experiment, environment: Environment) -> dict[str, timedelta]:
    """The length of each fault that is not over at once; none if a fault is not known: then other problems say why."""
    try:
        return list_lasting([BoundFault(planned, registry.bind_fault(planned, environment)) for planned in experiment.plan])
    except (registry.UnknownFaultError, InvalidInput):
        return {}


def _find_unseen_signal(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Why a short fault is over before its fault signal can show it: a single period may have been measured before or after
    the fault. A fault that is the whole run is long enough, or is refused by other rules."""
    period = environment.timing.metric_period_seconds
    for fault in experiment.plan:
        signal = fault.fault_signal
        if signal is None or not (fault.name or experiment.observes_longer):
            continue
        needed = timedelta(seconds=(FEWEST_PERIODS + 1) * period + signal.after_seconds)
        if fault.length < needed:
            message = f"{signal.metric_name} can't show a fault of {periods.format_length(fault.length)} in periods of {period} s"
            expected = f"a fault of at least {periods.format_length(needed)}"
            yield Problem(path=extend_path(fault.path, "fault_signal"), message=message, expected=expected)


def _find_cut_observation(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Why the observation of a scenario would end before its last fault: FIS keeps time in reserve between faults."""
    if not experiment.faults or experiment.observation is None or not experiment.observes_longer:
        return
    try:
        end = planned_end([BoundFault(planned, registry.bind_fault(planned, environment)) for planned in experiment.plan])
    except (registry.UnknownFaultError, InvalidInput):
        return  # reported elsewhere
    if experiment.observation < end:
        message = f"the last fault may end {periods.format_length(end)} after the beginning, with the time that FIS keeps in reserve"
        yield Problem(path="observation", message=message, expected=f"at least {periods.format_length(end)}, or no observation")


def _place_length(problem: Problem, experiment: Experiment) -> Problem:
    """The problem, at the field that says the length if it is one of the length."""
    return problem.model_copy(update={"path": _length_field(experiment)}) if problem.path == LENGTH_FIELD else problem


def _length_field(experiment: Experiment) -> str:
    return "duration" if experiment.duration is not None else "duration_minutes"


def _find_short_fault_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Why the policy refuses a fault that is over before a guard could end it."""
    conditions = [threshold for path, threshold in _list_thresholds(experiment) if path.startswith("abort_conditions")]
    short = find_short_fault(experiment, conditions, environment, lasting=_list_lasting(experiment, environment))
    if short is not None and not short.allowed:
        field = extend_path("faults", short.name, "duration") if short.name else _length_field(experiment)
        expected = "a longer fault, or an abort condition on metrics of a `sentinel`, which guard more quickly"
        yield Problem(path=field, message=short.detail, expected=expected)


def find_unavailable_features(raw: object) -> Iterator[Problem]:
    """Fields and values of an experiment that this version knows but can't carry out. The experiment may be wrong
    otherwise."""
    if not isinstance(raw, Mapping):
        return
    if raw.get("ramp") is not None:
        message = "an experiment has one dose: a ramp is a campaign"
        yield Problem(path="ramp", message=message, expected="a file in campaigns/ with kind: ramp, which names this experiment")
    if raw.get("blast_radius") == BlastRadius.MULTIPLE_REGION and raw.get("regions") is None:
        smaller = ", ".join(radius for radius in BlastRadius if radius is not BlastRadius.MULTIPLE_REGION)
        message = "is multiple_region, and the experiment names no regions"
        yield Problem(path="blast_radius", message=message, expected=f"regions, or one of {smaller}")


def _list_thresholds(experiment: Experiment) -> ThresholdsByPath:
    """The thresholds among the criteria and guards, each with its path."""
    units, faults = experiment.declared_units, tuple(experiment.faults)
    criteria = (
        (f"success_criteria[{n}]", parse_criterion(criterion.text, units, faults)) for n, criterion in enumerate(experiment.criteria)
    )
    guards = ((f"abort_conditions[{n}]", parse_condition(text, units)) for n, text in enumerate(experiment.abort_conditions))
    return [(path, resolve_window(sentence, experiment)) for path, sentence in (*criteria, *guards) if isinstance(sentence, Threshold)]

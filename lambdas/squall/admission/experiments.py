"""An experiment and an environment as somebody wrote them: every problem at once, also of fields that pydantic looks at only later."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from squall.admission.raw import not_an_object, once, unfit_problems
from squall.domain.base.problems import (
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    list_validation_problems,
    prefix_paths,
    show_value,
    suggest,
)
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.experiment.experiment import Experiment, MetricDefinition, type_problem
from squall.domain.experiment.sentences import sentences
from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import normalize_name
from squall.domain.language.metric_table import METRICS
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import Threshold
from squall.domain.language.units import DECLARED_UNITS
from squall.domain.metrics.bindings import published_as
from squall.domain.policy.environment import Environment
from squall.domain.resources import pods
from squall.domain.resources.types import FILTERS, ZONELESS, type_named
from squall.domain.targets.pinning import ZONAL
from squall.faults import registry
from squall.faults.template import MAXIMUM_STOP_CONDITIONS

_NAMED = ("i-", "subnet-", "vol-", "arn:")
"""How what can be a resource's name begins."""


def parse_experiment(raw: object, path: str = WHOLE) -> Experiment:
    """The experiment, if everything about it is understood. Raises InvalidInput with every problem."""
    unfit = unfit_problems(raw)
    if unfit or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, unfit or [not_an_object(raw, "an experiment")]))
    if too_many := list(_count_problems(raw)):  # before anything is parsed: each sentence costs milliseconds
        raise InvalidInput(prefix_paths(path, too_many))
    problems: list[Problem] = []
    experiment = None
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        problems += list_validation_problems(error, raw, WHOLE, Experiment)
        problems += _across_fields(raw)
    problems += _sentence_problems(raw)
    problems += _fault_problems(raw)
    problems += _filter_problems(raw)
    problems += _radius_problems(raw)
    problems += _stop_problems(raw)
    problems += _signal_problems(experiment) if experiment and not problems else []
    if problems or experiment is None:
        raise InvalidInput(prefix_paths(path, once(problems)))
    return experiment


def parse_environment(raw: object, path: str = WHOLE) -> Environment:
    """The environment's policy. Raises InvalidInput with every problem."""
    unfit = unfit_problems(raw)
    if unfit or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, unfit or [not_an_object(raw, "an environment")]))
    try:
        return Environment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(prefix_paths(path, list_validation_problems(error, raw, WHOLE, Environment))) from None


MAXIMUM_COUNTS = {"success_criteria": 20, "abort_conditions": 5, "steady_state": 20, "metrics": 50, "parameters": 50}


def _count_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Lists and objects with more entries than any experiment needs."""
    for field, most in MAXIMUM_COUNTS.items():
        entries = raw.get(field)
        if isinstance(entries, list | tuple | Mapping) and len(entries) > most:
            yield Problem(path=field, message=f"has {len(entries)} entries", expected=f"at most {most}")


def _across_fields(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What pydantic looks at only once every field is right."""
    given = [field for field in ("duration_minutes", "duration") if raw.get(field) is not None]
    if len(given) != 1:
        expected = "exactly one of duration_minutes and duration"
        yield Problem(path="duration_minutes", message="the length of the fault is given once", expected=expected)
    if not raw.get("target_resources") and raw.get("target") is None and raw.get("fis_template_id") is None:
        yield Problem(path="target_resources", message="no target is named", expected="target_resources or target")
    if found := type_problem(*_targets_of(raw)):
        yield Problem(path="target_resources", message=found[0], expected=found[1])


def _declared(raw: Mapping[str, Any]) -> dict[str, str]:
    """Units of the experiment's own metrics, as far as they are right."""
    metrics = raw.get("metrics")
    if not isinstance(metrics, Mapping):
        return {}
    fallback = str(MetricDefinition.model_fields["unit"].default)
    units = {name: metric.get("unit", fallback) for name, metric in metrics.items() if isinstance(metric, Mapping)}
    return {str(name): unit for name, unit in units.items() if unit in DECLARED_UNITS}


def _sentence_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Sentences that aren't understood, metrics declared twice, guards that say the same."""
    declared = _declared(raw)
    first_of: dict[str, str] = {}
    for name in declared:
        if (first := first_of.setdefault(normalize_name(name), name)) != name:
            yield Problem(path=extend_path("metrics", name), message=f'is the same name as "{first}": case, spaces and _ don\'t count')
    for path, text in _texts(raw, "success_criteria"):
        if isinstance(found := _read(path, text, declared, guard=False, event=True), Problem):
            yield found
    for path, text in _texts(raw, "steady_state"):
        if isinstance(found := _read(path, text, declared, guard=False, event=False), Problem):
            yield found
    guards: dict[str, str] = {}
    for path, text in _texts(raw, "abort_conditions"):
        found = _read(path, text, declared, guard=True, event=False)
        if isinstance(found, Problem):
            yield found
            continue
        same = guards.setdefault(found, path)
        if same != path:
            yield Problem(path=path, message=f"says the same as {same}", expected="each abort condition once")


def _texts(raw: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    entries = raw.get(field)
    if not isinstance(entries, list | tuple):
        return
    for number, entry in enumerate(entries):
        path, text = extend_path(field, number), entry
        if isinstance(entry, Mapping):
            path, text = extend_path(path, "text"), entry.get("text")
        if isinstance(text, str) and text.strip():
            yield path, text


def _read(path: str, text: str, declared: Mapping[str, str], *, guard: bool, event: bool) -> str | Problem:
    """What the sentence means, as text to compare by; or the problem."""
    try:
        sentence = parse_criterion(text, declared) if event else parse_condition(text, declared)
    except SentenceError as error:
        return Problem(path=path, message=str(error), expected="; ".join(error.expected))
    if guard and isinstance(sentence, Threshold) and sentence.comparator in {"==", "!="}:
        return Problem(path=path, message=f"{show_value(text)}: an alarm can't compare for equality", expected="> >= < or <=")
    return sentence.model_dump_json(exclude={"text"})


def _signal_problems(experiment: Experiment) -> list[Problem]:
    """What a criterion or a guard is about can't be the evidence that there was a fault: a workload that bears it would have had none."""
    signal = experiment.fault_signal
    if signal is None:
        return []
    metric = (signal.namespace, signal.metric_name)
    asked = next((name for name in sentences(experiment).metrics if metric in published_as(name, experiment.metrics)), None)
    felt = next((row.name for row in METRICS.values() if row.felt and metric in published_as(row.name, {})), None)
    if asked is None and felt is None:
        return []
    why = f"criteria or guards are about it ({asked})" if asked else f"users feel it ({felt})"
    message = f"{signal.namespace} {signal.metric_name} can't tell whether there was a fault: {why}"
    return [Problem(path="fault_signal.metric_name", message=message, expected="a metric of the mechanism alone")]


def _stop_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """FIS takes few stop conditions; each abort condition and each stop alarm is one."""
    guards, alarms = (raw.get(field) for field in ("abort_conditions", "stop_alarms"))
    if not isinstance(guards, list | tuple) or not isinstance(alarms, list | tuple):
        return
    own = {alarm for alarm in alarms if isinstance(alarm, str)}
    if len(guards) + len(own) > MAXIMUM_STOP_CONDITIONS:
        message = f"{len(guards)} abort conditions and {len(own)} stop alarms are {len(guards) + len(own)} stop conditions"
        yield Problem(path="stop_alarms", message=message, expected=f"at most {MAXIMUM_STOP_CONDITIONS} together, as many as FIS takes")


def _fault_problems(raw: Mapping[str, Any]) -> list[Problem]:
    named, parameters = raw.get("type"), raw.get("parameters", {})
    if not isinstance(named, str) or named not in set(FaultType):
        return []
    if raw.get("fis_template_id") is not None:
        return []  # the template's, looked at once it has been read
    return parameter_problems(FaultType(named), _targeted(raw), parameters if isinstance(parameters, Mapping) else {})


def _filter_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Filters nobody would apply: they would widen what they were meant to narrow."""
    target = raw.get("target")
    filters = target.get("filters") if isinstance(target, Mapping) else None
    kind = _targeted(raw)
    if kind is ResourceType.POD:
        yield from pods.filter_problems(filters if isinstance(filters, Mapping) else {}, named=bool(_targets_of(raw)[0]))
        return
    known = FILTERS.get(kind)
    if known is None or not isinstance(filters, Mapping):
        return
    for name in sorted(str(name) for name in filters.keys() - known):
        message = f"there is no such filter{suggest(name, known)}"
        yield Problem(path=extend_path("target.filters", name), message=message, expected=", ".join(sorted(known)))


def _radius_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    kind, radius = _targeted(raw), raw.get("blast_radius")
    if kind in ZONELESS and isinstance(radius, str) and radius in ZONAL:
        message = f"{kind.with_article} lives in no zone: {radius} would mean nothing"
        yield Problem(path="blast_radius", message=message, expected="single_instance or single_region")


def _targets_of(raw: Mapping[str, Any]) -> tuple[list[str], ResourceType | None]:
    """The resources an experiment names, as far as they are names, and the type it declares, as far as it is one."""
    target = raw.get("target")
    target = target if isinstance(target, Mapping) else {}
    lists = [names for names in (raw.get("target_resources"), target.get("arns")) if isinstance(names, list | tuple)]
    declared = target.get("resource_type")
    known = ResourceType(declared) if isinstance(declared, str) and declared in set(ResourceType) else None
    return [name for names in lists for name in names if isinstance(name, str) and name.startswith(_NAMED)], known


def _targeted(raw: Mapping[str, Any]) -> ResourceType:
    """What it would hit, as `Experiment.resource_type` says it once the experiment is right."""
    named, declared = _targets_of(raw)
    return declared or next((kind for name in named if (kind := type_named(name))), ResourceType.INSTANCE)


def parameter_problems(fault_type: FaultType, resource_type: ResourceType, parameters: Mapping[str, Any]) -> list[Problem]:
    """Whether there is such a fault for such a target, and whether these are parameters of it."""
    known = registry.resource_types(fault_type)
    if resource_type not in known:
        targets = ", ".join(f"{kind.words} ({kind.value})" for kind in known)
        others = ", ".join(registry.fault_types(resource_type)) or "nothing"
        message = f"{fault_type} can't be injected into {resource_type.with_article}: there is {others}"
        return [Problem(path="type", message=message, expected=f"targets it can be injected into: {targets}")]
    try:
        registry.get(fault_type, resource_type).parse(parameters)
    except InvalidInput as invalid:
        return list(invalid.problems)
    return []

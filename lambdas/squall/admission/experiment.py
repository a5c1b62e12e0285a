"""Parses an experiment, and finds all its problems at once. pydantic checks rules across fields only once every field
is right, so these rules are checked here on the raw fields."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from pydantic import ValidationError

from squall.admission.carrying import find_carrying_problems, find_nothing
from squall.admission.fault_types import explain_type_problems
from squall.admission.json_limits import find_json_problems, make_type_problem, remove_duplicates
from squall.admission.scenario import find_scenario_problems
from squall.admission.sentences import find_sentence_problems, find_signal_problems
from squall.domain.base.problems import WHOLE, InvalidInput, Problem, extend_path, list_validation_problems, prefix_paths, suggest_name
from squall.domain.base.spelling import correct_spelling
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, BlastRadius, FaultType, ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.form import find_form_problems
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.target import Selection, find_type_problem
from squall.domain.regions.definition import REGIONS
from squall.domain.resources import pods
from squall.domain.resources.managed import MANAGED
from squall.domain.resources.types import FILTERS, ZONELESS, group_named, type_named
from squall.domain.targets.pinning import ZONAL
from squall.faults import registry
from squall.faults.adoption.keys import find_double
from squall.faults.template import MAXIMUM_STOP_CONDITIONS

HOW_REGIONS_RUN = "a file in campaigns/ with kind: regions, which names this experiment"
_NAME_PREFIXES = ("i-", "subnet-", "vol-", "arn:")
"""How the names of resources begin."""
MAXIMUM_COUNTS = {"faults": 20, "success_criteria": 20, "abort_conditions": 5, "steady_state": 20, "metrics": 50, "parameters": 50}


def parse_experiment(raw: object, path: str = WHOLE, *, carries: bool = False) -> Experiment:
    """The experiment, if everything in it is understood. Raises InvalidInput with every problem, each with its path
    below `path`. `carries`: it is that of a Region without a fault, which no other experiment can be."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, json_problems or [make_type_problem(raw, "an experiment")]))
    if too_many := list(_find_count_problems(raw)):  # before anything is parsed: each sentence costs milliseconds
        raise InvalidInput(prefix_paths(path, too_many))
    spelling = correct_spelling(raw, Experiment)
    problems = _find_problems(spelling.raw, carries=carries)
    if isinstance(problems, Experiment) and not spelling.slips:
        return problems
    found = [] if isinstance(problems, Experiment) else problems
    raise InvalidInput(prefix_paths(path, remove_duplicates(spelling.finish(found))))


def _find_problems(raw: Mapping[str, Any], *, carries: bool) -> Experiment | list[Problem]:
    """The experiment, or everything that is wrong with it."""
    problems: list[Problem] = []
    experiment = None
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        types = {extend_path(fault_path, "type"): fault.get("type") for fault_path, fault in _list_faults(raw)}
        problems += explain_type_problems(_refuse_regions(list_validation_problems(error, raw, WHOLE, Experiment)), types)
        problems += _find_cross_field_problems(raw)
    problems += find_sentence_problems(raw)
    for fault_path, fault in _list_faults(raw):
        problems += prefix_paths(fault_path, [*_find_fault_problems(fault), *_find_filter_problems(fault), *_find_tag_problems(fault)])
        problems += _find_radius_problems(raw.get("blast_radius"), fault, fault_path)
    for planned in experiment.plan if experiment else ():
        problems += prefix_paths(planned.path, _find_selection_problems(planned))
    problems += find_double(experiment) if experiment and experiment.fis_template_id is not None else []
    problems += find_scenario_problems(experiment) if experiment else []
    problems += _find_stop_problems(raw)
    problems += find_signal_problems(experiment) if experiment and not problems else []
    if not carries:
        problems += [
            find_nothing(extend_path(where, "type")) for where, fault in _list_faults(raw) if fault.get("type") == FaultType.NO_FAULT
        ]
    elif experiment and not problems:
        problems += find_carrying_problems(experiment)
    return problems if problems or experiment is None else experiment


def _refuse_regions(problems: list[Problem]) -> list[Problem]:
    """The problems, where `regions` is no unknown word: whoever asks for an ordinary experiment gets one for several
    Regions."""
    message = "the experiment is for several Regions, and runs in no other way than as a campaign"
    refusal = Problem(path=REGIONS, message=message, expected=HOW_REGIONS_RUN)
    return [refusal if problem.path == REGIONS else problem for problem in problems]


def _list_faults(raw: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each fault of the experiment with its path: those of a scenario, or the experiment itself."""
    faults = raw.get("faults")
    if not isinstance(faults, Mapping) or not faults:
        return [(WHOLE, raw)]
    return [(extend_path("faults", str(name)), fault) for name, fault in faults.items() if isinstance(fault, Mapping)]


def find_parameter_problems(fault_type: FaultType, resource_type: ResourceType, parameters: Mapping[str, Any]) -> list[Problem]:
    """Whether the fault can be injected into this type of resource, and whether it accepts these parameters."""
    known = registry.resource_types(fault_type)
    if resource_type not in known:
        targets = ", ".join(f"{kind.words} ({kind.value})" for kind in known)
        others = ", ".join(registry.fault_types(resource_type)) or "nothing"
        message = f"{fault_type} can't be injected into {resource_type.with_article}: there is {others}"
        return [Problem(path="type", message=message, expected=f"targets it can be injected into: {targets}")]
    try:
        registry.get_fault(fault_type, resource_type).parse(parameters)
    except InvalidInput as invalid:
        return list(invalid.problems)
    return []


def _find_count_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Lists and objects with more entries than any experiment needs."""
    for field, most in MAXIMUM_COUNTS.items():
        entries = raw.get(field)
        if isinstance(entries, list | tuple | Mapping) and len(entries) > most:
            yield Problem(path=field, message=f"has {len(entries)} entries", expected=f"at most {most}")


def _find_cross_field_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The rules across fields that pydantic has not checked because a field is wrong."""
    yield from find_form_problems(raw)
    for path, fault in _list_faults(raw):
        if mismatch := find_type_problem(*_read_targets(fault)):
            yield Problem(path=extend_path(path, "target_resources"), message=mismatch[0], expected=mismatch[1])


def _find_stop_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Each abort condition and each stop alarm is a stop condition, of which FIS takes only a few."""
    guards, alarms = (raw.get(field) for field in ("abort_conditions", "stop_alarms"))
    if not isinstance(guards, list | tuple) or not isinstance(alarms, list | tuple):
        return
    names = {alarm for alarm in alarms if isinstance(alarm, str)}
    if len(guards) + len(names) > MAXIMUM_STOP_CONDITIONS:
        message = f"{len(guards)} abort conditions and {len(names)} stop alarms are {len(guards) + len(names)} stop conditions"
        yield Problem(path="stop_alarms", message=message, expected=f"at most {MAXIMUM_STOP_CONDITIONS} together, as many as FIS takes")


def _find_fault_problems(raw: Mapping[str, Any]) -> list[Problem]:
    fault_type, parameters = raw.get("type"), raw.get("parameters", {})
    if not isinstance(fault_type, str) or fault_type not in set(FaultType):
        return []
    if raw.get("fis_template_id") is not None:
        return []  # the template has the parameters; they are checked once it has been read
    given = parameters if isinstance(parameters, Mapping) else {}
    names, declared = _read_targets(raw)
    if not names and declared is None and not isinstance(raw.get("target"), Mapping):  # no target, which another problem says
        kinds = registry.resource_types(FaultType(fault_type))
        if any(not find_parameter_problems(FaultType(fault_type), kind, given) for kind in kinds):
            return []
    return find_parameter_problems(FaultType(fault_type), _read_resource_type(raw), given)


def _find_filter_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Filters that nothing would apply: without them the experiment could hit more than its author meant."""
    target = raw.get("target")
    filters = target.get("filters") if isinstance(target, Mapping) else None
    kind = _read_resource_type(raw)
    if kind is ResourceType.POD:
        yield from pods.filter_problems(filters if isinstance(filters, Mapping) else {}, named=bool(_read_targets(raw)[0]))
        return
    known = FILTERS.get(kind)
    if known is None or not isinstance(filters, Mapping):
        return
    for name in sorted(str(name) for name in filters.keys() - known):
        message = f"there is no such filter{suggest_name(name, known)}"
        yield Problem(path=extend_path("target.filters", name), message=message, expected=", ".join(sorted(known)))


def _find_tag_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Tags by which nothing would be found."""
    target, kind = raw.get("target"), _read_resource_type(raw)
    tags = target.get("tags") if isinstance(target, Mapping) else None
    if tags and kind in MANAGED and not MANAGED[kind].tagged_as:
        yield Problem(path="target.tags", message=f"{kind.with_article} is not found by tags", expected="target_resources: its ARN")
    if kind in CHOSEN_BY_TAGS:
        yield from _find_choice_problems(raw, kind)


def _find_choice_problems(raw: Mapping[str, Any], kind: ResourceType) -> Iterator[Problem]:
    """Targets that tags can't say, of a type that FIS chooses by tags alone."""
    target = raw.get("target")
    expected = f"target: {{resource_type: {kind.value}, tags: {{…}}}} with tags that all targets carry and nothing else does"
    for path, names in (("target_resources", raw.get("target_resources")), ("target.arns", target and target.get("arns"))):
        if names:
            yield Problem(path=path, message=f"FIS chooses {kind.words}s by tags alone, and takes no ARNs", expected=expected)
    if isinstance(target, Mapping) and isinstance(target.get("select"), Mapping):
        message = f"FIS chooses every {kind.words} with these tags, and would not keep to a part that Squall chose"
        yield Problem(path="target.select", message=message, expected=f"select: all, and {expected}")


def _find_radius_problems(radius: object, raw: Mapping[str, Any], path: str) -> Iterator[Problem]:
    kind, target = _read_resource_type(raw), raw.get("target")
    select = target.get("select") if isinstance(target, Mapping) else None
    count = select.get("count") if isinstance(select, Mapping) else None
    if isinstance(count, int) and count > 1 and radius == BlastRadius.SINGLE_INSTANCE:
        message = f"{count} targets are more than single_instance allows"
        yield Problem(path=extend_path(path, "target.select.count"), message=message, expected="1, or a wider blast_radius")
    if kind in ZONELESS and isinstance(radius, str) and radius in ZONAL:
        message = f"{kind.with_article} is in no zone: {radius} would mean nothing"
        yield Problem(path="blast_radius", message=message, expected="single_instance or single_region")


def _find_selection_problems(fault: PlannedFault) -> Iterator[Problem]:
    """A number of targets that the resources which are named one by one can never be."""
    target = fault.target
    single = fault.resource_type is not ResourceType.POD and not any(map(group_named, fault.named))
    if target is None or not isinstance(target.select, Selection) or not fault.named or not single:
        return
    known, named = len({*fault.named}), target.select
    if named.percent is not None and not named.count_of(known):
        message = f"{named.percent} % of {known} named target{'s' if known > 1 else ''} is none, rounded down as FIS does"
        yield Problem(path="target.select.percent", message=message, expected=f"at least {ceil(100 / known)}")
    if named.count is not None and named.count > known:
        message = f"{named.count} of {known} named target{'s' if known > 1 else ''} can't be hit"
        yield Problem(path="target.select.count", message=message, expected=f"at most {known}")


def _read_targets(raw: Mapping[str, Any]) -> tuple[list[str], ResourceType | None]:
    """The names of resources in an experiment that may be wrong, and the type that it declares; None without a known
    type."""
    target = raw.get("target")
    target = target if isinstance(target, Mapping) else {}
    lists = [names for names in (raw.get("target_resources"), target.get("arns")) if isinstance(names, list | tuple)]
    declared = target.get("resource_type")
    known = ResourceType(declared) if isinstance(declared, str) and declared in set(ResourceType) else None
    return [name for names in lists for name in names if isinstance(name, str) and name.startswith(_NAME_PREFIXES)], known


def _read_resource_type(raw: Mapping[str, Any]) -> ResourceType:
    """The type of the targets. For an experiment without problems it equals `Experiment.resource_type`."""
    names, declared = _read_targets(raw)
    return declared or next((kind for name in names if (kind := type_named(name))), ResourceType.INSTANCE)

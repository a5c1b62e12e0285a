"""What may run at all: everything that can be said of an experiment without asking AWS, every problem at once.

Admission refuses what can't be understood, judged or guarded. Whether it is allowed now (blast radius, hours, targets, capacity) are
safety checks, evaluated later and recorded.
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from squall.domain import eks, timing
from squall.domain.bindings import FELT, published_as, sentences
from squall.domain.documents import Definition
from squall.domain.environment import Environment
from squall.domain.experiment import ExecutionInput, Experiment, MetricDefinition, Overrides, Trigger, type_problem
from squall.domain.hashes import definition_hash, promotion_hash
from squall.domain.language import DECLARED_UNITS, SentenceError, Threshold, normal, parse_condition, parse_criterion
from squall.domain.problems import WHOLE, InvalidInput, Problem, at, like, of_validation, shown, under
from squall.domain.resources import FILTERS, ZONELESS, type_named
from squall.domain.rollback import check_values
from squall.domain.sentinel import METRICS as SENTINEL
from squall.domain.sentinel import PROBES_A_PERIOD
from squall.domain.targets import ZONAL
from squall.domain.vocabulary import BlastRadius, FaultType, ResourceType
from squall.faults import adoption, custom, registry
from squall.faults.template import MAXIMUM_STOP_CONDITIONS

EXECUTION_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
MAXIMUM_BYTES = 64 * 1024
MAXIMUM_DEPTH = 32
_NOT_YET = ("ramp",)
"""Fields of the contract that this version understands and can't carry out."""

_NAMED = ("i-", "subnet-", "vol-", "arn:")
"""How what can be a resource's name begins."""

Sentences = list[tuple[str, Threshold]]


def parse_experiment(raw: object, path: str = WHOLE) -> Experiment:
    """The experiment, if everything about it is understood. Raises InvalidInput with every problem."""
    unfit = _unfit(raw)
    if unfit or not isinstance(raw, Mapping):
        raise InvalidInput(under(path, unfit or [_not_an_object(raw, "an experiment")]))
    problems: list[Problem] = []
    experiment = None
    try:
        experiment = Experiment.model_validate(raw)
    except ValidationError as error:
        problems += of_validation(error, raw, WHOLE, Experiment)
        problems += _across_fields(raw)
    problems += _sentence_problems(raw)
    problems += _fault_problems(raw)
    problems += _filter_problems(raw)
    problems += _radius_problems(raw)
    problems += _stop_problems(raw)
    problems += _signal_problems(experiment) if experiment and not problems else []
    if problems or experiment is None:
        raise InvalidInput(under(path, _once(problems)))
    return experiment


def parse_environment(raw: object, path: str = WHOLE) -> Environment:
    """The environment's policy. Raises InvalidInput with every problem."""
    unfit = _unfit(raw)
    if unfit or not isinstance(raw, Mapping):
        raise InvalidInput(under(path, unfit or [_not_an_object(raw, "an environment")]))
    try:
        return Environment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(under(path, of_validation(error, raw, WHOLE, Environment))) from None


def apply_overrides(experiment: Experiment, overrides: Overrides, environment: Environment) -> Experiment:
    """The experiment with another length or other parameters, still inside the fault's and the environment's ranges."""
    changes: dict[str, Any] = {}
    if overrides.duration is not None or overrides.duration_minutes is not None:
        changes |= {"duration": overrides.duration, "duration_minutes": overrides.duration_minutes}
    if overrides.parameters:
        changes["parameters"] = {**experiment.parameters, **overrides.parameters}
    changed = experiment.model_copy(update=changes)
    own = bool(overrides.parameters) and changed.fis_template_id is None
    problems = _parameter_problems(changed.type, changed.resource_type, changed.parameters) if own else []
    problems += _range_problems(changed, _effective(changed, overrides.parameters.keys()), environment)
    if changed.type is FaultType.CUSTOM and "action" in overrides.parameters:
        message = "which action is run is the definition's to say"
        problems.append(Problem(path="parameters.action", message=message, expected="values only"))
    if changes and changed.length > environment.maximum_duration:
        field = "duration" if overrides.duration is not None else "duration_minutes"
        expected = f"at most {timing.spoken(environment.maximum_duration)}"
        problems.append(Problem(path=field, message=f"longer than {environment.name} allows", expected=expected))
    if problems:
        raise InvalidInput(problems)
    return changed


def trigger_key(trigger: Trigger) -> str:
    """One firing of one schedule: the ARN, `#`, the scheduled time in UTC. What `Definition.trigger` holds."""
    moment = _moment(trigger.scheduled_time)
    return f"{trigger.schedule_arn}#{moment.isoformat() if moment else trigger.scheduled_time}"


def notes(experiment: Experiment) -> list[str]:
    """What is allowed and worth saying: an admitted experiment that could be better guarded."""
    guarded = {parse_condition(text, experiment.declared_units).metric for text in experiment.abort_conditions}
    found = []
    if "response_time" in guarded and "availability" not in guarded:
        found.append("Response time is guarded without availability: requests that are never answered have no response time.")
    if not experiment.rollback_plan.strip():
        found.append("No rollback plan: the safety check will refuse it.")
    return found


def admit(
    raw_input: object,
    execution_name: str,
    catalogue: Mapping[str, Any],
    environments: Mapping[str, Any],
    *,
    account: str,
    region: str,
    partition: str,
    now: datetime,
) -> Definition:
    """The definition to run. Raises InvalidInput with every problem of the input, the experiment and its environment together."""
    problems = _name_problems(execution_name)
    unfit = _unfit(raw_input)
    if unfit or not isinstance(raw_input, Mapping):
        raise InvalidInput([*problems, *(unfit or [_not_an_object(raw_input, "the execution input")])])
    asked, found = _asked(raw_input)
    problems += found
    experiment, path, found = _chosen(raw_input, catalogue)
    problems += found
    environment, found = _environment_of(experiment, path, raw_input, catalogue, environments)
    problems += found
    if environment is not None:
        problems += under(path, _place_problems(environment, account, region))
        if "definition" in raw_input and not environment.inline_definitions:
            message = f"{environment.name} runs experiments of the catalogue only"
            problems.append(Problem(path="definition", message=message, expected="experiment: one of the catalogue's names"))
        if asked is not None:
            problems += _trigger_problems(asked.trigger, environment, _flexible(experiment), now)
    if experiment is not None and environment is not None:
        changed, found = _overridden(experiment, asked, environment)
        problems += found
        problems += under(path, _range_problems(changed, _not_overridden(changed, asked), environment))
        problems += under(path, _template_problems(changed, environment))
        problems += under(path, _rollback_problems(changed, environment))
        problems += under(path, _configuration_problems(changed, environment))
        problems += under(path, _sentinel_problems(changed, environment))
        problems += under(path, custom.problems(changed, environment))
        problems += under(path, _fitness_problems(changed, environment))
    if problems or asked is None or experiment is None or environment is None:
        raise InvalidInput(_once(problems))
    return Definition(
        experiment=changed,
        environment=environment,
        mode=asked.mode,
        definition_hash=definition_hash(changed),
        promotion_hash=promotion_hash(changed),
        requested_by=asked.requested_by,
        trigger=trigger_key(asked.trigger) if asked.trigger else None,
        account=account,
        region=region,
        partition=partition,
    )


def adopted(definition: Definition, template: Mapping[str, Any] | None) -> Definition:
    """The definition with what its FIS template says, as if the experiment had said it. Raises InvalidInput with every disagreement."""
    experiment, environment = definition.experiment, definition.environment
    if template is None:
        raise InvalidInput([Problem(path=adoption.PATH, message=f"there is no FIS template {experiment.fis_template_id}")])
    found = adoption.adopt(experiment, template)
    if problems := _range_problems(found, _effective(found), environment):
        raise InvalidInput(under(adoption.PATH, problems))
    return definition.model_copy(
        update={"experiment": found, "definition_hash": definition_hash(found), "promotion_hash": promotion_hash(found)}
    )


# the input


def _unfit(raw: object) -> list[Problem]:
    """What no parser should be given: not JSON, too deep, too large, or text that is no Unicode."""
    if _deeper_than(raw, MAXIMUM_DEPTH):
        return [Problem(path=WHOLE, message="is nested too deeply", expected=f"at most {MAXIMUM_DEPTH} levels")]
    try:
        size = len(json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except UnicodeEncodeError:
        return [Problem(path=WHOLE, message="holds text that is not Unicode (a lone surrogate)")]
    except (TypeError, ValueError) as error:
        return [Problem(path=WHOLE, message=f"is not JSON: {error!s:.200}")]
    if size > MAXIMUM_BYTES:
        return [Problem(path=WHOLE, message=f"is {size} bytes of JSON", expected=f"at most {MAXIMUM_BYTES}")]
    return []


def _deeper_than(raw: object, limit: int) -> bool:
    level: list[object] = [raw]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _not_an_object(raw: object, what: str) -> Problem:
    return Problem(path=WHOLE, message=f"{what} is an object; this is {shown(raw)}", expected='an object, such as {"experiment": "name"}')


def _name_problems(execution_name: str) -> list[Problem]:
    if EXECUTION_NAME.fullmatch(execution_name):
        return []
    message = f"{execution_name[:80]!a} can't name an execution of Squall"
    return [Problem(path="execution.name", message=message, expected="1 to 80 letters, digits, _ and -")]


def _asked(raw: Mapping[str, Any]) -> tuple[ExecutionInput | None, list[Problem]]:
    try:
        return ExecutionInput.model_validate(raw), []
    except ValidationError as error:
        found = of_validation(error, raw, WHOLE, ExecutionInput)
        if raw.get("experiment") is None and raw.get("definition") is None:
            expected = "exactly one of experiment (a catalogue name) and definition"
            found.append(Problem(path="experiment", message="what to run is given once", expected=expected))
        return None, found


def _chosen(raw: Mapping[str, Any], catalogue: Mapping[str, Any]) -> tuple[Experiment | None, str, list[Problem]]:
    """The experiment asked for, by name or inline, and the path its problems are reported under."""
    name, inline = raw.get("experiment"), raw.get("definition")
    path = WHOLE
    if isinstance(name, str) and name not in catalogue:
        offered = ", ".join(sorted(catalogue)[:20]) or "nothing: the catalogue is empty"
        message = f"{shown(name)} is not in the catalogue{like(name, catalogue)}"
        return None, WHOLE, [Problem(path="experiment", message=message, expected=offered)]
    try:
        if isinstance(name, str):
            path = at("catalogue", name)
            return parse_experiment(catalogue[name], path), path, []
        if isinstance(inline, Mapping):
            path = "definition"
            return parse_experiment(inline, path), path, []
    except InvalidInput as invalid:
        raw_experiment = catalogue[name] if isinstance(name, str) else inline
        return None, path, [*invalid.problems, *under(path, _unavailable(raw_experiment))]
    return None, WHOLE, []


def _environment_of(
    experiment: Experiment | None, path: str, raw: Mapping[str, Any], catalogue: Mapping[str, Any], environments: Mapping[str, Any]
) -> tuple[Environment | None, list[Problem]]:
    """The policy the experiment names, also when the rest of the experiment is wrong."""
    named = experiment.environment if experiment else _environment_named(raw, catalogue)
    if named is None:
        return None, []
    if named not in environments:
        message = f"there is no environment {shown(named)}{like(named, environments)}"
        return None, [
            Problem(path=at(path, "environment"), message=message, expected=", ".join(sorted(environments)) or "none is deployed")
        ]
    path = f"environments.{named}"
    try:
        environment = parse_environment(environments[named], path)
    except InvalidInput as invalid:
        return None, list(invalid.problems)
    if environment.name != named:
        return None, [Problem(path=f"{path}.name", message=f'is "{environment.name}"', expected=f'"{named}"')]
    return environment, []


def _environment_named(raw: Mapping[str, Any], catalogue: Mapping[str, Any]) -> str | None:
    name = raw.get("experiment")
    definition = catalogue.get(name) if isinstance(name, str) else raw.get("definition")
    named = definition.get("environment") if isinstance(definition, Mapping) else None
    return named if isinstance(named, str) else None


def _place_problems(environment: Environment, account: str, region: str) -> Iterator[Problem]:
    places = (("account", account, environment.accounts), ("Region", region, environment.regions))
    for what, here, allowed in places:
        if allowed and here not in allowed:
            message = f"{environment.name} is not in this {what} ({here})"
            yield Problem(path="environment", message=message, expected=", ".join(allowed))


def _flexible(experiment: Experiment | None) -> timedelta:
    """How much later than scheduled EventBridge Scheduler may fire."""
    schedule = experiment.schedule if experiment else None
    return timedelta(minutes=schedule.flexible_minutes if schedule else 0)


def _trigger_problems(trigger: Trigger | None, environment: Environment, flexible: timedelta, now: datetime) -> Iterator[Problem]:
    if trigger is None:
        return
    moment = _moment(trigger.scheduled_time)
    if moment is None:
        message = f"{shown(trigger.scheduled_time)} is no time"
        yield Problem(path="trigger.scheduled_time", message=message, expected="ISO 8601, such as 2027-01-31T03:00:00Z")
        return
    slack = timedelta(seconds=environment.stale_trigger_seconds)
    if not -slack <= now - moment <= slack + flexible:
        message = f"stale: was due at {moment:%Y-%m-%d %H:%M:%S} UTC, it is {now:%Y-%m-%d %H:%M:%S}"
        window = f" and its window of {timing.spoken(flexible)}" if flexible else ""
        expected = f"within {environment.stale_trigger_seconds} s of the schedule{window}"
        yield Problem(path="trigger.scheduled_time", message=message, expected=expected)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _overridden(experiment: Experiment, asked: ExecutionInput | None, environment: Environment) -> tuple[Experiment, list[Problem]]:
    if asked is None:
        return experiment, []
    try:
        return apply_overrides(experiment, asked.overrides, environment), []
    except InvalidInput as invalid:
        return experiment, under("overrides", invalid.problems)


# the experiment


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
        if (first := first_of.setdefault(normal(name), name)) != name:
            yield Problem(path=at("metrics", name), message=f'is the same name as "{first}": case, spaces and _ don\'t count')
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
        path, text = at(field, number), entry
        if isinstance(entry, Mapping):
            path, text = at(path, "text"), entry.get("text")
        if isinstance(text, str) and text.strip():
            yield path, text


def _read(path: str, text: str, declared: Mapping[str, str], *, guard: bool, event: bool) -> str | Problem:
    """What the sentence means, as text to compare by; or the problem."""
    try:
        sentence = parse_criterion(text, declared) if event else parse_condition(text, declared)
    except SentenceError as error:
        return Problem(path=path, message=str(error), expected="; ".join(error.expected))
    if guard and isinstance(sentence, Threshold) and sentence.comparator in {"==", "!="}:
        return Problem(path=path, message=f"{shown(text)}: an alarm can't compare for equality", expected="> >= < or <=")
    return sentence.model_dump_json(exclude={"text"})


def _signal_problems(experiment: Experiment) -> list[Problem]:
    """What a criterion or a guard is about can't be the evidence that there was a fault: a workload that bears it would have had none."""
    signal = experiment.fault_signal
    if signal is None:
        return []
    metric = (signal.namespace, signal.metric_name)
    asked = next((name for name in sentences(experiment).metrics if metric in published_as(name, experiment.metrics)), None)
    felt = next((name for name in FELT if metric in published_as(name, {})), None)
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
    return _parameter_problems(FaultType(named), _targeted(raw), parameters if isinstance(parameters, Mapping) else {})


def _filter_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Filters nobody would apply: they would widen what they were meant to narrow."""
    target = raw.get("target")
    filters = target.get("filters") if isinstance(target, Mapping) else None
    kind = _targeted(raw)
    if kind is ResourceType.POD:
        yield from eks.filter_problems(filters if isinstance(filters, Mapping) else {}, named=bool(_targets_of(raw)[0]))
        return
    known = FILTERS.get(kind)
    if known is None or not isinstance(filters, Mapping):
        return
    for name in sorted(str(name) for name in filters.keys() - known):
        message = f"there is no such filter{like(name, known)}"
        yield Problem(path=at("target.filters", name), message=message, expected=", ".join(sorted(known)))


def _radius_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    kind, radius = _targeted(raw), raw.get("blast_radius")
    if kind in ZONELESS and isinstance(radius, str) and radius in ZONAL:
        message = f"{kind.one} lives in no zone: {radius} would mean nothing"
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


def _parameter_problems(fault_type: FaultType, resource_type: ResourceType, parameters: Mapping[str, Any]) -> list[Problem]:
    known = registry.resource_types(fault_type)
    if resource_type not in known:
        targets = ", ".join(f"{kind.words} ({kind.value})" for kind in known)
        others = ", ".join(registry.fault_types(resource_type)) or "nothing"
        message = f"{fault_type} can't be injected into {resource_type.one}: there is {others}"
        return [Problem(path="type", message=message, expected=f"targets it can be injected into: {targets}")]
    try:
        registry.get(fault_type, resource_type).parse(parameters)
    except InvalidInput as invalid:
        return list(invalid.problems)
    return []


def _effective(experiment: Experiment, names: Collection[str] | None = None) -> dict[str, Any]:
    """The parameters as the fault will have them, defaults included, or those of these names; none where they can't be parsed."""
    try:
        parameters = registry.of(experiment).parse(experiment.parameters).model_dump()
    except (InvalidInput, registry.UnknownFaultError):
        return {}  # reported where it was parsed
    return {name: value for name, value in parameters.items() if names is None or name in names}


def _not_overridden(experiment: Experiment, asked: ExecutionInput | None) -> dict[str, Any]:
    """Those the definition answers for; what an override gave is reported as the override's."""
    overridden = asked.overrides.parameters if asked else {}
    return {name: value for name, value in _effective(experiment).items() if name not in overridden}


def _range_problems(experiment: Experiment, parameters: Mapping[str, Any], environment: Environment) -> list[Problem]:
    found = []
    known = experiment.resource_type in registry.resource_types(experiment.type)
    careful = registry.of(experiment).unless_allowed if known else {}
    for name, (least, greatest) in {**careful, **environment.parameter_ranges}.items():
        value = parameters.get(name)
        if isinstance(value, int | float) and not (math.isfinite(value) and least <= value <= greatest):
            message = f"{shown(value)} is outside what {environment.name} allows"
            found.append(Problem(path=at("parameters", name), message=message, expected=f"{least:g} to {greatest:g}"))
    words = registry.of(experiment).unless_listed if known else {}
    for name, listed in {**words, **environment.parameter_values}.items():
        value = parameters.get(name)
        if isinstance(value, str) and value not in listed:
            message = f"{shown(value)} is not what {environment.name} allows"
            found.append(Problem(path=at("parameters", name), message=message, expected=" or ".join(listed)))
    return found


def _template_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    known = environment.fis_templates
    if experiment.fis_template_id is not None and experiment.fis_template_id not in known:
        message = f"{environment.name} does not list {experiment.fis_template_id}"
        yield Problem(path="fis_template_id", message=message, expected=", ".join(known) or "none: its policy lists no fis_templates")


def _configuration_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    if experiment.resource_type is ResourceType.FUNCTION and environment.lambda_fault_configuration is None:
        message = f"{environment.name} does not say where FIS may leave faults for functions"
        yield Problem(
            path="target_resources", message=message, expected="lambda_fault_configuration in its policy: arn:aws:s3:::bucket/folder/"
        )
    if experiment.resource_type is ResourceType.POD and environment.eks_service_account is None:
        message = f"{environment.name} does not say as whom FIS may disturb pods"
        yield Problem(path="target", message=message, expected="eks_service_account in its policy: the name of a service account")


def _rollback_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Whether the environment's policy lets this document run, with these parameters."""
    declared = experiment.rollback
    if declared is None:
        return
    known = environment.rollback_documents
    if declared.document not in known:
        message = f"{environment.name} has no rollback document {shown(declared.document)}{like(declared.document, known)}"
        yield Problem(path="rollback", message=message, expected=", ".join(sorted(known)) or "none: its policy lists no rollback_documents")
        return
    allowed = known[declared.document].parameters
    for name, values in check_values(declared.parameters).items():
        where = at("rollback.parameters", name)
        if name not in allowed:
            message = f"{declared.document} may not be given it{like(name, allowed)}"
            yield Problem(path=where, message=message, expected=", ".join(sorted(allowed)) or "no parameters")
            continue
        for value in values:
            if not re.fullmatch(allowed[name], value):
                yield Problem(path=where, message=f"{shown(value)} is refused", expected=f"a match of {allowed[name]}")


def _sentinel_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Whether the environment's policy lets this URL be probed, and with this load; whether its metrics have a sentinel at all."""
    asked, policy = experiment.sentinel, environment.sentinel
    if asked is None:
        used = next(((path, one.metric) for path, one in _thresholds(experiment) if one.metric in SENTINEL), None)
        if used and used[1] not in experiment.metrics:
            yield Problem(path=used[0], message=f"{used[1]} needs a sentinel, and the experiment has none", expected="sentinel, with a url")
        return
    if policy is None or not policy.allows(asked.host):
        allowed = ", ".join(policy.hosts) if policy else "none: its policy has no sentinel"
        yield Problem(path="sentinel.url", message=f"{environment.name} does not let {shown(asked.host)} be probed", expected=allowed)
    most = policy.maximum_load_per_second if policy else 0
    if policy and asked.load_per_second > most:
        said = f"more than {environment.name} allows" if most else f"{environment.name} allows no load"
        yield Problem(path="sentinel.load_per_second", message=said, expected=f"at most {most:g}")
    period = environment.timing.sentinel_period_seconds
    if asked.rate * period < PROBES_A_PERIOD:
        message = f"too seldom for periods of {period} s: each needs {PROBES_A_PERIOD} probes"
        yield Problem(path="sentinel.every", message=message, expected=f"at most {period / PROBES_A_PERIOD:g} s, or load_per_second")


def _fitness_problems(experiment: Experiment, environment: Environment) -> list[Problem]:
    """What this version can't carry out, judge or guard."""
    lag_of = timing.lag_table(environment.timing, experiment.metrics)
    found = timing.problems(experiment.length, _thresholds(experiment), environment.timing, lag_of, recovery=experiment.recovery)
    return [*_unavailable(experiment.model_dump()), *found]


def _unavailable(raw: object) -> Iterator[Problem]:
    """What the language of experiments has and this version hasn't."""
    if not isinstance(raw, Mapping):
        return
    for field in _NOT_YET:
        if raw.get(field) is not None:
            yield Problem(path=field, message=f"not available yet: {field}", expected="no such key")
    if raw.get("blast_radius") == BlastRadius.MULTIPLE_REGION:
        smaller = ", ".join(radius for radius in BlastRadius if radius is not BlastRadius.MULTIPLE_REGION)
        yield Problem(path="blast_radius", message="not available yet: multiple_region", expected=smaller)


def _thresholds(experiment: Experiment) -> Sentences:
    declared = experiment.declared_units
    criteria = ((f"success_criteria[{n}]", parse_criterion(c.text, declared)) for n, c in enumerate(experiment.criteria))
    guards = ((f"abort_conditions[{n}]", parse_condition(text, declared)) for n, text in enumerate(experiment.abort_conditions))
    return [(path, sentence) for path, sentence in (*criteria, *guards) if isinstance(sentence, Threshold)]


def _once(problems: Sequence[Problem]) -> list[Problem]:
    """Without repetitions, in order."""
    return list(dict.fromkeys(problems))

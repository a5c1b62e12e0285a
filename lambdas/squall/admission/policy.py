"""What the environment's policy lets an experiment be, and what this version can carry out, judge and guard."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem, extend_path, show_value, suggest
from squall.domain.base.vocabulary import BlastRadius, ResourceType
from squall.domain.experiment.experiment import Experiment
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import Threshold
from squall.domain.metrics import periods
from squall.domain.policy.environment import Environment
from squall.domain.recovery.rollback_document import list_fixed_values
from squall.domain.sentinel.config import MINIMUM_PROBES_PER_PERIOD
from squall.faults import custom, registry

_NOT_YET = ("ramp",)
"""Fields of the contract that this version understands and can't carry out."""

Sentences = list[tuple[str, Threshold]]


def policy_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """All but the ranges of parameters, which an override answers for itself."""
    yield from _template_problems(experiment, environment)
    yield from _rollback_problems(experiment, environment)
    yield from _configuration_problems(experiment, environment)
    yield from _sentinel_problems(experiment, environment)
    yield from custom.problems(experiment, environment)
    yield from _fitness_problems(experiment, environment)


def effective(experiment: Experiment, names: Collection[str] | None = None) -> dict[str, Any]:
    """The parameters as the fault will have them, defaults included, or those of these names; none where they can't be parsed."""
    try:
        parameters = registry.of(experiment).parse(experiment.parameters).model_dump()
    except (InvalidInput, registry.UnknownFaultError):
        return {}  # reported where it was parsed
    return {name: value for name, value in parameters.items() if names is None or name in names}


def range_problems(experiment: Experiment, parameters: Mapping[str, Any], environment: Environment) -> list[Problem]:
    """Of these parameters: what the environment, or else the fault itself, does not allow."""
    found = []
    known = experiment.resource_type in registry.resource_types(experiment.type)
    careful = registry.of(experiment).unless_allowed if known else {}
    for name, (least, greatest) in {**careful, **environment.parameter_ranges}.items():
        value = parameters.get(name)
        if isinstance(value, int | float) and not (math.isfinite(value) and least <= value <= greatest):
            message = f"{show_value(value)} is outside what {environment.name} allows"
            found.append(Problem(path=extend_path("parameters", name), message=message, expected=f"{least:g} to {greatest:g}"))
    words = registry.of(experiment).unless_listed if known else {}
    for name, listed in {**words, **environment.parameter_values}.items():
        value = parameters.get(name)
        if isinstance(value, str) and value not in listed:
            message = f"{show_value(value)} is not what {environment.name} allows"
            found.append(Problem(path=extend_path("parameters", name), message=message, expected=" or ".join(listed)))
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
        message = f"{environment.name} has no rollback document {show_value(declared.document)}{suggest(declared.document, known)}"
        yield Problem(path="rollback", message=message, expected=", ".join(sorted(known)) or "none: its policy lists no rollback_documents")
        return
    allowed = known[declared.document].parameters
    for name, values in list_fixed_values(declared.parameters).items():
        where = extend_path("rollback.parameters", name)
        if name not in allowed:
            message = f"{declared.document} may not be given it{suggest(name, allowed)}"
            yield Problem(path=where, message=message, expected=", ".join(sorted(allowed)) or "no parameters")
            continue
        for value in values:
            if not re.fullmatch(allowed[name], value):
                yield Problem(path=where, message=f"{show_value(value)} is refused", expected=f"a match of {allowed[name]}")


def _sentinel_problems(experiment: Experiment, environment: Environment) -> Iterator[Problem]:
    """Whether the environment's policy lets this URL be probed, and with this load; whether its metrics have a sentinel at all."""
    asked, policy = experiment.sentinel, environment.sentinel
    if asked is None:
        used = next(((path, one.metric) for path, one in _thresholds(experiment) if measured_by_sentinel(one.metric)), None)
        if used and used[1] not in experiment.metrics:
            yield Problem(path=used[0], message=f"{used[1]} needs a sentinel, and the experiment has none", expected="sentinel, with a url")
        return
    if policy is None or not policy.allows(asked.host):
        allowed = ", ".join(policy.hosts) if policy else "none: its policy has no sentinel"
        yield Problem(path="sentinel.url", message=f"{environment.name} does not let {show_value(asked.host)} be probed", expected=allowed)
    most = policy.maximum_load_per_second if policy else 0
    if policy and asked.load_per_second > most:
        said = f"more than {environment.name} allows" if most else f"{environment.name} allows no load"
        yield Problem(path="sentinel.load_per_second", message=said, expected=f"at most {most:g}")
    period = environment.timing.sentinel_period_seconds
    if asked.rate * period < MINIMUM_PROBES_PER_PERIOD:
        message = f"too seldom for periods of {period} s: each needs {MINIMUM_PROBES_PER_PERIOD} probes"
        yield Problem(
            path="sentinel.every", message=message, expected=f"at most {period / MINIMUM_PROBES_PER_PERIOD:g} s, or load_per_second"
        )


def _fitness_problems(experiment: Experiment, environment: Environment) -> list[Problem]:
    """What this version can't carry out, judge or guard."""
    lag_of = periods.lag_table(environment.timing, experiment.metrics)
    found = periods.find_timing_problems(
        experiment.length, _thresholds(experiment), environment.timing, lag_of, recovery=experiment.recovery
    )
    return [*unavailable(experiment.model_dump()), *found]


def unavailable(raw: object) -> Iterator[Problem]:
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

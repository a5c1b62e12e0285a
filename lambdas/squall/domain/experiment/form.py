"""Whether an experiment says once what is injected, into what and for how long: it has one fault, or is a scenario of
several."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from squall.domain.base.durations import Span
from squall.domain.base.problems import Problem, extend_path, prefix_paths
from squall.domain.experiment.scenario import find_length, find_order_problems

NO_LENGTH, TWO_LENGTHS = "the fault has no length", "the fault has two lengths"
ONE_LENGTH = "exactly one of duration_minutes and duration"
MOST_MINUTES = 720
_SPAN = TypeAdapter[timedelta](Span)


def find_observation_problem(length: timedelta, observation: timedelta | None) -> tuple[str, str] | None:
    """What is wrong with an observation beside a fault of this length, and what was expected; None if it is long
    enough."""
    if observation is None or observation >= length:
        return None
    seconds = length.total_seconds()
    message = f"the observation of {observation.total_seconds():g} s is shorter than the fault, which lasts {seconds:g} s"
    return message, f"at least {seconds:g} s, or no observation: then it is as long as the fault"


def find_form_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The rules across the fields of an experiment, whose fields may be wrong by themselves."""
    faults = raw.get("faults")
    lengths = [field for field in ("duration_minutes", "duration") if raw.get(field) is not None]
    if isinstance(faults, Mapping) and faults:
        yield from _find_scenario_problems(raw, faults, lengths)
        return
    if len(lengths) != 1:
        yield Problem(path="duration_minutes", message=TWO_LENGTHS if lengths else NO_LENGTH, expected=ONE_LENGTH)
    if not raw.get("target_resources") and raw.get("target") is None and raw.get("fis_template_id") is None:
        yield Problem(path="target_resources", message="no target is named", expected="target_resources or target")
    if raw.get("type") is None:
        yield Problem(path="type", message="is missing")
    length = _read_length(raw)
    if length is not None and (wrong := find_observation_problem(length, _read_span(raw.get("observation")))):
        yield Problem(path="observation", message=wrong[0], expected=wrong[1])


def find_whole_length(raw: Mapping[str, Any]) -> timedelta | None:
    """When the last fault of a scenario is to end; None if its fields are wrong."""
    return find_length(raw["faults"], _read_length(raw)) if isinstance(raw.get("faults"), Mapping) else None


def _read_length(raw: Mapping[str, Any]) -> timedelta | None:
    """The length that the experiment gives; None if there is none, or if it is wrong."""
    return _read_span(raw["duration"]) if raw.get("duration") is not None else _read_minutes(raw.get("duration_minutes"))


def _read_span(value: object) -> timedelta | None:
    """The duration; None if there is none, or if it is wrong, which pydantic reports."""
    try:
        return _SPAN.validate_python(value)
    except ValidationError:
        return None


def _read_minutes(value: object) -> timedelta | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_MINUTES
    return timedelta(minutes=float(value)) if number and isinstance(value, int | float) else None


def _find_scenario_problems(raw: Mapping[str, Any], faults: Mapping[str, Any], lengths: list[str]) -> Iterator[Problem]:
    yield from _find_misplaced(raw, faults)
    if len(lengths) > 1:
        yield Problem(path="duration_minutes", message=TWO_LENGTHS, expected="one of duration_minutes and duration, or none")
    for name, fault in faults.items():
        if isinstance(fault, Mapping):
            yield from prefix_paths(extend_path("faults", name), _find_gaps(fault, has_length=bool(lengths)))
    after = {name: fault.get("after") for name, fault in faults.items() if isinstance(fault, Mapping)}
    lists = {name: others for name, others in after.items() if isinstance(others, list | tuple)}
    order = {name: [other for other in others if isinstance(other, str)] for name, others in lists.items()}
    yield from find_order_problems({**dict.fromkeys(map(str, faults), ()), **order})
    if all(fault.get("after") or fault.get("delay") for fault in faults.values() if isinstance(fault, Mapping)):
        yield Problem(path="faults", message="no fault begins with the scenario", expected="one fault without after and delay")


def _find_misplaced(raw: Mapping[str, Any], faults: Mapping[str, Any]) -> Iterator[Problem]:
    """Fields of the experiment that belong into its faults, and an observation that does not fit them."""
    for field in ("type", "target_resources", "target", "parameters"):
        if raw.get(field):
            yield Problem(path=field, message="is said twice: the experiment has faults", expected="no such key beside faults")
    if raw.get("fault_signal"):
        message = "does not say of which fault: the experiment has several"
        yield Problem(path="fault_signal", message=message, expected="fault_signal of one fault: faults.<name>.fault_signal")
    length = find_length(faults, _read_length(raw))
    if length is not None and (wrong := find_observation_problem(length, _read_span(raw.get("observation")))):
        yield Problem(path="observation", message=wrong[0], expected=wrong[1])


def _find_gaps(fault: Mapping[str, Any], *, has_length: bool) -> Iterator[Problem]:
    """What a fault of a scenario does not say."""
    if not has_length and fault.get("duration") is None:
        expected = "duration, here or for all faults of the scenario"
        yield Problem(path="duration", message="its length is not given", expected=expected)
    if not fault.get("target_resources") and fault.get("target") is None:
        yield Problem(path="target_resources", message="no target is named", expected="target_resources or target")

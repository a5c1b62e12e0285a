"""Whether an experiment says once what is injected, into what and for how long: it has one fault, or is a scenario of
several."""

from collections.abc import Iterator, Mapping
from typing import Any

from squall.domain.base.problems import Problem, extend_path
from squall.domain.experiment.scenario import find_order_problems

NO_LENGTH, TWO_LENGTHS = "the fault has no length", "the fault has two lengths"
ONE_LENGTH = "exactly one of duration_minutes and duration"


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


def _find_scenario_problems(raw: Mapping[str, Any], faults: Mapping[str, Any], lengths: list[str]) -> Iterator[Problem]:
    for field in ("type", "target_resources", "target", "parameters", "fault_signal"):
        if raw.get(field):
            yield Problem(path=field, message="is said twice: the experiment has faults", expected="no such key beside faults")
    if len(lengths) > 1:
        yield Problem(path="duration_minutes", message=TWO_LENGTHS, expected="one of duration_minutes and duration, or none")
    for name, fault in faults.items():
        if not isinstance(fault, Mapping):
            continue
        path = extend_path("faults", name)
        if not lengths and fault.get("duration") is None:
            expected = "duration, here or for all faults of the scenario"
            yield Problem(path=extend_path(path, "duration"), message="its length is not given", expected=expected)
        if not fault.get("target_resources") and fault.get("target") is None:
            yield Problem(path=extend_path(path, "target_resources"), message="no target is named", expected="target_resources or target")
    after = {name: fault.get("after") for name, fault in faults.items() if isinstance(fault, Mapping)}
    lists = {name: others for name, others in after.items() if isinstance(others, list | tuple)}
    order = {name: [other for other in others if isinstance(other, str)] for name, others in lists.items()}
    yield from find_order_problems({**dict.fromkeys(map(str, faults), ()), **order})
    if all(fault.get("after") or fault.get("delay") for fault in faults.values() if isinstance(fault, Mapping)):
        yield Problem(path="faults", message="no fault begins with the scenario", expected="one fault without after and delay")

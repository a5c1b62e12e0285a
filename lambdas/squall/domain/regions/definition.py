"""An experiment for several Regions, split into one ordinary experiment for each.

`regions` names the Regions, and says below each what is different there: targets, the service, sentences, alarms, metrics, the
sentinel; or `fault: none`, for a Region that gets no fault and carries the load of the others. Everything else is the same
everywhere. What would only fit one Region is refused beside `regions`: nobody
could tell which one it was meant for.

The parts are documents, not yet checked as experiments: each Region's stack does that with its own policy.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from squall.domain.base.problems import Problem, extend_path, show_value, suggest_name
from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.experiment.form import find_whole_length

REGIONS = "regions"
FEWEST, MOST = 2, 5
LOCAL_FIELDS = (
    "fault",
    "target_resources",
    "target",
    "service",
    "steady_state",
    "success_criteria",
    "abort_conditions",
    "stop_alarms",
    "metrics",
    "sentinel",
    "faults",
)
"""What a Region may say for itself."""
NO_FAULT = "none"
"""`fault: none` below a Region: nothing is injected there."""
LOCAL_FAULT_FIELDS = ("target_resources", "target")
"""What it may say for itself of a fault of a scenario."""
_OF_FAULTS = ("type", "parameters", "faults", "fault_signal", "rollback", "override_values")
"""What says something about faults, and so nothing about a Region without one."""
_LENGTHS = ("duration_minutes", "observation_minutes")
_REGION = re.compile(r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")
_ID = re.compile(r"^(i|subnet|vol)-[0-9A-Za-z-]+$")
_ARN = re.compile(r"^arn:[^:\s]*:[^:\s]*:([^:\s]*):[^:\s]*:\S+$")
Document = dict[str, Any]


def split_definition(raw: Mapping[str, Any]) -> tuple[dict[str, Document], list[Problem]]:
    """The experiment of each Region, in the order in which they are named, or every reason why there are none."""
    regions = raw.get(REGIONS)
    if not isinstance(regions, Mapping):
        expected = f"{FEWEST} to {MOST} Regions by name, with what is different in each"
        return {}, [
            Problem(path=REGIONS, message="is missing" if regions is None else f"{show_value(regions)} is not accepted", expected=expected)
        ]
    problems = [
        *_find_wrong_regions(regions),
        *_find_nothing(regions),
        *_find_wrong_fields(raw),
        *_find_schedule(raw),
        *_find_regional(_common(raw), ""),
    ]
    for region, own in regions.items():
        path = extend_path(REGIONS, str(region))
        if own is None or isinstance(own, Mapping):
            problems += _find_misplaced(raw, own or {}, path)
            problems += _find_foreign(own or {}, str(region), path)
        else:
            problems.append(
                Problem(path=path, message=f"{show_value(own)} is not accepted", expected=", ".join(LOCAL_FIELDS) + ", or nothing")
            )
    return ({}, problems) if problems else ({region: _make_part(raw, own or {}) for region, own in regions.items()}, [])


def list_regions(raw: object) -> list[str]:
    """The Regions that a raw experiment names; none if it is for one Region, or if what it says of them is not accepted."""
    named = raw.get(REGIONS) if isinstance(raw, Mapping) else None
    return [str(region) for region in named] if isinstance(named, Mapping) else []


def carries_load(raw: Mapping[str, Any], region: str) -> bool:
    """Whether the Region gets no fault of the experiment, which names Regions."""
    own = raw[REGIONS].get(region)
    return isinstance(own, Mapping) and own.get("fault") == NO_FAULT


def _common(raw: Mapping[str, Any]) -> Document:
    return {field: value for field, value in raw.items() if field != REGIONS}


def _make_part(raw: Mapping[str, Any], own: Mapping[str, Any]) -> Document:
    if own.get("fault") == NO_FAULT:
        return _make_carrying(raw, own)
    part = _common(raw)
    faults = own.get("faults", {})
    if faults:
        part["faults"] = {name: {**fault, **faults[name]} if name in faults else fault for name, fault in raw["faults"].items()}
    return {**part, **{field: value for field, value in own.items() if field != "faults"}, "blast_radius": BlastRadius.SINGLE_REGION.value}


def _make_carrying(raw: Mapping[str, Any], own: Mapping[str, Any]) -> Document:
    """The experiment of a Region without a fault. It lasts as long as the faults of the others; of a scenario, until the last of
    them ends."""
    part = {field: value for field, value in _common(raw).items() if field not in _OF_FAULTS}
    length = find_whole_length(raw) if raw.get("faults") else None
    if length is not None:
        part.pop("duration_minutes", None)
        part["duration"] = f"PT{math.ceil(length.total_seconds())}S"
    if isinstance(ranges := part.get("override_ranges"), Mapping):
        part["override_ranges"] = {name: limits for name, limits in ranges.items() if name in _LENGTHS}
    own = {field: value for field, value in own.items() if field != "fault"}
    return {**part, **own, "type": FaultType.NO_FAULT.value, "blast_radius": BlastRadius.SINGLE_REGION.value}


def _find_nothing(regions: Mapping[Any, Any]) -> Iterator[Problem]:
    if regions and all(isinstance(own, Mapping) and own.get("fault") == NO_FAULT for own in regions.values()):
        yield Problem(path=REGIONS, message="no Region gets the fault", expected="at least one Region without fault: none")


def _find_wrong_regions(regions: Mapping[Any, Any]) -> Iterator[Problem]:
    if not FEWEST <= len(regions) <= MOST:
        yield Problem(path=REGIONS, message=f"names {len(regions)} Regions", expected=f"{FEWEST} to {MOST}")
    for region in regions:
        if not _REGION.match(str(region)):
            yield Problem(path=extend_path(REGIONS, str(region)), message="is no name of a Region", expected="a name such as eu-west-1")


def _find_wrong_fields(raw: Mapping[str, Any]) -> Iterator[Problem]:
    radius = raw.get("blast_radius")
    if radius != BlastRadius.MULTIPLE_REGION:
        message = f"is {show_value(radius)}, and the experiment has regions"
        yield Problem(path="blast_radius", message=message, expected=BlastRadius.MULTIPLE_REGION.value)
    if raw.get("fis_template_id") is not None:
        yield Problem(path="fis_template_id", message="names a template of one Region", expected="type, parameters and targets instead")


def _find_schedule(raw: Mapping[str, Any]) -> Iterator[Problem]:
    if raw.get("schedule") is not None:
        message = "belongs to the campaign of kind regions: nothing else starts a part"
        yield Problem(path="schedule", message=message, expected="schedule in the file in campaigns/")


def _find_misplaced(raw: Mapping[str, Any], own: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Fields that a Region may not say for itself, or that are said for all Regions as well."""
    for field, value in own.items():
        where = extend_path(path, str(field))
        if field == "fault":
            yield from _find_wrong_fault(raw, own, path)
        elif field not in LOCAL_FIELDS:
            message = f"can't differ between Regions{suggest_name(str(field), LOCAL_FIELDS)}"
            yield Problem(path=where, message=message, expected=", ".join(LOCAL_FIELDS))
        elif field == "faults":
            yield from _find_misplaced_in_faults(raw.get("faults"), value, where)
        elif raw.get(str(field)):
            yield Problem(path=where, message=f"is said twice: {field} stands beside regions as well", expected="one of the two")


def _find_wrong_fault(raw: Mapping[str, Any], own: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """What is wrong with the word about a Region's fault, and with what stands beside it."""
    if own["fault"] != NO_FAULT:
        message = f"{show_value(own['fault'])} is not accepted: which fault it is stands beside regions"
        yield Problem(path=extend_path(path, "fault"), message=message, expected="none, in a Region that carries the load of the others")
        return
    if "faults" in own:
        message = "names targets of faults, and the Region gets none"
        yield Problem(path=extend_path(path, "faults"), message=message, expected="target: what serves in this Region")
    if raw.get("faults") and not (own.get("target") or own.get("target_resources")):
        message = "is missing: the faults of the scenario name targets for themselves, and this Region gets none of them"
        yield Problem(path=extend_path(path, "target"), message=message, expected="what serves in this Region")


def _find_misplaced_in_faults(common: object, own: object, path: str) -> Iterator[Problem]:
    faults = common if isinstance(common, Mapping) else {}
    if not isinstance(own, Mapping):
        yield Problem(path=path, message=f"{show_value(own)} is not accepted", expected="an object")
        return
    for name, fault in own.items():
        where, known = extend_path(path, str(name)), faults.get(name)
        if not isinstance(known, Mapping):
            message = f"there is no fault of this name beside regions{suggest_name(str(name), map(str, faults))}"
            yield Problem(path=where, message=message, expected=", ".join(map(str, faults)) or "faults of a scenario")
        elif not isinstance(fault, Mapping):
            yield Problem(path=where, message=f"{show_value(fault)} is not accepted", expected=", ".join(LOCAL_FAULT_FIELDS))
        else:
            for field in fault:
                if field not in LOCAL_FAULT_FIELDS:
                    expected = ", ".join(LOCAL_FAULT_FIELDS)
                    yield Problem(path=extend_path(where, str(field)), message="can't differ between Regions", expected=expected)
                elif known.get(field):
                    message = f"is said twice: the fault {name} has it beside regions as well"
                    yield Problem(path=extend_path(where, str(field)), message=message, expected="one of the two")


def _find_regional(value: object, path: str) -> Iterator[Problem]:
    """Names in what all Regions have in common that can only be of one Region."""
    for where, text in _list_texts(value, path):
        arn, names_resources = _ARN.match(text), where.partition(".")[0].partition("[")[0] in LOCAL_FIELDS
        if (arn and arn[1]) or (names_resources and _ID.match(text)):
            owner = f" of {arn[1]}" if arn else ""
            expected = f"tags, or the same below {REGIONS}.{arn[1] if arn else '<Region>'}"
            yield Problem(path=where, message=f"{show_value(text)} is a resource{owner}, and all Regions would get it", expected=expected)


def _find_foreign(own: Mapping[str, Any], region: str, path: str) -> Iterator[Problem]:
    """ARNs of another Region than the one below which they stand."""
    for where, text in _list_texts(own, path):
        arn = _ARN.match(text)
        if arn and arn[1] not in {"", region}:
            yield Problem(path=where, message=f"{show_value(text)} is in {arn[1]}", expected=f"a resource of {region}")


def _list_texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text in the value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _list_texts(inner, extend_path(path, str(key)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _list_texts(inner, extend_path(path, index))

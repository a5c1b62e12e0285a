"""The faults of an experiment and their order: the named ones of a scenario, or the only one of another experiment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from squall.domain.base.durations import Span
from squall.domain.base.model import Model
from squall.domain.base.problems import WHOLE, Problem, extend_path, suggest_name
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, FaultType, ResourceType
from squall.domain.experiment.fault_signal import FaultSignal
from squall.domain.experiment.target import Target, TargetResource, named_in, type_of_targets

MOST_FAULTS = 20
"""FIS takes 20 actions in an experiment, and each fault is at least one."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}")
NAME_PATTERN = f"^{_NAME.pattern}$"
_WINDOWS = frozenset({"baseline", "fault", "observation", "recovery", "run", "the", "scenario"})
"""Names that already mean a window in a sentence."""


class ScenarioFault(Model):
    """One fault of a scenario. Its name is its key in `faults`."""

    type: FaultType
    """The kind of fault."""
    target_resources: Annotated[tuple[TargetResource, ...], Field(max_length=50)] = ()
    """Candidates: the blast radius bounds how many are hit by all faults together."""
    target: Target | None = None
    """The candidates by tag, filter or ARN, instead of `target_resources`."""
    parameters: dict[str, Any] = {}
    """The fault's parameters. Each fault type says which it has."""
    after: Annotated[tuple[str, ...], Field(max_length=MOST_FAULTS)] = ()
    """Names of the faults that have to be over before this one begins. None: it begins with the scenario."""
    delay: Span | None = None
    """How long it waits after that."""
    duration: Span | None = None
    """How long it lasts, or how long its effect is observed if it is over at once. None: the scenario's `duration`."""
    fault_signal: Annotated[FaultSignal | None, Field(exclude_if=lambda signal: signal is None)] = None
    """A metric that tells whether this fault did anything, besides those that Squall knows of its type."""


@dataclass(frozen=True)
class PlannedFault:
    """A fault of an experiment, and when it is planned."""

    name: str
    """Its name in `faults`; empty for the only fault of an experiment that is no scenario."""
    type: FaultType
    parameters: Mapping[str, Any]
    target_resources: tuple[str, ...]
    target: Target | None
    length: timedelta
    fault_signal: FaultSignal | None = None
    after: tuple[str, ...] = ()
    delay: timedelta = timedelta(0)
    start: timedelta = timedelta(0)
    """When it begins, counted from the beginning of the scenario. What FIS needs to begin and to end actions is not in
    it."""
    earlier: frozenset[str] = frozenset()
    """The names of all faults that are over before it begins: those that it waits for, and those that these wait for."""

    @property
    def end(self) -> timedelta:
        return self.start + self.length

    @property
    def path(self) -> str:
        """The path of its fields in the experiment."""
        return extend_path("faults", self.name) if self.name else WHOLE

    @property
    def named(self) -> tuple[str, ...]:
        """The candidates that are named, by id or ARN."""
        return named_in(self.target_resources, self.target)

    @property
    def resource_type(self) -> ResourceType:
        """The type of its targets."""
        return type_of_targets(self.target_resources, self.target)

    @property
    def words(self) -> str:
        """The fault in a sentence: its type, and its name if it has one."""
        return f"{self.name} ({self.type.value})" if self.name else self.type.value

    @property
    def chosen_by_tags(self) -> bool:
        """Whether FIS chooses its targets by their tags, and takes no ARNs."""
        return self.resource_type in CHOSEN_BY_TAGS

    def follows(self, other: "PlannedFault") -> bool:
        """Whether it begins only once the other is over, because it waits for it. A planned time is no such order: FIS or
        an agent may end the other late."""
        return other.name in self.earlier

    def can_overlap(self, other: "PlannedFault") -> bool:
        """Whether both could last at the same time: neither waits for the other."""
        return not self.follows(other) and not other.follows(self)


def schedule_faults(faults: Mapping[str, ScenarioFault], default: timedelta) -> tuple[PlannedFault, ...]:
    """The faults in the order in which they begin. `default`: the length of those that give none. The order has no
    problems."""
    planned: dict[str, PlannedFault] = {}
    while len(planned) < len(faults):
        ready = [name for name, fault in faults.items() if name not in planned and planned.keys() >= set(fault.after)]
        for name in ready:
            fault, delay = faults[name], faults[name].delay or timedelta(0)
            planned[name] = PlannedFault(
                name=name,
                type=fault.type,
                parameters=fault.parameters,
                target_resources=fault.target_resources,
                target=fault.target,
                length=fault.duration or default,
                fault_signal=fault.fault_signal,
                after=fault.after,
                delay=delay,
                start=max((planned[other].end for other in fault.after), default=timedelta(0)) + delay,
                earlier=frozenset(fault.after).union(*(planned[other].earlier for other in fault.after)),
            )
        if not ready:
            raise ValueError("the order of the faults is a circle")
    return tuple(sorted(planned.values(), key=lambda fault: (fault.start, [*faults].index(fault.name))))


def find_length(faults: Mapping[str, Any], default: timedelta | None) -> timedelta | None:
    """When the last fault of a scenario is to end, as far as its fields are right; None if they are not."""
    try:
        known = {str(name): ScenarioFault.model_validate(fault) for name, fault in faults.items()}
        return max(fault.end for fault in schedule_faults(known, default if default is not None else timedelta(0)))
    except ValueError:  # pydantic reports it, or `find_order_problems`
        return None


def count_links(plan: Sequence[PlannedFault]) -> int:
    """The most actions of FIS of which each waits for the one before it: faults, and the waits before them."""
    links: dict[str, int] = {}
    for fault in plan:
        links[fault.name] = max((links[other] for other in fault.after), default=0) + bool(fault.delay) + 1
    return max(links.values())


def find_order_problems(after: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """What is wrong with the names of faults and with their order. `after`: each fault's name to the names that it
    waits for."""
    for name, others in after.items():
        path = extend_path("faults", name)
        if not _NAME.fullmatch(name):
            expected = "a letter, then up to 29 letters, digits, - or _: FIS names its actions after the fault"
            yield Problem(path=path, message="is no name for a fault", expected=expected)
        elif name.casefold() in _WINDOWS:
            yield Problem(path=path, message=f"{name} is the name of a window", expected="another name")
        for number, other in enumerate(others):
            where = extend_path(path, "after", number)
            if other not in after:
                message = f'there is no fault "{other:.60}"{suggest_name(other, after)}'
                yield Problem(path=where, message=message, expected=", ".join(after))
    yield from _find_case_problems(after)
    known = {name: {other for other in others if other in after} for name, others in after.items()}
    if circle := _find_circle(known):
        message = f"{' waits for '.join([*circle, circle[0]])}: none of them ever begins"
        yield Problem(path=extend_path("faults", circle[0], "after"), message=message, expected="an order without a circle")


def _find_case_problems(names: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name in names:
        if (earlier := first.setdefault(name.casefold(), name)) != name:
            message = f'is the same name as "{earlier}" in a sentence'
            yield Problem(path=extend_path("faults", name), message=message, expected="another name")


def _find_circle(after: Mapping[str, set[str]]) -> list[str]:
    """Faults that wait for each other in a circle; empty if there is none."""
    left = {name: set(others) for name, others in after.items()}
    while ready := [name for name, others in left.items() if not others]:
        left = {name: others - set(ready) for name, others in left.items() if name not in ready}
    path: list[str] = []
    name = next(iter(left), None)
    while name is not None and name not in path:
        path.append(name)
        name = next(other for other in after[name] if other in left)
    return path[path.index(name) :] if name is not None else []

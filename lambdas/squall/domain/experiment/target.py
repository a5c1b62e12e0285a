"""What an experiment says about its targets: candidates by id, ARN, tag or filter, and how many of them are hit."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from squall.domain.base.durations import validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import PLAIN, require_pattern, show_value
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.types import type_named

Line = Annotated[str, Field(min_length=1, max_length=500), PLAIN]
RESOURCE_NAME = require_pattern(r"^(i-[0-9A-Za-z-]+|(subnet|vol)-[0-9a-f]+|arn:[^\s]+)$", "an id (i-…, subnet-…, vol-…) or an ARN")
TargetResource = Annotated[str, Field(max_length=2048), RESOURCE_NAME]


class Selection(Model):
    """How many of the candidates are hit, within the blast radius and the healthy share: all of that number, or none."""

    percent: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """Percent of the candidates, rounded down as FIS does: 50 % of five are two, 5 % of four are none and refused."""
    count: Annotated[int, Field(ge=1, le=50, strict=True)] | None = None
    """The number itself."""

    @model_validator(mode="after")
    def _require_one(self) -> "Selection":
        if (self.percent is None) == (self.count is None):
            raise validation_error("says how many twice, or not at all", "exactly one of percent and count")
        return self

    def count_of(self, candidates: int) -> int:
        """How many of so many candidates are hit."""
        return self.count if self.count is not None else candidates * (self.percent or 0) // 100

    def __str__(self) -> str:
        return f"count {self.count}" if self.count is not None else f"{self.percent} %"


def _choose_select_form(value: object) -> str:
    return "word" if isinstance(value, str) else "number"


Select = Annotated[
    Annotated[Literal["radius", "all"], Tag("word")] | Annotated[Selection, Tag("number")], Discriminator(_choose_select_form)
]


class Target(Model):
    """A richer way to say `target_resources`: candidates by ARN, tag or filter."""

    resource_type: ResourceType | None = None
    """None: the type of the ARNs; without ARNs, EC2 instances."""
    arns: Annotated[tuple[TargetResource, ...], Field(max_length=50)] = ()
    """Candidates by ARN or id; the blast radius bounds how many of them are hit."""
    tags: dict[str, str] = {}
    """Tags that every candidate must have, beside the opt-in tag of the environment."""
    filters: dict[str, tuple[str, ...]] = {}
    """Narrow `arns` or `tags`; alone they would mean every instance of the account."""
    select: Select = "radius"
    """`radius`: the blast radius bounds what is pinned. `all`: refuse unless every candidate fits the radius.
    `{percent: 50}` or `{count: 2}`: so many of the candidates, or refuse."""

    @model_validator(mode="after")
    def _require_choice(self) -> "Target":
        if not self.arns and not self.tags:
            raise validation_error("names no resources", "arns or tags")
        return self


def find_type_problem(named: Iterable[str], declared: ResourceType | None) -> tuple[str, str] | None:
    """What is wrong with the types of the named resources, and what was expected. None if they are all of one type, and
    that is the declared one if one is declared."""
    types = {name: type_named(name, declared) for name in named}
    unknown = [name for name, kind in types.items() if kind is None]
    if unknown:
        return f"nothing can be injected into {show_value(unknown[0])}", "an ARN of " + ", ".join(kind.words for kind in ResourceType)
    kinds = sorted({kind for kind in types.values() if kind})
    if declared and kinds and kinds != [declared]:
        return f"resource_type is {declared.value}, the targets are {', '.join(kinds)}", f"{declared.value} only"
    if len(kinds) > 1:
        return f"the targets are {' and '.join(kinds)}", "resources of one type: one experiment is one fault"
    return None


def named_in(target_resources: Iterable[str], target: Target | None) -> tuple[str, ...]:
    """The candidates that are named, by id or ARN."""
    return (*target_resources, *(target.arns if target else ()))


def type_of_targets(target_resources: Iterable[str], target: Target | None) -> ResourceType:
    """The type of a fault's targets: the declared one, else the type of the named ones, else EC2 instances."""
    declared = target.resource_type if target else None
    named = named_in(target_resources, target)
    return declared or next((kind for name in named if (kind := type_named(name))), ResourceType.INSTANCE)

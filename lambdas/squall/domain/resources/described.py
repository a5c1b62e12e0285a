"""Targets of managed services of which Squall knows what one call of their service says."""

import json
from collections.abc import Iterator
from typing import Any, Self

from pydantic import field_validator

from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.base import Resource
from squall.domain.resources.managed import MANAGED


class DescribedResource(Resource):
    """A resource of a managed service. It belongs to no zone, and nothing of Squall's workload replaces it."""

    IDENTITY = ("arn", "state")

    fields: dict[str, str] = {}
    """What its service says of its configuration, by the service's names; lists and objects as JSON with sorted keys. Only
    what does not change by itself is among them."""

    @field_validator("type")
    @classmethod
    def _require_row(cls, value: ResourceType) -> ResourceType:
        if value not in MANAGED:
            raise ValueError(f"{value.value} has a model of its own")
        return value

    @property
    def usable_states(self) -> frozenset[str]:
        return MANAGED[self.type].usable

    def list_changes(self, now: Self, /) -> Iterator[str]:
        """Each field that differs in the other description, as a sentence."""
        for name in sorted(self.fields.keys() | now.fields.keys()):
            old, new = self.fields.get(name), now.fields.get(name)
            if old != new:
                yield f"the {name} of {now.id} is {_show(new)}, it was {_show(old)}"

    def read_list(self, name: str) -> list[Any]:
        """A field that is a list; empty if it is not set."""
        return list(json.loads(self.fields.get(name, "[]")))

    def with_field(self, name: str, value: str | None) -> Self:
        """This resource with another value of a field; None: not set."""
        rest = {key: known for key, known in self.fields.items() if key != name}
        return self.model_copy(update={"fields": rest if value is None else {**rest, name: value}})

    @property
    def agent(self) -> str | None:
        return None

    @property
    def own_domain(self) -> str:
        return self.arn

    @property
    def least(self) -> int | None:
        """0, because the resource is disturbed as a whole and has no parts that could serve meanwhile."""
        return 0


def _show(value: str | None) -> str:
    return "not set" if value is None else value

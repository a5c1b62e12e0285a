"""What of a FIS template an import reads by itself, and what is lost where it can't be put together again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.importing.values import Loss
from squall.domain.base.problems import extend_path
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.actions import is_one_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Actions = dict[str, dict[str, Any]]
LONGEST_DESCRIPTION = 2000
"""The most characters of an experiment's description."""


@dataclass(frozen=True)
class Part:
    """What of a template becomes one experiment."""

    name: str
    """The name of its action; empty if the template is one experiment."""
    template: Mapping[str, Any]
    losses: tuple[Loss, ...] = ()


def split_template(template: Mapping[str, Any]) -> list[Part]:
    """The parts of a template, each of which is one fault. Several faults are one scenario, or several experiments where no
    scenario can say their order."""
    actions: Actions = template["actions"]
    targets = template["targets"]
    injecting = {name: action for name, action in actions.items() if action.get("actionId") != WAIT}
    if not injecting or is_one_fault(injecting, targets):
        return [Part("", template)]
    groups: list[Actions] = []
    for name, action in injecting.items():
        fitting = next((group for group in groups if is_one_fault({**group, name: action}, targets)), None)
        if fitting is None:
            groups.append({name: action})
        else:
            fitting[name] = action
    return [_make_part(template, group) for group in groups]


def _make_part(template: Mapping[str, Any], group: Actions) -> Part:
    """One fault of several. Its place among the others is lost, unless they become one scenario."""
    names = ", ".join(group)
    alone = {name: {key: value for key, value in action.items() if key != "startAfter"} for name, action in group.items()}
    others = [name for name in template["actions"] if name not in group]
    why = f"is one of several faults of the template, without {', '.join(others)} and their order"
    used = {target for action in group.values() for target in action.get("targets", {}).values()}
    by_others = {t for name in others for t in template["actions"][name].get("targets", {}).values()} - used
    targets = {name: target for name, target in template["targets"].items() if name not in by_others}
    lost = {name: template["actions"][name] for name in others}
    return Part(next(iter(group)), {**template, "actions": alone, "targets": targets}, (Loss(f"actions: {names}", why, lost),))


def explain_cut(description: str) -> Iterator[Loss]:
    """The end of a description that an experiment has no room for."""
    if len(description) > LONGEST_DESCRIPTION:
        yield Loss("description", f"has more than {LONGEST_DESCRIPTION} characters", description[LONGEST_DESCRIPTION:])


def explain_wait(name: str, length: str) -> Loss:
    """A wait of which no `observation` can be made."""
    why = "waits beside or after the fault, whose length is no constant; say its `observation`, counted from the effect of the fault"
    return Loss(extend_path("actions", name) if name else "actions", why, length)

"""How FIS's experiment templates write targets, waits and durations."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from squall.domain.resources.base import Resource
from squall.domain.run.fis_state import WAIT

ARNS_PER_TARGET = 5
"""The most ARNs that FIS takes in one target."""
LONGEST = timedelta(hours=12)
"""The longest that FIS lets an action last."""
MOST_ACTIONS = 20
"""The most actions that FIS takes in one experiment."""
MOST_AT_ONCE = 10
"""The most actions that FIS runs at once in one experiment."""
LONGEST_VALUE = 1024
"""The most characters that FIS takes as the value of an action's parameter."""


def targets_by_arn(key: str, resource_type: str, *groups: Sequence[Resource]) -> dict[str, dict[str, Any]]:
    """FIS targets by ARN, at most five ARNs each.

    They are named after the key that the action has for its targets: `Instances`, `Instances2` … Resources of different
    groups never share a target.
    """
    arns = [[resource.arn for resource in group] for group in groups]
    chunks = [group[start : start + ARNS_PER_TARGET] for group in arns for start in range(0, len(group), ARNS_PER_TARGET)]
    return {
        key + (str(number) if number > 1 else ""): {
            "resourceType": str(resource_type),
            "resourceArns": chunk,
            "selectionMode": "ALL",
        }
        for number, chunk in enumerate(chunks, start=1)
    }


def wait_action(length: timedelta) -> dict[str, Any]:
    """A wait beside a fault that is over before its observation ends, so that the FIS experiment lasts."""
    return {
        "actionId": WAIT,
        "description": "Keep the experiment and its stop conditions alive for the observation",
        "parameters": {"duration": iso_duration(length)},
    }


def iso_duration(length: timedelta) -> str:
    """The length as FIS reads it, rounded up to whole seconds: `PT1H30M`, `PT45S`."""
    seconds = max(1, ceil(length.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return "PT" + "".join(f"{value}{letter}" for value, letter in ((hours, "H"), (minutes, "M"), (rest, "S")) if value)


def count_at_once(actions: Mapping[str, Mapping[str, Any]]) -> int:
    """The most actions of which none waits for another, so that all could run at once, however long each takes.

    By Dilworth's theorem that is the number of actions less those that a largest matching lets follow another one.
    """
    before = {name: _list_before(name, actions, set()) for name in actions}
    followed_by: dict[str, str] = {}

    def follow(name: str, tried: set[str]) -> bool:
        for earlier in before[name] - tried:
            tried.add(earlier)
            if earlier not in followed_by or follow(followed_by[earlier], tried):
                followed_by[earlier] = name
                return True
        return False

    return len(actions) - sum(follow(name, set()) for name in actions)


def _list_before(name: str, actions: Mapping[str, Mapping[str, Any]], known: set[str]) -> set[str]:
    """Every action that is over before this one begins."""
    for earlier in actions[name].get("startAfter", ()):
        if earlier not in known:
            known.add(earlier)
            _list_before(earlier, actions, known)
    return known

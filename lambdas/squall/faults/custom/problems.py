"""What is wrong with the custom actions of an experiment, by the policy of its environment."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from squall.domain.base.problems import InvalidInput, Problem, extend_path, show_value, suggest_name
from squall.domain.base.vocabulary import BlastRadius, FaultType
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.target import Target
from squall.domain.metrics.periods import format_length
from squall.domain.policy.custom_actions import CustomAction
from squall.domain.policy.environment import Environment
from squall.domain.policy.rollback import Rollback
from squall.faults.custom.fault import CustomFault


def find_problems(fault: PlannedFault, environment: Environment, rollback: Rollback | None) -> Iterator[Problem]:
    """What is wrong with a custom action: whether the environment's policy lists it for such targets and values, and
    what undoes it. `rollback`: that of the experiment."""
    if fault.type is not FaultType.CUSTOM:
        return
    known, name = environment.custom_actions, fault.parameters.get("action")
    if not isinstance(name, str):
        return  # parsing has reported it
    if name not in known:
        message = f"{environment.name} has no custom action {show_value(name)}{suggest_name(name, known)}"
        yield Problem(path="parameters.action", message=message, expected=", ".join(sorted(known)) or "none: its policy lists none")
        return
    listed = known[name]
    if fault.resource_type is not listed.resource_type:
        message = f"{name} can't be run on {fault.resource_type.with_article}"
        yield Problem(path="target_resources", message=message, expected=f"{listed.resource_type.words} ({listed.resource_type.value})")
    if listed.document is not None and listed.touches is not None and (whole := _describe_touched(listed)) != _describe_target(fault):
        message = f"{name} touches other resources than the targets of the experiment, or more"
        yield Problem(path="target", message=message, expected=json.dumps({**whole, "select": "all"}))
    if listed.length is not None and listed.length.unit == "minutes" and fault.length % timedelta(minutes=1):
        message = f"{name} takes whole minutes, the fault lasts {format_length(fault.length)}"
        yield Problem(path="duration", message=message, expected="whole minutes")
    try:
        CustomFault(listed.resource_type, listed).parse(fault.parameters)
    except InvalidInput as invalid:
        yield from invalid.problems
    yield from _find_undoing_problems(name, listed, rollback)


def _find_undoing_problems(name: str, listed: CustomAction, rollback: Rollback | None) -> Iterator[Problem]:
    if listed.rollback is not None:
        if rollback is None or not _includes(rollback, listed.rollback):
            message = f"{name} is undone by {listed.rollback.document}, as its entry in the policy says"
            yield Problem(path="rollback", message=message, expected=json.dumps(write_rollback(listed.rollback)))
    elif rollback is None and not listed.self_reverting:
        message = f"{name} does not undo itself"
        yield Problem(path="rollback", message=message, expected="one of the environment's rollback_documents")


def _includes(rollback: Rollback, declared: Rollback) -> bool:
    """Whether the experiment's rollback undoes what an entry declares: the same document, told all that the entry tells it."""
    told = rollback.parameters
    return rollback.document == declared.document and all(told.get(name) == value for name, value in declared.parameters.items())


def write_rollback(rollback: Rollback) -> dict[str, Any]:
    """The rollback as an experiment writes it."""
    return rollback.model_dump(mode="json", exclude_defaults=True)


def find_radius_problems(plan: Iterable[PlannedFault], environment: Environment, radius: BlastRadius) -> Iterator[Problem]:
    """Commands that others feel besides the instance that they are sent to, where one alone may be hit."""
    names = [str(fault.parameters.get("action")) for fault in plan if fault.type is FaultType.CUSTOM]
    felt = [name for name in names if name in environment.custom_actions and environment.custom_actions[name].beside is not None]
    if felt and radius is BlastRadius.SINGLE_INSTANCE:
        message = f"{', '.join(felt)} is felt by more than the instance that it is sent to, as its entry in the policy says"
        yield Problem(path="blast_radius", message=message, expected="single_az or single_region")


def find_open_ends(plan: Iterable[PlannedFault], environment: Environment) -> Iterator[Problem]:
    """Faults that begin when a document has ended of which nothing says when that is: adoption refuses them, too."""
    faults = {fault.name: fault for fault in plan}
    for fault in faults.values():
        for earlier in fault.after:
            name = faults[earlier].parameters.get("action") if faults[earlier].type is FaultType.CUSTOM else None
            listed = environment.custom_actions.get(str(name))
            if listed is not None and listed.any_document is not None and listed.length is None:
                message = f"begins when the document of {earlier} has ended, which nothing says beforehand"
                expected = f"length in custom_actions.{name}, if the document has a parameter for it; or a document that nothing follows"
                yield Problem(path=extend_path(fault.path, "after"), message=message, expected=expected)


def touched_target(listed: CustomAction) -> dict[str, Any] | None:
    """The target of an experiment that runs this document: everything that feels it. None if the entry does not say."""
    return None if listed.touches is None else {"resource_type": listed.resource_type.value, **_describe_touched(listed), "select": "all"}


def _describe_touched(listed: CustomAction) -> dict[str, Any]:
    touches = listed.touches
    return {} if touches is None else {"arns": sorted(touches.arns)} if touches.arns else {"tags": touches.tags}


def _describe_target(fault: PlannedFault) -> dict[str, Any] | None:
    """The fault's candidates in the words of `touches`; None if they are narrowed, or if not all of them are hit."""
    target = fault.target or Target.model_construct()
    named = sorted({*fault.named})
    if target.filters or (named and target.tags) or not (target.select == "all" or len(named) == 1):
        return None
    return {"arns": named} if named else {"tags": target.tags}

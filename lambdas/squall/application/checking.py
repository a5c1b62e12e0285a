"""What the safety checks are made on, collected for CheckSafety and FinalCheck alike.

What can't be asked stays None, and its check counts as failed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from squall.application import halting
from squall.application.step import Step
from squall.domain.bindings import sentences
from squall.domain.documents import Baseline, Definition, Discovery, GuardSpec, Safety
from squall.domain.language import AlarmFires
from squall.domain.observed import AlarmState
from squall.domain.safety import SafetyInput, evaluate
from squall.errors import Refused, Unavailable
from squall.faults import registry

T = TypeVar("T")


def check(step: Step, *, final: bool, guards: tuple[GuardSpec, ...] = ()) -> Safety:
    """Evaluate every check against now."""
    definition, discovery = step.definition, step.discovery
    now = step.w.clock.now()
    parts = step.run.execution_arn.split(":")
    timing = definition.environment.timing
    outlasts_start = now + timedelta(seconds=timing.start_seconds)
    fault = registry.of(definition.experiment)
    workload = _ask(step, lambda: step.w.inventory.refresh(discovery.workload, now)) if final else discovery.workload
    given = SafetyInput(
        now=now,
        definition=definition,
        discovery=discovery,
        workload_now=workload,
        account=parts[4],
        region=parts[3],
        domain_holders=_ask(step, lambda: step.w.locks.holders(discovery.failure_domains, now)),
        execution_id=step.run.id,
        opt_in_tag=step.w.settings.opt_in_tag,
        stop_alarms=_stop_alarms(step, definition),
        baseline=step.find("baseline", Baseline) if final else None,
        final=final,
        guards=guards,
        guard_states=_ask(step, lambda: step.w.alarms.states([guard.name for guard in guards])) if final else None,
        lease_held=_ask(step, lambda: _lease(step, discovery, now, outlasts_start)) if final else None,
        definition_hash_now=_ask(step, lambda: step.need("definition", Definition).definition_hash) if final else None,
        template_id=step.record.template_id,
        prerequisites=fault.prerequisites(workload, discovery.pinned, fault.parse(definition.experiment.parameters)) if workload else None,
        moves_metrics=fault.moves_metrics,
        active_experiments=_ask(step, step.w.faults.active),
        halt=_ask(step, lambda: halting.read(step.w)),
    )
    return Safety(at=now, checks=evaluate(given))


def _lease(step: Step, discovery: Discovery, now: datetime, outlasts: datetime) -> bool:
    lease = timedelta(seconds=step.definition.environment.timing.lease_seconds)
    _ask(step, lambda: step.w.locks.renew(discovery.failure_domains, step.run.id, now + lease))  # the pulse may be renewing it too
    return step.w.locks.holds(discovery.failure_domains, step.run.id, outlasts)


def _stop_alarms(step: Step, definition: Definition) -> dict[str, AlarmState] | None:
    named = [parsed.alarm for _, _, parsed in sentences(definition.experiment).criteria if isinstance(parsed, AlarmFires)]
    wanted = [*named, *(alarm.rsplit(":", 1)[-1] for alarm in definition.experiment.stop_alarms)]
    return _ask(step, lambda: step.w.alarms.states(wanted)) if wanted else {}


def _ask(step: Step, question: Callable[[], T]) -> T | None:
    """An answer, or None when AWS could not be asked: the check it feeds is then not evaluated, and so failed."""
    try:
        return question()
    except (Unavailable, Refused) as error:
        step.note("not_answered", str(error)[:500])
        return None

"""Creates the execution's own FIS template, and says later whether FIS holds what the run has to start.

Every state that relies on the template compiles it again from the definition, which only Admit writes, and the
discovery, which only Discover writes. Of `template.json`, which the state that creates the template writes, later states
read only how the targets were before the fault.
"""

from datetime import timedelta
from typing import Any

from squall.application.metrics.guard_alarms import guards_of, put_guards
from squall.application.step import END, NEXT, Outcome, Step
from squall.application.targets.workload_now import refresh_workload
from squall.domain.base.vocabulary import Status
from squall.domain.documents.fault import FaultTemplate, TargetBefore, describe_before
from squall.domain.documents.guards import Guards
from squall.domain.recovery.rollback_document import plan_run, start_command
from squall.domain.run.timeline import EventName
from squall.domain.safety.fis_template import find_differences
from squall.errors import Refused, Unavailable
from squall.faults.template import compile_template

DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
TAG_PATIENCE = timedelta(seconds=60)
"""How long a denied call on the run's template is tried again. IAM goes by the tags that CreateTemplate and FinalCheck
have just added, and AWS documents no time after which a new tag counts."""
TAG_SECONDS = 3


def create_template(step: Step) -> Outcome:
    """Record the state of the targets, create the template, and tie the guards to it.

    From here on the description of an alarm alone is enough to find and stop the fault.
    """
    environment = step.definition.environment.name
    if environment not in step.w.settings.fis_role_arns:
        return step.reject(f"this stack has no FIS role for environment {environment}")
    guards, body = guards_of(step), compiled_template(step)
    step.put(FaultTemplate(body=body, before=_targets_before(step), guards=guards.guards))
    try:
        template_id = step.w.faults.create_template(body, step.client_token)
    except Refused as refused:
        return step.decide(Status.FAILED, f"FIS refused the template: {refused.code}: {refused.message}")
    if not step.note(EventName.TEMPLATE_CREATED, template_id, template_id=template_id, rollback_command=_rollback_command(step)):
        step.w.faults.delete_template(template_id)  # the run was closed while FIS was creating the template
        return END
    return _tie_guards(step, guards, template_id)


def template_differences(step: Step) -> tuple[str, ...]:
    """The differences between the template that would be started and the one that this run compiled.

    The record says which template is started, so the template of another run differs by its tags. Raises Unavailable if
    FIS can't be asked.
    """
    template_id = step.record.template_id
    return find_differences(compiled_template(step), step.w.faults.template(template_id) if template_id else None)


def may_be_allowed_soon(error: Refused | Unavailable, waited: timedelta) -> bool:
    """Whether FIS denied a call on the run's template, and may allow it once the template's tags count."""
    return error.service == "fis" and error.code in DENIED and waited < TAG_PATIENCE


def mark_template_checked(step: Step) -> None:
    """Tag the run's template as one that passed FinalCheck. IAM lets StartFault start no other."""
    definition = step.definition
    arn = f"arn:{definition.partition}:fis:{definition.region}:{definition.account}:experiment-template/{step.record.template_id}"
    step.w.faults.mark_checked(arn)


def compiled_template(step: Step) -> dict[str, Any]:
    """The arguments of CreateExperimentTemplate that this run has to have, without the client token. Raises KeyError if
    the stack has no FIS role for the environment."""
    definition = step.definition
    alarm = f"arn:{definition.partition}:cloudwatch:{definition.region}:{definition.account}:alarm:"
    return compile_template(
        definition,
        step.discovery,
        stack=step.w.settings.stack,
        run_id=step.run.id,
        role_arn=step.w.settings.fis_role_arns[definition.environment.name],
        alarm_arns=[alarm + guard.name for guard in guards_of(step).guards],
    )


def _targets_before(step: Step) -> tuple[TargetBefore, ...]:
    workload = refresh_workload(step.w, step.discovery, step.now)
    return tuple(describe_before(workload.now(pinned) or pinned, workload) for pinned in step.discovery.pinned)


def _rollback_command(step: Step) -> str:
    rollback = plan_run(step.definition, [target.id for target in step.discovery.pinned], step.run.id)
    return start_command(rollback, step.definition.region) if rollback else ""


def _tie_guards(step: Step, guards: Guards, template_id: str) -> Outcome:
    try:
        put_guards(step, guards, f"fis-template={template_id} execution={step.run.execution_arn}")
    except Refused as refused:  # a stop alarm was deleted after ArmGuards; cleaning up removes the template
        return step.reject(f"CloudWatch refused a guard: {refused.code}: {refused.message}")
    if step.closed_meanwhile():  # updating a guard that was deleted creates it anew
        step.w.alarms.delete(guards.names)
        return END
    return NEXT

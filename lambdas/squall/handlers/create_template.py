"""CreateTemplate: compile this execution's own FIS template; record the pre-state and tie the guards to the template."""

from squall.application.admission.deployed import not_as_deployed
from squall.application.safety.guards import put
from squall.application.step import END, NEXT, Outcome, Step, step
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.documents.guards import Guards
from squall.domain.recovery.rollback_document import by_hand, intended
from squall.domain.resources.types import AnyResource
from squall.domain.resources.workload import Workload
from squall.domain.vocabulary import Status
from squall.errors import Refused
from squall.faults import registry
from squall.faults.template import compile_template


@step("CreateTemplate")
def handler(step: Step) -> Outcome:
    definition, discovery, settings = step.definition, step.discovery, step.w.settings
    fault = registry.bound(definition)
    guards = step.need(Guards)
    role, why = settings.fis_role_arns.get(definition.environment.name), not_as_deployed(definition)
    if role is None or why:
        return step.reject(why or f"this stack has no FIS role for environment {definition.environment.name}")
    alarm = f"arn:{definition.partition}:cloudwatch:{definition.region}:{definition.account}:alarm:"
    body = compile_template(
        definition,
        discovery,
        fault,
        fault.parse(definition.experiment.parameters),
        stack=settings.stack,
        run_id=step.run.id,
        role_arn=role,
        alarm_arns=[alarm + guard.name for guard in guards.guards],
    )
    workload = step.w.inventory.refresh(discovery.workload, step.now)
    before = tuple(_before(pinned, workload) for pinned in discovery.pinned)
    step.put(FaultTemplate(body=body, before=before, guards=guards.guards))
    try:
        template_id = step.w.faults.create_template(body, step.client_token)
    except Refused as refused:
        return step.decide(Status.FAILED, f"FIS refused the template: {refused.code}: {refused.message}")
    rollback = intended(definition, [target.id for target in discovery.pinned], step.run.id)
    command = by_hand(rollback, definition.region) if rollback else ""
    if not step.note("template_created", template_id, template_id=template_id, rollback_command=command):
        step.w.faults.delete_template(template_id)  # the run was closed while FIS was creating it
        return END
    # From here on an alarm alone is enough to find and stop the fault.
    try:
        put(step, guards, f"fis-template={template_id} execution={step.run.execution_arn}")
    except Refused as refused:  # a stop alarm that was deleted since ArmGuards; the template goes with whatever the run made
        return step.reject(f"CloudWatch refused a guard: {refused.code}: {refused.message}")
    if step.closed_meanwhile():  # putting a guard that was deleted makes it anew
        step.w.alarms.delete(guards.names)
        return END
    return NEXT


def _before(pinned: AnyResource, workload: Workload) -> TargetBefore:
    now = workload.now(pinned) or pinned
    names = workload.names_of(now)
    return TargetBefore(resource=now, healthy_in=tuple(group.arn for group in workload.target_groups if names & set(group.healthy)))

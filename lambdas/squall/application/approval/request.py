"""Asking people: the plan that is shown and hashed, the request on the record, the message, and what is to be done with the answer."""

from datetime import timedelta

from squall.application.admission.definitions import find_definition
from squall.application.step import END, NEXT, Outcome, Step, wait
from squall.domain.approval.votes import GRACE, MOST_REQUESTS, Ask, Standing, standing
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.guards import Guards, GuardSpec
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.experiment.hashes import definition_hash
from squall.domain.experiment.sentences import sentences
from squall.domain.messages import approval_request
from squall.domain.messages.console import Console
from squall.domain.metrics.guard_alarms import guard_specs
from squall.domain.run.commands import shell_command
from squall.domain.run.timeline import EventName
from squall.faults.template import compile_fault


def is_asked(definition: Definition) -> bool:
    """Whether people decide about this run; a plan injects nothing, so nobody has to."""
    policy = definition.environment.approval
    return policy is not None and policy.required and definition.mode is Mode.RUN


def plan_to_show(step: Step) -> Plan:
    """What would be done, compiled as CreateTemplate and ArmGuards will."""
    definition, discovery = step.definition, step.discovery
    targets, actions = compile_fault(definition, discovery)
    conditions = [condition for _, condition in sentences(definition.experiment).conditions]
    guards = guard_specs(step.run.id, step.w.settings.stack, conditions, discovery.bindings, definition.environment.timing)
    return _plan(step, definition, targets, actions, guards)


def plan_as_made(step: Step) -> Plan | None:
    """What is about to be done: the definition read again, the template and the guards as they were created. None before they were."""
    template, guards = step.find(FaultTemplate), step.find(Guards)
    if template is None or guards is None:
        return None
    definition = find_definition(step.w, step.record)
    if definition is None:
        return None
    return _plan(step, definition, template.body["targets"], template.body["actions"], guards.guards)


def _plan(
    step: Step, definition: Definition, targets: dict[str, object], actions: dict[str, object], guards: tuple[GuardSpec, ...]
) -> Plan:
    return Plan(
        execution_arn=step.run.execution_arn,
        started_at=step.run.started_at,
        definition_hash=definition_hash(definition.experiment),  # of what stands there, not of what it says of itself
        environment=definition.environment,
        pinned=tuple(instance.arn for instance in step.discovery.pinned),
        targets=targets,
        actions=actions,
        guards=guards,
    )


def ask(step: Step) -> Outcome:
    """Ask, unless this very plan is asked or approved already."""
    plan, asked = plan_to_show(step), step.record.ask
    if asked is None or asked.plan != plan.hash:
        return _ask_anew(step, plan)
    stands, said = standing(asked, step.record.votes, step.now)
    if stands is Standing.APPROVED:
        return NEXT if step.note(EventName.APPROVAL_HOLDS, said) else END
    if not any(event.at >= asked.at for event in step.record.happened(EventName.APPROVAL_REQUESTED)):
        return _tell(step, plan, asked, ())  # this function died between asking and telling
    return _wait(step, asked)


def _ask_anew(step: Step, plan: Plan) -> Outcome:
    policy, before = step.definition.environment.approval, step.record.ask
    if policy is None:
        return step.reject("nobody can be asked: the environment has no approval policy")
    changed: tuple[str, ...] = ()
    if before is not None:
        stands, said = standing(before, step.record.votes, step.now)
        if stands is Standing.REJECTED:
            return step.reject(said[:2000])
        shown = step.find(Plan)
        changed = approval_request.differences(shown, plan) if shown else ("what was shown before could not be read",)
        if before.round >= MOST_REQUESTS:
            return step.reject(f"asked {before.round} times, and what was to be approved changed again: {'; '.join(changed)}"[:2000])
    expires_at = step.now + policy.expires_after
    asked = Ask(plan.hash, step.now, expires_at, policy.approvers, policy.who, before.round + 1 if before else 1)
    step.put(plan)  # first: whoever sees the request must be able to see what it is about
    if not step.w.records.ask(step.run.id, asked, step.record.votes):
        return wait(1)  # closed, asked by another invocation, or somebody has just said something more: look again
    step.announce(f"awaiting approval until {expires_at:%Y-%m-%d %H:%M:%S} UTC")
    return _tell(step, plan, asked, changed)


def _tell(step: Step, plan: Plan, asked: Ask, changed: tuple[str, ...]) -> Outcome:
    request = approval_request.Request(
        execution_id=step.run.id,
        stack=step.w.settings.stack,
        plan=plan,
        definition=step.definition,
        discovery=step.discovery,
        safety=step.need(Safety),
        ask=asked,
        url=Console(step.record, step.w.settings.bucket).execution,
        requested_by=step.record.requested_by,
        changed=changed,
    )
    step.w.notifier.publish(approval_request.message(request))  # nobody waits for people who were not told: this may fail the run
    command = f"{shell_command('squall', 'approve', step.run.id)} --comment …"
    if not step.note(EventName.APPROVAL_REQUESTED, f"{standing(asked, (), step.now)[1]}: {command}"):
        return END
    return _wait(step, asked)


def observe(step: Step) -> Outcome:
    """What the recorded votes say, whoever woke the workflow."""
    asked = step.record.ask
    if asked is None:
        return step.reject("there is no request for approval on the record")
    stands, said = standing(asked, step.record.votes, step.now)
    if stands is Standing.PENDING:
        return _wait(step, asked)
    if stands is not Standing.APPROVED:
        return step.reject(said[:2000])
    if not step.note(EventName.APPROVED, said, status=Status.RUNNING):
        return END
    step.announce(said)
    return NEXT


def _wait(step: Step, asked: Ask) -> Outcome:
    """Until just after the request expires; an hour at a time, so that a wake-up that was lost costs no more."""
    return wait((asked.expires_at + GRACE - step.w.clock.now() + timedelta(seconds=1)).total_seconds())

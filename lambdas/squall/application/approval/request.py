"""Asks people for approval: compiles the plan that they see, writes the request on the record, sends the message, and
acts on the votes."""

from datetime import timedelta

from squall.application.messages import send_message
from squall.application.metrics.guard_alarms import guards_of
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.domain.approval.standing import GRACE, MOST_REQUESTS, Standing, find_standing
from squall.domain.approval.votes import Ask
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.experiment.hashes import definition_hash
from squall.domain.messages import approval_request
from squall.domain.messages.console import Console
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.faults.plan import compile_faults


def needs_approval(definition: Definition) -> bool:
    """Whether people have to approve this run. A plan (`Mode.PLAN`) injects nothing, so it needs no approval."""
    policy = definition.environment.approval
    return policy is not None and policy.required and definition.mode is Mode.RUN


def compile_plan(step: Step) -> Plan:
    """The plan of the run, compiled from its definition and discovery: what people are shown, and what FinalCheck
    compares with what they approved."""
    definition, discovery = step.definition, step.discovery
    targets, actions = compile_faults(definition, discovery)
    return Plan(
        execution_arn=step.run.execution_arn,
        started_at=step.run.started_at,
        definition_hash=definition_hash(definition.experiment),  # computed here: the document's own field could be wrong
        environment=definition.environment,
        pinned=tuple(instance.arn for instance in discovery.pinned),
        targets=targets,
        actions=actions,
        guards=guards_of(step).guards,
    )


def ask_approval(step: Step) -> Outcome:
    """Ask for approval, unless people have been asked about exactly this plan or have approved it."""
    plan, request = compile_plan(step), step.record.ask
    if request is None or request.plan != plan.hash:
        return _write_request(step, plan)
    state, sentence = find_standing(request, step.record.confirmed_votes, step.now)
    if state is Standing.APPROVED:
        return NEXT if step.note(EventName.APPROVAL_HOLDS, sentence) else END
    if not any(event.at >= request.at for event in step.record.happened(EventName.APPROVAL_REQUESTED)):
        return _send_request(step, plan, request, ())  # an earlier invocation wrote the request, but failed before it sent it
    return _wait_for_votes(step, request)


def _write_request(step: Step, plan: Plan) -> Outcome:
    policy, before = step.definition.environment.approval, step.record.ask
    if policy is None:
        return step.reject("nobody can be asked for approval: the environment has no approval policy")
    changed: tuple[str, ...] = ()
    if before is not None:
        state, sentence = find_standing(before, step.record.confirmed_votes, step.now)
        if state is Standing.REJECTED:
            return step.reject(sentence[:2000])
        shown = step.find(Plan)
        changed = approval_request.list_differences(shown, plan) if shown else ("what was shown before could not be read",)
        if before.round >= MOST_REQUESTS:
            return step.reject(f"asked {before.round} times, and what was to be approved changed again: {'; '.join(changed)}"[:2000])
    expires_at = step.now + policy.expires_after
    request = Ask(plan.hash, step.now, expires_at, policy.approvers, policy.who, before.round + 1 if before else 1)
    step.put(plan)  # before the request: whoever sees the request must be able to read its plan
    if not step.w.records.ask(step.run.id, request):
        return wait_for(1)  # the run was closed, or another invocation asked: read the record again
    step.announce(f"awaiting approval until {expires_at:%Y-%m-%d %H:%M:%S} UTC")
    return _send_request(step, plan, request, changed)


def _send_request(step: Step, plan: Plan, request: Ask, changed: tuple[str, ...]) -> Outcome:
    content = approval_request.Request(
        execution_id=step.run.id,
        stack=step.w.settings.stack,
        plan=plan,
        definition=step.definition,
        discovery=step.discovery,
        safety=step.need(Safety),
        ask=request,
        url=Console(step.record, step.w.settings.bucket).execution,
        requested_by=step.record.requested_by,
        changed=changed,
    )
    send_message(step.w, approval_request.make_message(content))  # if this fails, the run fails: nobody would know of the request
    command = f"{shell_command('squall', 'approve', step.run.id)} --comment …"
    if not step.note(EventName.APPROVAL_REQUESTED, f"{find_standing(request, (), step.now)[1]}: {command}"):
        return END
    return _wait_for_votes(step, request)


def act_on_votes(step: Step, record: ExecutionRecord) -> Outcome:
    """Go on, wait or reject, by the confirmed votes alone. It does not matter what woke the execution."""
    request = record.ask
    if request is None:
        return step.reject("there is no request for approval on the record")
    state, sentence = find_standing(request, record.confirmed_votes, step.now)
    if state is Standing.PENDING:
        return _wait_for_votes(step, request)
    if state is not Standing.APPROVED:
        return step.reject(sentence[:2000])
    if not step.note(EventName.APPROVED, sentence, status=Status.RUNNING):
        return END
    step.announce(sentence)
    return NEXT


def _wait_for_votes(step: Step, request: Ask) -> Outcome:
    """Wait until just after the request expires. `wait` bounds each wait, so that a lost wake-up costs no more."""
    return wait_for((request.expires_at + GRACE - step.w.clock.now() + timedelta(seconds=1)).total_seconds())

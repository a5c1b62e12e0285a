"""Reads the values that the safety checks decide on, for CheckSafety and for FinalCheck, and runs the checks.

A value that can't be read is None, and its check counts as failed.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from squall.admission.published import read_version
from squall.application.admission.admit import load_deployed_policy
from squall.application.admission.definitions import find_definition
from squall.application.approval.request import compile_plan, needs_approval
from squall.application.fault.template import may_be_allowed_soon, template_differences
from squall.application.metrics.guard_alarms import guards_of
from squall.application.metrics.guard_forecasts import forecast_guards
from squall.application.step import Step
from squall.application.stopping.halt_flag import read_halt
from squall.application.targets.workload_now import find_workload
from squall.domain.base.problems import InvalidInput
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.guards import Guards, GuardSpec
from squall.domain.documents.safety import FinalCheck, Safety
from squall.domain.experiment.hashes import definition_hash
from squall.domain.experiment.published import PublishedVersion
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.disturbances import LONGEST_RUN
from squall.domain.metrics.guard_alarms import MAXIMUM_METRICS
from squall.domain.run.alarm_state import AlarmState
from squall.domain.run.home import Contact, Member
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.ssm_state import CalendarState
from squall.domain.run.timeline import EventName
from squall.domain.safety.cost import count_billed_metrics, estimate_cost
from squall.domain.safety.evaluate import evaluate_checks
from squall.domain.safety.inputs import SafetyInput
from squall.errors import Refused, Unavailable
from squall.faults.plan import (
    bind_plan,
    check_prerequisites,
    compile_faults,
    find_lead,
    list_lasting,
    list_replaced,
    planned_end,
    risk_of,
    traits_of,
)

T = TypeVar("T")
_GROUP = "asg/"
"""The beginning of the name of a failure domain that is an Auto Scaling group."""


def read_forecasts(step: Step) -> Sequence[FalseAborts] | None:
    """How often each guard would have aborted healthy runs; None if CloudWatch or the table could not be read."""
    return _try_read(step, lambda: forecast_guards(step))


def run_checks(step: Step, *, final: bool, false_aborts: Sequence[FalseAborts] | None) -> Safety:
    """Evaluate every check on the current state. `final` adds what only FinalCheck can check. `false_aborts` are the
    forecasts of CheckSafety; a few hours change them little."""
    definition, discovery = step.definition, step.discovery
    now = step.w.clock.now()
    parts = step.run.execution_arn.split(":")
    timing = definition.environment.timing
    outlasts_start = now + timedelta(seconds=timing.start_seconds)
    plan = bind_plan(definition)
    record = _try_read(step, lambda: step.w.records.get(step.run.id)) if final and needs_approval(definition) else None
    workload = _try_read(step, lambda: find_workload(step.w, definition, discovery, now)) if final else discovery.workload
    armed = guards_of(step) if final else Guards(guards=())
    inputs = SafetyInput(
        now=now,
        definition=definition,
        discovery=discovery,
        workload_now=workload,
        traits=traits_of(definition),
        counts_as={bound.name: bound.traits.counts_as for bound in plan if bound.traits.counts_as},
        lasts=planned_end(plan),
        lead=find_lead(definition.experiment.plan),
        lasting=list_lasting(plan),
        account=parts[4],
        region=parts[3],
        domain_holders=_try_read(step, lambda: step.w.locks.holders(discovery.failure_domains, now)),
        execution_id=step.run.id,
        opt_in_tag=step.w.settings.opt_in_tag,
        named_alarms=_read_named_alarms(step, definition),
        firing=_try_read(step, step.w.alarms.firing),
        deployments=_list_deployments(step, definition, discovery),
        recent_faults=_list_recent_faults(step, definition, discovery, now),
        proofs=_list_proofs(step, definition, now),
        baseline=step.find(Baseline) if final else None,
        final=final,
        guards=armed.guards,
        stop_guard=armed.stop,
        guard_states=_try_read(step, lambda: step.w.alarms.states(armed.names)) if final else None,
        lease_held=_try_read(step, lambda: _renew_lease(step, discovery, now, outlasts_start)) if final else None,
        deployed_policy=load_deployed_policy(definition.environment.name),
        definition_hash_now=_try_read(step, lambda: _hash_stored_definition(step)) if final else None,
        published_now=_read_published(step, definition) if final else None,
        template_id=step.record.template_id,
        template_differences=_compare_template(step) if final else None,
        prerequisites=check_prerequisites(definition, discovery, workload) if workload else None,
        replaced=list_replaced(definition, discovery, ()),
        sends_commands=any(bound.fault.ssm_documents for bound in plan),
        moves_metrics=tuple(dict.fromkeys(metric for bound in plan for metric in bound.fault.moves_metrics)),
        risk=risk_of(plan),
        cost=_estimate_run_cost(definition, discovery, armed.guards),
        calendars=_read_calendars(step, definition, now),
        active_experiments=_try_read(step, step.w.faults.active),
        false_aborts=false_aborts,
        halt=_try_read(step, lambda: read_halt(step.w)),
        in_fleet=step.w.settings.fleet_home is not None,
        contact=_read_contact(step, definition),
        ask=record.ask if record else None,
        votes=record.confirmed_votes if record else (),
        plan_now=compile_plan(step).hash if record else None,
    )
    return (FinalCheck if final else Safety)(at=now, checks=evaluate_checks(inputs), false_aborts=tuple(false_aborts or ()))


def _estimate_run_cost(definition: Definition, discovery: Discovery, guards: tuple[GuardSpec, ...]) -> dict[str, float]:
    _, actions = compile_faults(definition, discovery)
    metrics = count_billed_metrics(guards) or MAXIMUM_METRICS * len(definition.experiment.abort_conditions)
    return estimate_cost({"actions": actions}, alarm_metrics=metrics, sentinel=definition.experiment.sentinel is not None)


def _read_calendars(step: Step, definition: Definition, now: datetime) -> CalendarState | None:
    names = definition.environment.change_calendars
    return _try_read(step, lambda: step.w.calendars.state(names, now)) if names else None


def _read_contact(step: Step, definition: Definition) -> Contact | None:
    home = step.w.settings.fleet_home
    if home is None or definition.environment.home_deadline is None:
        return None
    return _try_read(step, lambda: Contact(home, step.w.home.last_seen()))


def _hash_stored_definition(step: Step) -> str | None:
    """The hash of the experiment as it is in S3 now, computed here and not read from the document."""
    definition = find_definition(step.w, step.record)
    return definition_hash(definition.experiment) if definition else None


def _read_published(step: Step, definition: Definition) -> PublishedVersion | None:
    """The newest version of the run's published experiment; None if it can't be read, or if somebody deleted it."""
    name = definition.source.name
    if definition.source.kind != "published":
        return None
    stored = _try_read(step, lambda: step.w.catalogue.find_newest(name))
    try:
        return read_version(stored) if stored else None
    except InvalidInput as invalid:
        step.note(EventName.NOT_ANSWERED, str(invalid)[:500])
        return None


def _renew_lease(step: Step, discovery: Discovery, now: datetime, outlasts: datetime) -> bool:
    lease = timedelta(seconds=step.definition.environment.timing.lease_seconds)
    # The pulse may renew the leases, too, so a failure here decides nothing.
    _try_read(step, lambda: step.w.locks.renew(discovery.failure_domains, step.run.id, now + lease))
    return step.w.locks.holds(discovery.failure_domains, step.run.id, outlasts)


def _read_named_alarms(step: Step, definition: Definition) -> dict[str, AlarmState] | None:
    experiment, calm = definition.experiment, definition.environment.calm
    wanted = [*parse_sentences(experiment).alarms, *experiment.stop_alarm_names, *calm.do_not_disturb]
    return _try_read(step, lambda: _read_alarms_and_members(step, wanted)) if wanted else {}


def _read_alarms_and_members(step: Step, wanted: Sequence[str]) -> dict[str, AlarmState]:
    """The alarms with these names, and the members of composite ones, at any depth."""
    alarms: dict[str, AlarmState] = {}
    requested: set[str] = set()
    while new := [name for name in dict.fromkeys(wanted) if name not in requested]:
        requested.update(new)
        states = step.w.alarms.states(new)
        alarms |= states
        wanted = [member for state in states.values() for member in state.members]
    return alarms


def _list_deployments(step: Step, definition: Definition, discovery: Discovery) -> Sequence[str] | None:
    groups = [domain.removeprefix(_GROUP) for domain in discovery.failure_domains if domain.startswith(_GROUP)]
    calm = definition.environment.calm
    if not (groups or calm.pipelines or calm.deployment_groups):
        return ()
    return _try_read(step, lambda: step.w.deployments.in_progress(groups, calm.pipelines, calm.deployment_groups))


def _list_recent_faults(step: Step, definition: Definition, discovery: Discovery, now: datetime) -> Sequence[ExecutionRecord] | None:
    cool_down, domains = definition.environment.calm.cool_down, discovery.failure_domains
    if cool_down is None or not domains:
        return ()
    return _try_read(step, lambda: step.w.records.faulted(domains, now - cool_down - LONGEST_RUN, now))


def _list_proofs(step: Step, definition: Definition, now: datetime) -> Sequence[ExecutionRecord] | None:
    wanted = definition.environment.promotion
    if wanted is None:
        return ()
    since = now - timedelta(days=wanted.within_days)
    name, stack = definition.experiment.name, wanted.stack
    if stack is None:
        return _try_read(step, lambda: step.w.records.validated(name, wanted.environment, since))
    there = Member(wanted.environment, stack.region, stack.stack, stack.role_arn, stack.external_id, stack.endpoint_url)
    return _try_read(step, lambda: step.w.members.validated(there, name, wanted.environment, since))


def _compare_template(step: Step) -> tuple[str, ...] | None:
    """How FIS's template differs from the compiled one; None if FIS could not be asked. Raises Unavailable while IAM may
    not know the template's tags yet."""
    try:
        return template_differences(step)
    except Unavailable as error:
        if may_be_allowed_soon(error, step.elapsed):
            raise
        step.note(EventName.NOT_ANSWERED, str(error)[:500])
        return None


def _try_read(step: Step, read: Callable[[], T]) -> T | None:
    """The answer, or None if AWS could not be asked: the check that needs it is then not evaluated, which counts as
    failed."""
    try:
        return read()
    except (Unavailable, Refused) as error:
        step.note(EventName.NOT_ANSWERED, str(error)[:500])
        return None

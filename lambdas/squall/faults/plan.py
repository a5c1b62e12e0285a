"""The faults of a run together: each is bound to its module, its parameters and its targets, and everything that the run
asks of its faults is asked of each in turn, here and nowhere else.

A run with one fault is a plan with one entry. That entry has no name, and its template, its checks and its proofs are
those of the fault itself. In a scenario, the name of a fault stands before everything that belongs to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem, prefix_paths
from squall.domain.base.vocabulary import RISKS, FaultType, Risk, RollbackOutcome
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultTemplate, TargetBefore, describe_before
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.judging.fault_signals import Signal
from squall.domain.regions.part import FaultElsewhere
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import WAIT, ActionState, FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.domain.safety.resolved_targets import LEAD
from squall.faults import registry
from squall.faults.base import Aftermath, AnyFault, Injection, Remnant
from squall.faults.fis import LONGEST, MOST_ACTIONS, MOST_AT_ONCE, count_at_once, iso_duration, wait_action

Commands = Mapping[str, Mapping[str, Sequence[CommandState]]]
"""Name of the fault to target id to the commands with the fault's documents that the target was sent, newest first."""
LEADS = "pins"
"""Name of the action that waits before all faults of a run, until it is known what FIS chose by tags. No fault has this name."""
WAITS = "wait"
"""Name of the action that waits before a fault."""
OBSERVES = "observation"
"""Name of the action that waits beside all faults of a scenario until their observation ends. No fault has this name."""


@dataclass(frozen=True, eq=False)
class BoundFault:
    """A fault of the plan, with its module."""

    planned: PlannedFault
    fault: AnyFault

    @property
    def name(self) -> str:
        return self.planned.name

    @cached_property
    def parameters(self) -> Model:
        parameters: Model = self.fault.parse(self.planned.parameters)
        return parameters

    @property
    def traits(self) -> FaultTraits:
        return self.fault.traits(self.parameters)

    @property
    def injects(self) -> bool:
        """Whether anything is injected. If not, the fault of other Regions is what counts."""
        return self.planned.type is not FaultType.NO_FAULT

    @property
    def verb(self) -> str:
        """What a report says was done to the targets."""
        return self.fault.verb_of(self.parameters)

    def name_part(self, part: str) -> str:
        """The name, in the template, of an action or a target of this fault."""
        return f"{self.name}.{part}" if self.name else part

    def owns(self, part: str) -> bool:
        """Whether an action or a target of the template belongs to this fault."""
        return not self.name or part.partition(".")[0] == self.name

    def inject(self, definition: Definition, discovery: Discovery, workload: Workload | None = None) -> Injection[Resource, Model]:
        """The fault as it is about to be injected. `workload`: the workload now, if it differs from the discovered
        one."""
        return Injection(
            parameters=self.parameters,
            targets=discovery.targets_of(self.name),
            workload=workload or discovery.workload,
            length=self.planned.length,
            region=definition.region,
            partition=definition.partition,
            observation=None if self.name else definition.experiment.observation,
            chosen_by={**(self.planned.target.tags if self.planned.target else {}), **discovery.opt_in},
        )

    def find_targets(self, before: Iterable[TargetBefore], discovery: Discovery) -> tuple[TargetBefore, ...]:
        """The fault's own targets among those of the run."""
        own = {target.arn for target in discovery.targets_of(self.name)}
        return tuple(target for target in before if target.resource.arn in own)

    def narrow_fis(self, fis: FisExperiment | None) -> FisExperiment | None:
        """The FIS experiment with the fault's own actions, under the names that the fault gave them."""
        if fis is None or not self.name:
            return fis
        return replace(fis, actions=tuple(replace(a, name=a.name.partition(".")[2]) for a in fis.actions if self.owns(a.name)))

    def list_injecting(self, fis: FisExperiment | None) -> list[ActionState]:
        """The actions of the fault, without waits, unless waiting is all that it does."""
        return [
            action for action in (fis.actions if fis else ()) if self.owns(action.name) and (action.action_id != WAIT or not self.injects)
        ]


def bind_plan(definition: Definition) -> tuple[BoundFault, ...]:
    """The faults of the run in the order in which they begin. Raises UnknownFaultError."""
    return tuple(BoundFault(planned, registry.bind_fault(planned, definition.environment)) for planned in definition.experiment.plan)


def traits_of(definition: Definition) -> FaultTraits:
    """What the domain needs to know about the run's faults together. Raises UnknownFaultError, and InvalidInput for
    parameters."""
    traits = [bound.traits for bound in bind_plan(definition)]
    if len(traits) == 1:
        return traits[0]
    return FaultTraits(
        ends_at_once=all(each.ends_at_once for each in traits),
        targets_are_replaced=any(each.targets_are_replaced for each in traits),
        targets_leave_at_once=any(each.targets_leave_at_once for each in traits),
        improvements_on_loss=tuple(dict.fromkeys(advice for each in traits for advice in each.improvements_on_loss)),
    )


def list_lasting(plan: Iterable[BoundFault]) -> dict[str, timedelta]:
    """The length of each fault that is not over at once, by its name. Raises InvalidInput for parameters."""
    return {bound.name: bound.planned.length for bound in plan if not bound.traits.ends_at_once}


def risk_of(plan: Iterable[BoundFault]) -> Risk:
    """The highest risk of any of the faults."""
    return max((bound.fault.risk for bound in plan), key=RISKS.index)


def check_prerequisites(definition: Definition, discovery: Discovery, workload: Workload) -> tuple[SafetyCheck, ...]:
    """Checks of what the targets of each fault must be for it to work at all."""
    return tuple(
        check.model_copy(update={"name": bound.name_part(check.name)})
        for bound in bind_plan(definition)
        for check in bound.fault.prerequisites(bound.inject(definition, discovery, workload))
    )


def list_signals(definition: Definition, discovery: Discovery) -> dict[str, tuple[Signal, ...]]:
    """Metrics that each fault must move, by the name of the fault."""
    return {bound.name: bound.fault.signals(bound.inject(definition, discovery)) for bound in bind_plan(definition)}


def compile_faults(definition: Definition, discovery: Discovery) -> tuple[dict[str, Any], dict[str, Any]]:
    """Targets and actions of the run's template. A fault that waits for others begins after all their actions. Where FIS
    chooses targets by tags, every fault begins after the time in which its choice is compared with the pins."""
    targets: dict[str, Any] = {}
    lead = find_lead(definition.experiment.plan)
    leading = [LEADS] if lead else []
    actions: dict[str, Any] = {name: _make_lead(lead) for name in leading}
    by_fault: dict[str, list[str]] = {}
    for bound in bind_plan(definition):
        own_targets, own_actions = bound.fault.compile(bound.inject(definition, discovery))
        first = [name for other in bound.planned.after for name in by_fault[other]] or leading
        if bound.planned.delay:
            waits = bound.name_part(WAITS)
            actions[waits] = _start_after(_make_wait(bound), first)
            first = [waits]
        targets |= {bound.name_part(name): target for name, target in own_targets.items()}
        named = {bound.name_part(name): _start_after(_rename_targets(action, bound), first) for name, action in own_actions.items()}
        actions |= named
        by_fault[bound.name] = list(named)
    experiment = definition.experiment
    if experiment.faults and experiment.observes_longer:
        actions[OBSERVES] = _start_after(_make_observation(definition), leading)
    return targets, actions


def find_lead(plan: Iterable[PlannedFault]) -> timedelta:
    """How long FIS waits before the faults of a run, because it chooses targets of one of them by tags; else nothing. This time
    belongs to no fault."""
    return LEAD if any(planned.chosen_by_tags for planned in plan) else timedelta(0)


def _make_lead(lead: timedelta) -> dict[str, Any]:
    return {**wait_action(lead), "description": "Wait until the targets that FIS chose by tags are compared with the pinned ones"}


def _make_observation(definition: Definition) -> dict[str, Any]:
    """A wait that keeps the FIS experiment and its stop conditions alive until the observation of all faults ends, even if the
    first fault takes effect as late as its action allows."""
    observed = definition.experiment.observed_length
    return wait_action(min(max(bound.fault.action_length(observed) for bound in bind_plan(definition)), LONGEST))


def _start_after(action: dict[str, Any], first: Sequence[str]) -> dict[str, Any]:
    return {**action, "startAfter": list(first)} if first else action


def _rename_targets(action: dict[str, Any], bound: BoundFault) -> dict[str, Any]:
    if "targets" not in action:
        return action
    return {**action, "targets": {key: bound.name_part(target) for key, target in action["targets"].items()}}


def _make_wait(bound: BoundFault) -> dict[str, Any]:
    wait = wait_action(bound.planned.delay)
    return {**wait, "description": f"Wait {iso_duration(bound.planned.delay)} before {bound.name}"}


def planned_end(plan: Iterable[BoundFault]) -> timedelta:
    """When the last fault is to end, counted from the start of the FIS experiment. FIS keeps time in reserve for some
    actions; faults that wait for those begin later. `find_lead` is not in it."""
    ends: dict[str, timedelta] = {}
    over: list[timedelta] = []
    for bound in plan:
        start = max((ends[other] for other in bound.planned.after), default=timedelta(0)) + bound.planned.delay
        ends[bound.name] = start + bound.fault.action_length(bound.planned.length)
        over.append(start + bound.planned.length)
    return max(over)


def list_lost(
    definition: Definition, discovery: Discovery, before: Sequence[TargetBefore], not_begun: Sequence[str], now: Workload
) -> tuple[TargetBefore, ...]:
    """The targets of `list_replaced` as they were before the faults. Of members of targets, those that are gone now: FIS chose
    which ones the fault took."""
    replaced = {target.arn: target for target in list_replaced(definition, discovery, not_begun)}
    targets = tuple(target for target in before if target.resource.arn in replaced)
    members = [member for arn, member in replaced.items() if arn not in {target.resource.arn for target in before}]
    gone = [member for member in members if (known := now.now(member)) is None or known.state in known.LOST]
    return (*targets, *(describe_before(member, discovery.workload) for member in gone))


def list_replaced(definition: Definition, discovery: Discovery, not_begun: Sequence[str]) -> tuple[Resource, ...]:
    """What others have to replace: in a scenario for the faults that take targets away, if any of its faults does.
    `not_begun`: the names of faults that never began."""
    plan = bind_plan(definition)
    taking = [bound for bound in plan if bound.traits.targets_are_replaced]
    begun = [bound for bound in taking or plan if bound.name not in not_begun]
    found = [
        replaced
        for bound in begun
        for target in discovery.targets_of(bound.name)
        for replaced in bound.fault.list_replaced(target, discovery.workload)
    ]
    return tuple({each.arn: each for each in found}.values())


def find_template_problems(definition: Definition, discovery: Discovery) -> list[Problem]:
    """What FIS would refuse of a scenario's template: too many actions, or too many at once."""
    if not definition.experiment.faults:
        return []
    try:
        _, actions = compile_faults(definition, discovery)
    except InvalidInput as invalid:
        return prefix_paths("faults", invalid.problems)
    return list(find_action_problems(actions))


def find_action_problems(actions: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Whether FIS takes so many actions."""
    if len(actions) > MOST_ACTIONS:
        message = f"the faults are {len(actions)} actions of FIS, with their waits"
        yield Problem(path="faults", message=message, expected=f"at most {MOST_ACTIONS} actions")
    elif (together := count_at_once(actions)) > MOST_AT_ONCE:
        message = f"{together} actions of FIS could run at once, with their waits"
        yield Problem(path="faults", message=message, expected=f"at most {MOST_AT_ONCE} at once: more faults after others")


def find_remnants(
    definition: Definition, discovery: Discovery, template: FaultTemplate, describe: Callable[[], Workload], since: datetime | None
) -> tuple[Remnant, ...]:
    """What is left of the faults although they are over in FIS, apart from commands of an agent. `since`: when FIS began."""
    return tuple(
        remnant
        for bound in bind_plan(definition)
        for remnant in bound.fault.find_remnants(_narrow_template(bound, template, discovery), describe, since)
    )


def _narrow_template(bound: BoundFault, template: FaultTemplate, discovery: Discovery) -> FaultTemplate:
    if not bound.name:
        return template
    actions = {name.partition(".")[2]: action for name, action in template.body["actions"].items() if bound.owns(name)}
    return template.model_copy(
        update={"body": {**template.body, "actions": actions}, "before": bound.find_targets(template.before, discovery)}
    )


@dataclass(frozen=True)
class AfterRun:
    """What is known about the faults of a run after it."""

    definition: Definition
    discovery: Discovery
    before: Sequence[TargetBefore]
    workload: Workload
    """The workload as it is now."""
    commands: Commands
    fis: FisExperiment | None
    now: datetime
    aborted: bool = False
    elsewhere: Sequence[FaultElsewhere] = ()
    """The faults of the other Regions of a run over several, where this one has none."""


def verify_plan(after: AfterRun) -> RollbackReport:
    """What became of the targets of each fault.

    A fault that FIS never began because the run was aborted before has no proofs: nobody could have seen it. A fault
    that FIS never began for another reason is not proven, whatever the state of its targets.
    """
    plan = bind_plan(after.definition)
    commands = assign_commands(plan, after.commands, after.fis)
    reports = [_verify_fault(bound, after, commands.get(bound.name, {})) for bound in plan]
    if len(reports) == 1:
        return reports[0]
    begun = [report for bound, report in zip(plan, reports, strict=True) if not _never_began(bound, after)]
    ends = [report.could_have_lasted_until for report in reports if report.could_have_lasted_until]
    return RollbackReport(
        at=after.now,
        proofs=tuple(proof for report in begun for proof in report.proofs),
        outcome=max((report.outcome for report in reports), key=_WORST.index),
        differences=tuple(dict.fromkeys(difference for report in reports for difference in report.differences)),
        leftovers=tuple(dict.fromkeys(left for report in reports for left in report.leftovers)),
        could_have_lasted_until=max(ends, default=None),
        not_begun=tuple(bound.name for bound in plan if _never_began(bound, after)),
    )


_WORST = (RollbackOutcome.NOT_NEEDED, RollbackOutcome.RESTORED, RollbackOutcome.RECOVERED, RollbackOutcome.NOT_RESTORED)


def _verify_fault(bound: BoundFault, after: AfterRun, commands: Mapping[str, Sequence[CommandState]]) -> RollbackReport:
    report = bound.fault.verify(
        Aftermath(
            before=bound.find_targets(after.before, after.discovery),
            workload_before=after.discovery.workload,
            workload=after.workload,
            commands=commands,
            fis=bound.narrow_fis(after.fis),
            now=after.now,
            length=bound.planned.length,
            parameters=bound.parameters,
            elsewhere=after.elsewhere,
        )
    )
    if not bound.name:
        return report
    return report.model_copy(update={"proofs": tuple(_name_proof(bound, proof, after) for proof in report.proofs)})


def _name_proof(bound: BoundFault, proof: Proof, after: AfterRun) -> Proof:
    injecting = bound.list_injecting(after.fis)
    if after.fis is not None and not any(action.started_at for action in injecting):
        proof = proof.model_copy(update={"proven": False, "detail": f"FIS never began {bound.name}; {proof.detail}"})
    where = "" if proof.target in proof.detail else f" on {proof.target}"
    return proof.model_copy(update={"fault": bound.name, "detail": f"{bound.name}{where}: {proof.detail}"})


def _never_began(bound: BoundFault, after: AfterRun) -> bool:
    """Whether FIS did not begin the fault because it was stopped before."""
    if not after.aborted or after.fis is None or after.fis.status not in {"stopped", "cancelled"}:
        return False
    return not any(action.started_at for action in bound.list_injecting(after.fis))


def assign_commands(plan: Sequence[BoundFault], commands: Commands, fis: FisExperiment | None) -> Commands:
    """The commands of each fault alone. Two faults may send the same document to one target one after the other: a
    command then belongs to the fault whose action began nearest to it."""
    begun = {bound.name: min((a.started_at for a in bound.list_injecting(fis) if a.started_at), default=None) for bound in plan}
    sharing = {bound.name: [other for other in plan if set(other.fault.ssm_documents) & set(bound.fault.ssm_documents)] for bound in plan}

    def belongs(name: str, target: str, command: CommandState) -> bool:
        rivals = [other.name for other in sharing[name] if target in commands.get(other.name, {})]
        if len(rivals) < 2:
            return True
        starts = {rival: at for rival in rivals if (at := begun[rival]) is not None}
        return bool(starts) and min(starts, key=lambda rival: abs(starts[rival] - command.requested_at)) == name

    return {
        name: {target: [command for command in sent if belongs(name, target, command)] for target, sent in by_target.items()}
        for name, by_target in commands.items()
    }

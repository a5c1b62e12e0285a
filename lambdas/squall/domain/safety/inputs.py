"""The input of the safety checks, and the answer of a check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from squall.domain.approval.votes import Ask, Vote
from squall.domain.base.vocabulary import CheckOutcome, FaultType, Risk
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.false_aborts import FalseAborts
from squall.domain.documents.guards import GuardSpec, StopGuard
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.published import PublishedVersion
from squall.domain.policy.environment import Environment
from squall.domain.recovery.recovery import recovery_length
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.alarm_state import AlarmState
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.halt import Halt
from squall.domain.run.home import Contact
from squall.domain.run.lock import Held
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.ssm_state import CalendarState


@dataclass(frozen=True)
class SafetyInput:
    """The values that the checks decide on. One that could not be read is None, and its check counts as failed."""

    now: datetime
    definition: Definition
    discovery: Discovery
    workload_now: Workload | None
    """The workload as it is now. CheckSafety runs right after discovery and takes discovery.workload."""
    traits: FaultTraits
    lasts: timedelta
    """How long the faults last together, with the time that FIS keeps in reserve between them."""
    lasting: Mapping[str, timedelta]
    """The length of each fault that is not over at once, by its name in a scenario."""
    account: str | None
    """The account in which this function runs; `region` likewise."""
    region: str | None
    domain_holders: Mapping[str, Held | None] | None
    """Each failure domain with the holder of its lock. A lock held by this execution counts as free."""
    execution_id: str
    lead: timedelta = timedelta(0)
    """How long FIS waits before the faults, because it chooses targets by tags."""
    opt_in_tag: str = "squall:environment"
    named_alarms: Mapping[str, AlarmState] | None = None
    """The existing alarms among those that stop_alarms, sentences and the policy name."""
    firing: Sequence[AlarmState] | None = None
    """Every alarm of the account and Region in ALARM."""
    deployments: Sequence[str] | None = None
    """A sentence for each deployment in progress."""
    recent_faults: Sequence[ExecutionRecord] | None = None
    """Executions with a fault that may have ended within the policy's cool-down."""
    proofs: Sequence[ExecutionRecord] | None = None
    """Executions that validated the experiment in the environment and the time for which the policy asks."""
    baseline: Baseline | None = None
    final: bool = False
    """Whether FinalCheck asks: it evaluates the checks in the FINAL tables, too."""
    guards: tuple[GuardSpec, ...] = ()
    stop_guard: StopGuard | None = None
    """The composite alarm on the experiment's stop alarms."""
    guard_states: Mapping[str, AlarmState] | None = None
    lease_held: bool | None = None
    """Whether this execution holds all locks, with leases that outlast StartFault."""
    deployed_policy: Environment | None = None
    """The environment's policy as deployed now; None if no policy of that name is deployed."""
    definition_hash_now: str | None = None
    """The hash of the definition document as it is in S3 now."""
    published_now: PublishedVersion | None = None
    """The newest published version under the name of the experiment; None if it could not be read, or if the definition is
    not a published one."""
    template_id: str | None = None
    template_differences: Sequence[str] | None = None
    """The differences between the FIS template and what was compiled; None if they could not be compared."""
    prerequisites: tuple[SafetyCheck, ...] | None = None
    """The results of the fault's `prerequisites`; None if they could not be checked."""
    replaced: tuple[Resource, ...] = ()
    """The targets that others have to replace if the faults take any away; none given: all."""
    sends_commands: bool = False
    """Whether the fault is injected by Systems Manager commands."""
    moves_metrics: tuple[str, ...] = ()
    """The metrics that the fault moves by design (`Fault.moves_metrics`)."""
    risk: Risk | None = None
    """The fault's risk class (`Fault.risk`)."""
    cost: Mapping[str, float] | None = None
    """The estimate of `estimate_cost` for the whole length of the fault."""
    calendars: CalendarState | None = None
    """The current state of the policy's change calendars together."""
    active_experiments: Sequence[FisExperiment] | None = None
    """The FIS experiments that run in the account (`Faults.active`)."""
    false_aborts: Sequence[FalseAborts] | None = None
    """How often the guard of each abort condition would have aborted healthy runs; None if its history could not be read."""
    halt: Halt | None = None
    """The halt flag; None if it could not be read, which counts as halted."""
    in_fleet: bool = False
    """Whether this stack is a member of a fleet."""
    contact: Contact | None = None
    """What this stack knows of its fleet's home; None if it could not be read, or if nobody asks."""

    counts_as: Mapping[str, tuple[FaultType, Mapping[str, Any]]] = field(default_factory=dict)
    """As which faults, with which parameters, custom actions take something from their targets, by the name of the fault."""
    ask: Ask | None = None
    """The request for approval on the record."""
    votes: Sequence[Vote] = ()
    """The votes on the request that count."""
    plan_now: str | None = None
    """The hash of the plan as its parts exist in AWS now."""

    @property
    def end(self) -> datetime:
        """The end of the run if the fault started now: all faults or the observation, and the whole recovery."""
        return self.now + self.lead + max(self.lasts, self.definition.experiment.observed_length) + recovery_length(self.definition)


Answer = tuple[bool | CheckOutcome | None, str]
"""The outcome of a check, and a sentence about it. True is passed, False is failed, None could not be evaluated, and
`CheckOutcome.WARNED` is a problem that the policy lets pass."""
Check = Callable[[SafetyInput], Answer]


def join_words(words: Sequence[str]) -> str:
    """The words as a list in a sentence."""
    return ", ".join(str(word) for word in words) or "nothing"

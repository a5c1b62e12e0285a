"""The input of the safety checks, and the answer of a check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.approval.votes import Ask, Vote
from squall.domain.base.vocabulary import CheckOutcome, Risk
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.guards import GuardSpec, StopGuard
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.policy.environment import Environment
from squall.domain.recovery.recovery import recovery_length
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import AlarmState, CalendarState, FisExperiment, Held
from squall.domain.run.halt import Halt
from squall.domain.run.record import ExecutionRecord


@dataclass(frozen=True)
class SafetyInput:
    """What the checks are made on. An observation that could not be made is None, and its check counts as failed."""

    now: datetime
    definition: Definition
    discovery: Discovery
    workload_now: Workload | None
    """A fresh look at the workload (CheckSafety: discovery.workload will do)."""
    traits: FaultTraits
    account: str | None
    """Account and Region this function runs in."""
    region: str | None
    domain_holders: Mapping[str, Held | None] | None
    """Failure domain to who holds its lock; None: could not be asked. Held by this execution is free."""
    execution_id: str
    opt_in_tag: str = "squall:environment"
    named_alarms: Mapping[str, AlarmState] | None = None
    """The alarms that stop_alarms, `alarm … fires` criteria and the policy name, absent ones left out; None: could not be asked."""
    firing: Sequence[AlarmState] | None = None
    """Every alarm of the account and Region in ALARM; None: could not be asked."""
    deployments: Sequence[str] | None = None
    """What is being rolled out, a sentence each; None: could not be asked."""
    recent_faults: Sequence[ExecutionRecord] | None = None
    """Executions with a fault that may have ended within the policy's cool-down; None: could not be asked."""
    proofs: Sequence[ExecutionRecord] | None = None
    """Executions of the experiment that were validated where and while the policy asks for; None: could not be asked."""
    baseline: Baseline | None = None
    final: bool = False
    """FinalCheck: the checks marked final-only are added."""
    guards: tuple[GuardSpec, ...] = ()
    stop_guard: StopGuard | None = None
    """The composite alarm on the experiment's stop alarms."""
    guard_states: Mapping[str, AlarmState] | None = None
    lease_held: bool | None = None
    """Whether all locks are ours with a lease that outlasts StartFault."""
    deployed_policy: Environment | None = None
    """The environment's policy as deployed now; None: none of that name is deployed."""
    definition_hash_now: str | None = None
    """The hash of the definition document as read again."""
    template_id: str | None = None
    template_differences: Sequence[str] | None = None
    """Where the FIS template differs from what was compiled; None: could not be compared."""
    prerequisites: tuple[SafetyCheck, ...] | None = None
    """The fault's own `prerequisites`; None: not asked, and so failed."""
    sends_commands: bool = False
    """Whether the fault is carried out by commands of Systems Manager."""
    moves_metrics: tuple[str, ...] = ()
    """The fault's own `moves_metrics`."""
    risk: Risk | None = None
    """The fault's own `risk`."""
    cost: Mapping[str, float] | None = None
    """The estimate of `cost.of_template` for the whole length; None: could not be made."""
    calendars: CalendarState | None = None
    """Of the policy's change calendars taken together, now; None: could not be asked."""
    active_experiments: Sequence[FisExperiment] | None = None
    """FIS experiments running in the account (`faults.active()`); None: could not be asked."""
    halt: Halt | None = None
    """The halt flag; None: could not be read, which counts as halted."""

    ask: Ask | None = None
    """The request for approval on the record, with what people said to it."""
    votes: Sequence[Vote] = ()
    plan_now: str | None = None
    """Hash of the plan as its parts were created; None: could not be read."""

    @property
    def end(self) -> datetime:
        """When the run would be over: the whole fault and the whole recovery, from now."""
        return self.now + self.definition.experiment.length + recovery_length(self.definition)


Answer = tuple[bool | CheckOutcome | None, str]
"""Passed, failed, None for what could not be evaluated, or `CheckOutcome.WARNED` where the policy lets something wrong pass; and the
sentence."""
Check = Callable[[SafetyInput], Answer]


def listed(words: Sequence[str]) -> str:
    """The words of a closed set as a sentence names them."""
    return ", ".join(str(word) for word in words) or "nothing"

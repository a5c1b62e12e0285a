"""What the checks are made on, and what a check answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.documents import Baseline, Definition, Discovery, GuardSpec, SafetyCheck, Workload
from squall.domain.halt import Halt
from squall.domain.observed import AlarmState, FisExperiment, Held
from squall.domain.recovery import recovery_length


@dataclass(frozen=True)
class SafetyInput:
    """What the checks are made on. An observation that could not be made is None, and its check counts as failed."""

    now: datetime
    definition: Definition
    discovery: Discovery
    workload_now: Workload | None
    """A fresh look at the workload (CheckSafety: discovery.workload will do)."""
    account: str | None
    """Account and Region this function runs in."""
    region: str | None
    domain_holders: Mapping[str, Held | None] | None
    """Failure domain to who holds its lock; None: could not be asked. Held by this execution is free."""
    execution_id: str
    opt_in_tag: str = "squall:environment"
    stop_alarms: Mapping[str, AlarmState] | None = None
    """States of the alarms named in stop_alarms and `alarm … fires` criteria, absent ones left out; None: could not be asked."""
    baseline: Baseline | None = None
    final: bool = False
    """FinalCheck: the checks marked final-only are added."""
    guards: tuple[GuardSpec, ...] = ()
    guard_states: Mapping[str, AlarmState] | None = None
    lease_held: bool | None = None
    """Whether all locks are ours with a lease that outlasts StartFault."""
    definition_hash_now: str | None = None
    """The hash of the definition document as read again."""
    template_id: str | None = None
    prerequisites: tuple[SafetyCheck, ...] | None = None
    """What `registry.of(experiment).prerequisites(workload_now, discovery.pinned, parameters)` says; None: not asked, and so failed."""
    moves_metrics: tuple[str, ...] = ()
    """The fault's own `moves_metrics`."""
    active_experiments: Sequence[FisExperiment] | None = None
    """FIS experiments running in the account (`faults.active()`); None: could not be asked."""
    halt: Halt | None = None
    """The halt flag; None: could not be read, which counts as halted."""

    @property
    def end(self) -> datetime:
        """When the run would be over: the whole fault and the whole recovery, from now."""
        return self.now + self.definition.experiment.length + recovery_length(self.definition)


Answer = tuple[bool | None, str]
"""Passed, failed, or None for what could not be evaluated; and the sentence."""
Check = Callable[[SafetyInput], Answer]


def listed(words: Sequence[str]) -> str:
    """The words of a closed set as a sentence names them."""
    return ", ".join(str(word) for word in words) or "nothing"

"""What a fault module declares."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol

from squall.domain.documents import Instance, Proof, RollbackReport, SafetyCheck, TargetBefore, Workload
from squall.domain.model import Model
from squall.domain.observed import CommandState, FisExperiment
from squall.domain.vocabulary import FaultType

Risk = Literal["low", "medium", "high"]
Commands = Mapping[str, Sequence[CommandState]]
"""Instance id to the invocations of the fault's document on it, newest first."""


class Fault(Protocol):
    type: ClassVar[FaultType]
    title: ClassVar[str]
    risk: ClassVar[Risk]
    reversible: ClassVar[bool]
    ssm_document: ClassVar[str | None]
    """Name of the Systems Manager document whose commands are the fault's mechanism."""
    fis_actions: ClassVar[tuple[str, ...]]
    moves_metrics: ClassVar[tuple[str, ...]]
    """Canonical metrics the fault itself manipulates: a guard on one would watch the fault, not the workload."""

    def parse(self, raw: Mapping[str, Any]) -> Model:
        """Typed parameters; raises InvalidInput with paths `parameters.<name>`."""

    def prerequisites(self, workload: Workload, pinned: Sequence[Instance]) -> tuple[SafetyCheck, ...]: ...

    def compile(
        self, parameters: Model, pinned: Sequence[Instance], length: timedelta, *, region: str, partition: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Targets and actions of the FIS template."""

    def prove(
        self, pinned: Sequence[Instance], workload_after: Workload, commands: Commands, fis: FisExperiment | None
    ) -> tuple[Proof, ...]: ...

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
    ) -> RollbackReport: ...

"""Questions to a fault, with what the tests leave open filled in."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.base.model import Model
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.faults.base import Aftermath, AnyFault, Injection
from tests.unit.builders import NOW, REGION

LENGTH = timedelta(minutes=5)


def injection(
    parameters: Model,
    targets: Sequence[Resource],
    workload: Workload | None = None,
    length: timedelta = LENGTH,
    region: str = REGION,
    partition: str = "aws",
    observation: timedelta | None = None,
) -> Injection[Resource, Model]:
    return Injection(
        parameters=parameters,
        targets=targets,
        workload=workload or Workload(at=NOW, instances=()),
        length=length,
        region=region,
        partition=partition,
        observation=observation,
    )


def prerequisites(fault: AnyFault, workload: Workload, targets: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
    return fault.prerequisites(injection(parameters, targets, workload))


def compile_fault(
    fault: AnyFault,
    parameters: Model,
    targets: Sequence[Resource],
    length: timedelta = LENGTH,
    *,
    region: str = REGION,
    partition: str = "aws",
) -> tuple[dict[str, Any], dict[str, Any]]:
    return fault.compile(injection(parameters, targets, length=length, region=region, partition=partition))


def expected_signals(fault: AnyFault, parameters: Model, workload: Workload, targets: Sequence[Resource]) -> tuple[Signal, ...]:
    return fault.signals(injection(parameters, targets, workload))


def prove(
    fault: AnyFault,
    targets: Sequence[Resource],
    workload: Workload,
    commands: Mapping[str, Sequence[CommandState]],
    fis: FisExperiment | None,
) -> tuple[Proof, ...]:
    before = [TargetBefore.model_validate({"resource": target, "healthy_in": ()}) for target in targets]
    return fault.prove(Aftermath(before, workload, workload, commands, fis, NOW))


def verify(
    fault: AnyFault,
    before: Sequence[TargetBefore],
    workload_before: Workload,
    workload: Workload,
    commands: Mapping[str, Sequence[CommandState]],
    fis: FisExperiment | None,
    now: datetime,
    length: timedelta | None = None,
) -> RollbackReport:
    return fault.verify(Aftermath(before, workload_before, workload, commands, fis, now, length))

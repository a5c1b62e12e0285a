"""Terminate pinned instances of an Auto Scaling group: the seed's experiment. Nothing undoes it; the group recovers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.documents import Proof, RollbackReport, SafetyCheck, TargetBefore, Workload
from squall.domain.model import Model
from squall.domain.observed import FisExperiment
from squall.domain.resource import Resource
from squall.domain.resources import Instance, these
from squall.domain.vocabulary import FaultType, ResourceType, Risk, RollbackOutcome
from squall.faults.base import WAIT, Commands, ModelType, Signal, check, parse_parameters, targets_by_arn, wait_action
from squall.faults.capacity import is_lost, missing_capacity, state_of


class Parameters(Model):
    """Termination has none: what is terminated is the blast radius's business."""


class InstanceTermination:
    """`aws:ec2:terminate-instances`, with a wait beside it so that stop conditions and windows live as long as the observation."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.INSTANCE
    title = "Instance termination"
    risk: Risk = "high"
    reversible = False
    ssm_documents: tuple[str, ...] = ()
    fis_actions = ("aws:ec2:terminate-instances", WAIT)
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    parameters: ModelType = Parameters

    def parse(self, raw: Mapping[str, Any]) -> Parameters:
        return parse_parameters(Parameters, raw)

    def prerequisites(
        self,
        workload: Workload,
        pinned: Sequence[Resource],
        parameters: Model,  # noqa: ARG002 - the protocol's
    ) -> tuple[SafetyCheck, ...]:
        known = {group.name for group in workload.groups}
        instances = these(Instance, pinned)
        alone = [instance.id for instance in instances if instance.group not in known]
        out = [f"{i.id} is {i.lifecycle or 'in no lifecycle state'}" for i in instances if i.group in known and i.lifecycle != "InService"]
        names = sorted({instance.group for instance in instances if instance.group in known and instance.group})
        orphans = f"{', '.join(alone)} belongs to no Auto Scaling group, so nothing would replace it"
        detail = orphans if alone else f"replaced by {', '.join(names) or 'nothing: no target is pinned'}"
        return (
            check("in_auto_scaling_group", bool(pinned) and not alone, detail),
            check("in_service", bool(pinned) and not out, "; ".join(out) or "every target is in service in its group"),
        )

    def compile(
        self,
        parameters: Model,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        targets = targets_by_arn("Instances", self.resource_type, these(Instance, pinned))
        actions: dict[str, Any] = {
            f"terminate{name.removeprefix('Instances')}": {
                "actionId": "aws:ec2:terminate-instances",
                "description": "Terminate the pinned instances",
                "targets": {"Instances": name},
            }
            for name in targets
        }
        actions["observe"] = wait_action(length)
        return targets, actions

    def signal(self, parameters: Model) -> Signal | None:  # noqa: ARG002 - the protocol's
        return None

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,
        commands: Commands,  # noqa: ARG002 - the protocol's
        fis: FisExperiment | None,  # noqa: ARG002 - the protocol's
    ) -> tuple[Proof, ...]:
        return tuple(
            Proof(
                target=instance.id,
                proven=is_lost(instance.id, workload_after),
                kind="state",
                detail=f"{instance.id} is {state_of(instance.id, workload_after)}",
                at=workload_after.at,
            )
            for instance in pinned
        )

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,  # noqa: ARG002 - the protocol's
    ) -> RollbackReport:
        proofs = self.prove([target.resource for target in before], after_workload, commands, fis)
        differences = missing_capacity(before, before_workload, after_workload)
        if not any(proof.proven for proof in proofs) and not differences:
            outcome = RollbackOutcome.NOT_NEEDED
        else:
            outcome = RollbackOutcome.NOT_RESTORED if differences else RollbackOutcome.RECOVERED
        return RollbackReport(at=now, proofs=proofs, outcome=outcome, differences=tuple(differences))

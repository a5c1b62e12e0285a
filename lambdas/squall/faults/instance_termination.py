"""Terminate pinned instances of an Auto Scaling group: the seed's experiment. Nothing undoes it; the group recovers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.documents import Group, Instance, Proof, RollbackReport, SafetyCheck, TargetBefore, Workload
from squall.domain.model import Model
from squall.domain.observed import FisExperiment
from squall.domain.vocabulary import FaultType, RollbackOutcome
from squall.faults.base import Commands, ModelType, Risk, check, instance_targets, iso_duration, parse_parameters

GONE = frozenset({"terminated", "shutting-down"})


class Parameters(Model):
    """Termination has none: what is terminated is the blast radius's business."""


class InstanceTermination:
    """`aws:ec2:terminate-instances`, with a wait beside it so that stop conditions and windows live as long as the observation."""

    type = FaultType.INSTANCE_TERMINATION
    title = "Instance termination"
    risk: Risk = "high"
    reversible = False
    ssm_document: str | None = None
    fis_actions = ("aws:ec2:terminate-instances", "aws:fis:wait")
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    parameters: ModelType = Parameters

    def parse(self, raw: Mapping[str, Any]) -> Parameters:
        return parse_parameters(Parameters, raw)

    def prerequisites(
        self,
        workload: Workload,
        pinned: Sequence[Instance],
        parameters: Model,  # noqa: ARG002 - the protocol's
    ) -> tuple[SafetyCheck, ...]:
        known = {group.name for group in workload.groups}
        alone = [instance.id for instance in pinned if instance.group not in known]
        out = [f"{i.id} is {i.lifecycle or 'in no lifecycle state'}" for i in pinned if i.group in known and i.lifecycle != "InService"]
        names = sorted({instance.group for instance in pinned if instance.group in known and instance.group})
        orphans = f"{', '.join(alone)} belongs to no Auto Scaling group, so nothing would replace it"
        detail = orphans if alone else f"replaced by {', '.join(names) or 'nothing: no target is pinned'}"
        return (
            check("in_auto_scaling_group", bool(pinned) and not alone, detail),
            check("in_service", bool(pinned) and not out, "; ".join(out) or "every target is in service in its group"),
        )

    def compile(
        self,
        parameters: Model,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Instance],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        targets = instance_targets(pinned)
        actions: dict[str, Any] = {
            f"terminate{name.removeprefix('Instances')}": {
                "actionId": "aws:ec2:terminate-instances",
                "description": "Terminate the pinned instances",
                "targets": {"Instances": name},
            }
            for name in targets
        }
        actions["observe"] = {
            "actionId": "aws:fis:wait",
            "description": "Keep the experiment and its stop conditions alive for the observation",
            "parameters": {"duration": iso_duration(length)},
        }
        return targets, actions

    def prove(
        self,
        pinned: Sequence[Instance],
        workload_after: Workload,
        commands: Commands,  # noqa: ARG002 - the protocol's
        fis: FisExperiment | None,  # noqa: ARG002 - the protocol's
    ) -> tuple[Proof, ...]:
        states = {instance.id: instance.state for instance in workload_after.instances}
        return tuple(
            Proof(
                target=instance.id,
                proven=states.get(instance.id, "gone") in {*GONE, "gone"},
                kind="state",
                detail=f"{instance.id} is {states.get(instance.id, 'gone')}",
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
        proofs = self.prove([target.instance for target in before], after_workload, commands, fis)
        names = {target.instance.group for target in before if target.instance.group}
        differences = [
            *_groups(names, before_workload, after_workload),
            *_target_groups({arn for target in before for arn in target.healthy_in}, before_workload, after_workload),
        ]
        if not any(proof.proven for proof in proofs) and not differences:
            outcome = RollbackOutcome.NOT_NEEDED
        else:
            outcome = RollbackOutcome.NOT_RESTORED if differences else RollbackOutcome.RECOVERED
        return RollbackReport(at=now, proofs=proofs, outcome=outcome, differences=tuple(differences))


def _groups(names: Iterable[str], before: Workload, after: Workload) -> Iterable[str]:
    then, now = {group.name: group for group in before.groups}, {group.name: group for group in after.groups}
    for name in sorted(names):
        yield from _group(name, then.get(name), now.get(name))


def _group(name: str, before: Group | None, after: Group | None) -> Iterable[str]:
    if after is None:
        yield f"Auto Scaling group {name} is gone"
        return
    wanted = before.desired if before else after.desired
    if after.desired < wanted:
        yield f"{name} has a desired capacity of {after.desired}, it was {wanted}"
    if len(after.in_service) < wanted:
        yield f"{name} has {len(after.in_service)} of {wanted} instances in service"
    suspended = sorted(set(after.suspended) - set(before.suspended if before else ()))
    if suspended:
        yield f"{name} has suspended {', '.join(suspended)}"


def _target_groups(arns: Iterable[str], before: Workload, after: Workload) -> Iterable[str]:
    then, now = ({group.arn: len(group.healthy) for group in workload.target_groups} for workload in (before, after))
    for arn in sorted(arns):
        if now.get(arn, 0) < then.get(arn, 0):
            yield f"{arn.partition('targetgroup/')[2] or arn} has {now.get(arn, 0)} healthy targets, it had {then[arn]}"

"""Let a disk take nothing any more: I/O of pinned EBS volumes is paused, whoever reads or writes waits."""

from collections.abc import Iterable, Sequence

from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.volumes import Volume
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import check
from squall.faults.mechanisms.lasting import LastingFault, by_action
from squall.faults.mechanisms.momentary import NoParameters


class VolumePause(LastingFault[Volume, NoParameters]):
    """`aws:ebs:pause-volume-io`: of all instances a volume is attached to. One action takes volumes of one zone only."""

    type = FaultType.DISK_FILL
    resource_type = ResourceType.VOLUME
    kind = Volume
    title = "Volume that takes no I/O"
    risk = "high"
    action_id = "aws:ebs:pause-volume-io"
    target_key = "Volumes"
    action = "pause"
    parameters = NoParameters

    def describe(self, parameters: NoParameters) -> str:  # noqa: ARG002 - the base's
        return "Pause the I/O of the pinned volumes"

    def together(self, pinned: Sequence[Volume]) -> Iterable[Sequence[Volume]]:
        zones = sorted({one.zone for one in pinned})
        return [[one for one in pinned if one.zone == zone] for zone in zones]

    def needs(self, workload: Workload, pinned: Sequence[Volume], parameters: NoParameters) -> Iterable[SafetyCheck]:  # noqa: ARG002
        loose = [f"{one.id} is attached to nothing" for one in pinned if not one.attachments]
        loose += [f"{one.id} is {to.state} to {to.instance}" for one in pinned for to in one.attachments if to.state != "attached"]
        older = [
            f"{to.instance} is a {to.instance_type or 'type nobody knows'}" for one in pinned for to in one.attachments if not to.nitro
        ]
        far = [one.id for one in pinned if one.outpost]
        known = "; ".join(f"{one.id} of {', '.join(_said(one))}" for one in pinned)
        yield check("attached", bool(pinned) and not loose, "; ".join(loose) or known or "no target is pinned")
        yield check("nitro", bool(pinned) and not older, "; ".join(older) or "every instance is built on the Nitro System")
        yield check("in_region", bool(pinned) and not far, f"{', '.join(far)} is on an Outpost" if far else "no volume is on an Outpost")

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:  # noqa: ARG002
        """1 while I/O has been stalled for over a minute: a volume that nobody used stays at 0, and nothing was tested."""
        return tuple(
            Signal(
                targets=(one.id,),
                namespace="AWS/EBS",
                metric_name="VolumeStalledIOCheck",
                dimensions=(("VolumeId", one.id),),
                by=1,
                after_seconds=60,
            )
            for one in pinned
        )

    def happened(self, before: Volume, now: Volume | None, ran: ActionState | None) -> Proof:  # noqa: ARG002 - the base's
        return by_action(before.id, ran, "pause the I/O of")

    def changed(self, before: Volume, now: Volume | None) -> Iterable[str]:
        if now is None and before.attachments and all(one.deleted_with for one in before.attachments):
            return  # with its instance, whose group tells whether another took over
        yield from super().changed(before, now)
        if now is not None and now.contains != before.contains:
            yield f"{now.id} is attached to {', '.join(sorted(now.contains)) or 'nothing'}, it was to {', '.join(sorted(before.contains))}"


def _said(volume: Volume) -> Iterable[str]:
    return [f"{to.instance}{' (its root)' if to.root else ''}" for to in volume.attachments]

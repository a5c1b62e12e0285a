"""Delete pinned pods. Nothing undoes it; what controls them starts others."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.pods import EksPod
from squall.domain.resources.types import ids, these
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import FisExperiment
from squall.domain.vocabulary import FaultType, ResourceType
from squall.faults.base import ByHand, Commands, check, wait_action
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.pods.base import KEY, action_on, helpers_left, of_every_pod, pod_actions, pod_targets


class PodDelete(MomentaryFault[EksPod]):
    """`aws:eks:pod-delete`: SIGTERM, and SIGKILL after the pod's own grace period."""

    type = FaultType.INSTANCE_TERMINATION
    resource_type = ResourceType.POD
    kind = EksPod
    title = "Pod deletion"
    action_id = "aws:eks:pod-delete"
    target_key = KEY
    action = "delete"
    description = "Delete the pinned pod"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def needs(self, workload: Workload, pinned: Sequence[EksPod]) -> Iterable[SafetyCheck]:
        yield from of_every_pod(workload, pinned)
        known = {group.name for group in workload.groups}
        alone = [pod for pod in pinned if pod.group not in known]
        names = sorted({pod.group for pod in pinned if pod.group in known and pod.group})
        orphans = f"{ids(alone)} is of no Deployment, ReplicaSet, StatefulSet or DaemonSet, so nothing would replace it"
        yield check("in_workload", bool(pinned) and not alone, orphans if alone else f"replaced by {', '.join(names) or 'nothing'}")

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:  # noqa: ARG002
        then = these(EksPod, pinned)
        now = [(workload.now(one) or one).model_copy(update={"service_account": one.service_account}) for one in then]
        return tuple(self.needs(workload, now))

    def compile(
        self,
        parameters: Model,  # noqa: ARG002 - the protocol's
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        pods = these(EksPod, pinned)
        actions = pod_actions(pods, self.action, self.action_id, self.description, {})
        return pod_targets(pods), {**actions, "observe": wait_action(length)}

    def prove(
        self, pinned: Sequence[Resource], workload_after: Workload, commands: Commands, fis: FisExperiment | None
    ) -> tuple[Proof, ...]:
        """Gone, and by FIS: a rollout, an eviction or a node that went deletes pods as well."""
        proofs = []
        for pod, proof in zip(these(EksPod, pinned), super().prove(pinned, workload_after, commands, fis), strict=True):
            ran = action_on(pod, self.action, fis)
            if proof.proven and ran is None:
                detail = f"{proof.detail}, but FIS did not delete it"
                proofs.append(proof.model_copy(update={"proven": False, "detail": detail}))
            else:
                proofs.append(proof.model_copy(update={"at": ran.started_at}) if proof.proven and ran else proof)
        return tuple(proofs)

    def happened(self, before: EksPod, now: EksPod | None) -> tuple[bool, str]:
        if now is None:
            return True, f"{before.name} with uid {before.uid} is not there any more"
        return now.state == "Terminating", f"{now.id} is {now.state}"

    def lacking(self, before: EksPod, now: EksPod | None) -> Iterable[str]:  # noqa: ARG002 - what controls it replaces it
        return ()

    def lacking_around(self, before: Sequence[TargetBefore], before_workload: Workload, after_workload: Workload) -> Iterable[str]:
        yield from missing_capacity(before, before_workload, after_workload)
        yield from (f"{what}; by hand: {command}" for what, command in helpers_left(before, after_workload))

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:
        return tuple(helpers_left(before, now()))

"""What all faults of EKS pods share: each pod a target of its own by name, FIS's own pod in the cluster that carries the fault out."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.pods import EksPod
from squall.domain.resources.types import ids, these
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState, FisExperiment
from squall.domain.vocabulary import CheckOutcome, ResourceType, RollbackOutcome
from squall.faults.base import LONGEST, ByHand, Commands, P, check, iso_duration
from squall.faults.mechanisms.lasting import LastingFault, by_action
from squall.faults.tasks.base import settled

KEY = "Pods"
RAN = frozenset({"completed", "running", "stopped", "stopping"})


def pod_targets(pods: Sequence[EksPod]) -> dict[str, dict[str, Any]]:
    """FIS takes no ARN of a pod, and draws from what labels find: each is a target by its name, called by its uid."""
    return {
        f"{KEY}-{pod.short}": {
            "resourceType": ResourceType.POD.value,
            "selectionMode": "ALL",
            "parameters": {
                "clusterIdentifier": pod.cluster,
                "namespace": pod.namespace,
                "selectorType": "podName",
                "selectorValue": pod.name,
            },
        }
        for pod in pods
    }


def pod_actions(
    pods: Sequence[EksPod], action: str, action_id: str, description: str, parameters: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """One action a pod, so that FIS tells of each by itself."""
    return {
        f"{action}-{pod.short}": {
            "actionId": action_id,
            "description": description,
            "parameters": {**parameters, "kubernetesServiceAccount": pod.service_account},
            "targets": {KEY: f"{KEY}-{pod.short}"},
        }
        for pod in pods
    }


def action_on(pod: EksPod, action: str, fis: FisExperiment | None) -> ActionState | None:
    """The action on this pod, if it began and did not fail."""
    found = next((one for one in (fis.actions if fis else ()) if one.name == f"{action}-{pod.short}"), None)
    return found if found and found.started_at is not None and found.status in RAN else None


def of_every_pod(workload: Workload, pods: Sequence[EksPod]) -> Iterable[SafetyCheck]:
    """What FIS asks of any pod, and a warning of what only the cluster knows."""
    changing = sorted({f"{pod.cluster.rpartition('/')[2]} is {pod.cluster_state}" for pod in pods if pod.cluster_state != "ACTIVE"})
    yield check("cluster_active", bool(pods) and not changing, "; ".join(changing) or "every cluster is ACTIVE")
    unready = [f"{pod.id} is {pod.state}" for pod in pods if not pod.usable]
    yield check("pod_ready", bool(pods) and not unready, "; ".join(unready) or "every pod is ready")
    yield settled(workload, pods)
    closed = [pod for pod in pods if pod.read_only_root]
    said = f"{ids(closed)} has a container with a read-only root file system, where FIS can't monitor what it does"
    yield check("root_writable", bool(pods) and not closed, said if closed else "FIS can monitor every pod")
    unknown = [pod for pod in pods if not pod.service_account]
    if unknown or not pods:
        yield check("service_account", ok=False, detail=f"nobody says as whom FIS acts on {ids(unknown) or 'nothing'}")
        return
    accounts = ", ".join(sorted({f"{pod.service_account} in {pod.namespace}" for pod in pods}))
    said = f"not to be told from outside: whether the service account {accounts} may do what FIS needs, and FIS's role has an access entry"
    yield SafetyCheck(name="service_account", outcome=CheckOutcome.WARNED, detail=said)


def helpers_left(before: Sequence[TargetBefore], after: Workload) -> Iterable[ByHand]:
    """Pods of FIS's that were not there before."""
    then = these(EksPod, (target.resource for target in before))
    now = [one for one in after.others if isinstance(one, EksPod)]
    for cluster, namespace in sorted({(pod.cluster, pod.namespace) for pod in then}):
        known = {name for pod in then if (pod.cluster, pod.namespace) == (cluster, namespace) for name in pod.helpers}
        here = {name for pod in now if (pod.cluster, pod.namespace) == (cluster, namespace) for name in pod.helpers}
        for name in sorted(here - known):
            yield f"FIS's pod {name} is still in {namespace}", f"kubectl -n {namespace} delete pod {name}"


class PodFault(LastingFault[EksPod, P]):
    """`aws:eks:pod-…`: FIS's pod puts an ephemeral container into each target, ends it when the time is up, and leaves."""

    resource_type = ResourceType.POD
    kind = EksPod
    target_key = KEY
    actions: tuple[str, ...]

    @property
    def fis_actions(self) -> tuple[str, ...]:
        return self.actions

    @abstractmethod
    def chosen(self, parameters: P) -> str:
        """The action that does it with these parameters: one of `actions`."""

    def in_its_network(self) -> bool:
        """Whether the pod's own network is disturbed."""
        return False

    def besides(self, workload: Workload, pods: Sequence[EksPod], parameters: P) -> Iterable[SafetyCheck]:  # noqa: ARG002 - for overriding
        """Checks besides those of every pod."""
        return ()

    def needs(self, workload: Workload, pinned: Sequence[EksPod], parameters: P) -> Iterable[SafetyCheck]:
        yield from of_every_pod(workload, pinned)
        if self.in_its_network():
            yield from _network(pinned)
        yield from self.besides(workload, pinned, parameters)

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        account = {one.id: one.service_account for one in these(EksPod, pinned)}
        now = [workload.now(one) or one for one in these(EksPod, pinned)]
        pods = [one.model_copy(update={"service_account": account[one.id]}) for one in now]
        return tuple(self.needs(workload, pods, self._own(parameters)))

    def compile(
        self,
        parameters: Model,
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own, pods = self._own(parameters), these(EksPod, pinned)
        given = {**self.told(own), "duration": iso_duration(min(length, LONGEST))}
        return pod_targets(pods), pod_actions(pods, self.action, self.chosen(own), self.describe(own), given)

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,
        commands: Commands,  # noqa: ARG002 - the protocol's
        fis: FisExperiment | None,
    ) -> tuple[Proof, ...]:
        return tuple(self.happened(one, workload_after.now(one), action_on(one, self.action, fis)) for one in these(EksPod, pinned))

    def happened(self, before: EksPod, now: EksPod | None, ran: ActionState | None) -> Proof:  # noqa: ARG002 - FIS's word is all there is
        return by_action(before.id, ran, "disturb")

    def ran(self, fis: FisExperiment | None) -> ActionState | None:
        """Of the actions that began, the one that began last."""
        began = [one for one in (fis.actions if fis else ()) if one.action_id in self.actions and one.started_at and one.status in RAN]
        return max(began, key=lambda one: str(one.started_at), default=None)

    def changed(self, before: EksPod, now: EksPod | None) -> Iterable[str]:
        if now is None or now.state in now.LOST:  # what replaces it is counted around it
            if before.group is None:
                yield f"{before.id} is gone, and nothing replaces it"
        elif now.state != before.state:
            yield f"{before.id} is {now.state}, it was {before.state}"

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,
    ) -> RollbackReport:
        report = super().verify(before, before_workload, after_workload, commands, fis, now, length)
        left = [after_workload.now(one) for one in these(EksPod, (target.resource for target in before))]
        lost = any(one is None or one.state in one.LOST for one in left)
        if lost and report.outcome in {RollbackOutcome.RESTORED, RollbackOutcome.NOT_NEEDED}:
            return report.model_copy(update={"outcome": RollbackOutcome.RECOVERED})
        return report

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:
        workload = now()
        return (*super().left_over(before, lambda: workload), *helpers_left(before, workload))

    def remains(self, before: EksPod, now: EksPod | None) -> Iterable[ByHand]:
        """An ephemeral container can't be taken out of its pod, nor ended from outside."""
        running = sorted(set(now.injecting) - set(before.injecting)) if now else []
        if running:
            what = f"the ephemeral container {', '.join(running)} still runs in {before.id}"
            yield what, f"kubectl -n {before.namespace} delete pod {before.name}"


def _network(pods: Sequence[EksPod]) -> Iterable[SafetyCheck]:
    fargate = [pod for pod in pods if pod.fargate]
    said = f"{ids(fargate)} runs on Fargate, where FIS can't disturb the network"
    yield check("not_on_fargate", bool(pods) and not fargate, said if fargate else "no pod runs on Fargate")
    shared = [pod for pod in pods if pod.host_network]
    said = f"{ids(shared)} uses its node's network: everything on that node would be hit"
    yield check("network_of_its_own", bool(pods) and not shared, said if shared else "every pod has a network of its own")
    bound = [pod for pod in pods if pod.unprivileged]
    said = f"the security context of {ids(bound)} lets nobody in it be root, whom FIS's ephemeral container must be"
    yield check("root_allowed", bool(pods) and not bound, said if bound else "FIS's ephemeral container may be root")

"""Faults of EKS pods: each pod is a target of its own, found by name, and FIS's own pod in the cluster carries out the
fault."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, ResourceType
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.pods import POD_SECURITY, PRIVILEGED, EksPod
from squall.domain.resources.types import cast_resources, join_ids
from squall.domain.resources.workload import Workload
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults.base import Aftermath, Fault, Injection, Remnant
from squall.faults.checks import check_targets, make_check
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.lasting import RAN, LastingFault, prove_by_action
from squall.faults.parameters import Fixed, P, find_other_values
from squall.faults.tasks.base import check_rollout

_DECIDED = ("kubernetesServiceAccount", "fisPodSecurityPolicy")
"""Parameters of FIS's own pod that the environment and the namespace decide."""
_ONLY: Fixed = {"maxErrorsPercent": ("0", "0"), "interface": ("DEFAULT", "DEFAULT")}
"""Parameters that Squall leaves out, so that FIS takes its defaults."""


class OnPods(Fault[EksPod, P]):
    """What all faults of pods have in common: targets, actions, role, and what FIS requires of any pod."""

    resource_type = ResourceType.POD
    kind = EksPod
    target_key = "Pods"

    def grants(self) -> tuple[Grant, ...]:
        # Kubernetes guards pods, by the service account; IAM's part is whether FIS learns where the cluster is.
        return (grant_tagged("eks:DescribeCluster", "eks", "cluster/*"), grant_untagged("ec2:DescribeSubnets", "tag:GetResources"))

    def refresh(self, target: EksPod, workload: Workload, /) -> EksPod:
        """The pod as the workload describes it now, with the environment's service account, which no description
        contains."""
        return (workload.now(target) or target).model_copy(update={"service_account": target.service_account})

    def fis_targets(self, injection: Injection[EksPod, P], /) -> dict[str, dict[str, Any]]:
        """One target for each pod, named by its uid. FIS takes no ARN of a pod but a selector, so each is selected by
        its name."""
        return {
            f"{self.target_key}-{pod.short}": {
                "resourceType": ResourceType.POD.value,
                "selectionMode": "ALL",
                "parameters": {
                    "clusterIdentifier": pod.cluster,
                    "namespace": pod.namespace,
                    "selectorType": "podName",
                    "selectorValue": pod.name,
                },
            }
            for pod in injection.targets
        }

    def action_parameters(self, injection: Injection[EksPod, P], /) -> Mapping[str, str]:
        accounts = {pod.service_account for pod in injection.targets}
        if len(accounts) > 1:
            raise ValueError(f"pods of one environment have one service account, these have {', '.join(sorted(accounts))}")
        # Actions on the network take no policy: they work under `privileged` only, which `check_targets` requires.
        enforced = {pod.pod_security for pod in injection.targets}
        strictest = [level for level in POD_SECURITY if level in {PRIVILEGED, *enforced}][-1]
        policy = {"fisPodSecurityPolicy": strictest} if strictest != PRIVILEGED else {}
        return {**super().action_parameters(injection), "kubernetesServiceAccount": "".join(accounts), **policy}

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        """The parameters of the fault itself. The environment decides as whom FIS's own pod acts, and its namespace what
        the pod may do."""
        if problems := find_other_values(parameters, _ONLY, self.type.value):
            raise InvalidInput(problems)
        rest = {name: value for name, value in parameters.items() if name not in {*_ONLY, *_DECIDED}}
        return self.read_own(action_id, rest)

    def read_own(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        """The fault's parameters in those that are its own."""
        return super().read_action(action_id, parameters)

    def find_action(self, fis: FisExperiment | None, pod: EksPod, /) -> ActionState | None:
        """The action on this pod, if it began and did not fail."""
        name = f"{self.action}-{pod.short}"
        action = next((state for state in (fis.actions if fis else ()) if state.name == name), None)
        return action if action and action.started_at is not None and action.status in RAN else None


def check_ready(workload: Workload, pods: Sequence[EksPod]) -> Iterable[SafetyCheck]:
    """Checks that nothing changes the pods just now."""
    changing = sorted({f"{pod.cluster.rpartition('/')[2]} is {pod.cluster_state}" for pod in pods if pod.cluster_state != "ACTIVE"})
    yield check_targets("cluster_active", pods, changing, "; ".join(changing), "every cluster is ACTIVE")
    unready = [f"{pod.id} is {pod.state}" for pod in pods if not pod.usable]
    yield check_targets("pod_ready", pods, unready, "; ".join(unready), "every pod is ready")
    yield check_rollout(workload, pods)


def check_memory_limits(pods: Sequence[EksPod]) -> SafetyCheck:
    """The check that memory that is used up is the pod's own."""
    unlimited = [pod for pod in pods if not pod.memory_limited]
    refusal = f"{join_ids(unlimited)} has a container without a memory limit: its node's other pods would be killed or evicted, too"
    return check_targets("memory_limited", pods, unlimited, refusal, "every pod has a memory limit")


def check_pods(workload: Workload, pods: Sequence[EksPod]) -> Iterable[SafetyCheck]:
    """Checks of what FIS requires of any pod, and a warning about what only the cluster knows."""
    yield from check_ready(workload, pods)
    closed = [pod for pod in pods if pod.read_only_root]
    refusal = f"{join_ids(closed)} has a container with a read-only root file system, where FIS can't monitor what it does"
    yield check_targets("root_writable", pods, closed, refusal, "FIS can monitor every pod")
    strange = [pod for pod in pods if pod.pod_security not in POD_SECURITY]
    refusal = f"the namespace of {join_ids(strange)} enforces a Pod Security Standard that is none of {', '.join(POD_SECURITY)}"
    yield check_targets("pod_security", pods, strange, refusal, "FIS's pods can conform to the namespace's Pod Security Standard")
    unknown = [pod for pod in pods if not pod.service_account]
    if unknown or not pods:
        refusal = f"the environment's policy names no service account as which FIS acts on {join_ids(unknown) or 'pods'}"
        yield make_check("service_account", ok=False, detail=refusal)
        return
    accounts = ", ".join(sorted({f"service account {pod.service_account} in {pod.namespace}" for pod in pods}))
    warning = f"cannot be told from outside: whether {accounts} may do what FIS needs, and FIS's role has an access entry"
    yield SafetyCheck(name="service_account", outcome=CheckOutcome.WARNED, detail=warning)


def find_helper_pods(before: Sequence[TargetBefore], after: Workload) -> Iterable[Remnant]:
    """FIS's own pods that exist now and did not exist before the fault."""
    then = cast_resources(EksPod, (target.resource for target in before))
    now = [resource for resource in after.others if isinstance(resource, EksPod)]
    for cluster, namespace in sorted({(pod.cluster, pod.namespace) for pod in then}):
        known = {name for pod in then if (pod.cluster, pod.namespace) == (cluster, namespace) for name in pod.helpers}
        here = {name for pod in now if (pod.cluster, pod.namespace) == (cluster, namespace) for name in pod.helpers}
        for name in sorted(here - known):
            yield Remnant(f"FIS's pod {name} is still in {namespace}", shell_command("kubectl", "-n", namespace, "delete", "pod", name))


class PodFault(OnPods[P], LastingFault[EksPod, P]):
    """`aws:eks:pod-…`: FIS's pod adds an ephemeral container to each target, ends it when the time is up, and is
    deleted."""

    in_its_network = False
    """Whether the pod's own network is disturbed."""

    def check_fitness(self, _injection: Injection[EksPod, P], /) -> Iterable[SafetyCheck]:
        """Checks of what this fault requires besides what every pod fault requires."""
        return ()

    def check_targets(self, injection: Injection[EksPod, P], /) -> Iterable[SafetyCheck]:
        yield from check_pods(injection.workload, injection.targets)
        if self.in_its_network:
            yield from _check_network(injection.targets)
        yield from self.check_fitness(injection)

    def prove_target(self, before: EksPod, _now: EksPod | None, ran: ActionState | None, /) -> Proof:
        """The proof from FIS's report, because there is no other evidence."""
        return prove_by_action(before.id, ran, "disturb")

    def find_changes(self, before: EksPod, now: EksPod | None, /) -> Iterable[str]:
        if now is None or now.state in now.LOST:  # what replaces it is counted in its group
            if before.group is None:
                yield f"{before.id} is gone, and nothing replaces it"
        elif now.state != before.state:
            yield f"{before.id} is {now.state}, it was {before.state}"

    def lost_any(self, before: Sequence[EksPod], aftermath: Aftermath) -> bool:
        left = [aftermath.workload.now(pod) for pod in before]
        return any(pod is None or pod.state in pod.LOST for pod in left)

    def list_remnants(self, before: Sequence[TargetBefore], workload: Workload) -> tuple[Remnant, ...]:
        return (*super().list_remnants(before, workload), *find_helper_pods(before, workload))

    def find_target_remnants(self, before: EksPod, now: EksPod | None, /) -> Iterable[Remnant]:
        """The ephemeral containers that still run. They can't be removed from the pod, nor ended from outside."""
        running = sorted(set(now.injecting) - set(before.injecting)) if now else []
        if running:
            description = f"the ephemeral container {', '.join(running)} still runs in {before.id}"
            yield Remnant(description, shell_command("kubectl", "-n", before.namespace, "delete", "pod", before.name))


def _check_network(pods: Sequence[EksPod]) -> Iterable[SafetyCheck]:
    fargate = [pod for pod in pods if pod.fargate]
    refusal = f"{join_ids(fargate)} runs on Fargate, where FIS can't disturb the network"
    yield check_targets("not_on_fargate", pods, fargate, refusal, "no pod runs on Fargate")
    shared = [pod for pod in pods if pod.host_network]
    refusal = f"{join_ids(shared)} uses its node's network: everything on that node would be hit"
    yield check_targets("network_of_its_own", pods, shared, refusal, "every pod has a network of its own")
    bound = [pod for pod in pods if pod.unprivileged]
    refusal = f"the security context of {join_ids(bound)} keeps its containers from being root, which FIS's ephemeral container must be"
    yield check_targets("root_allowed", pods, bound, refusal, "FIS's ephemeral container may be root")
    strict = [pod for pod in pods if pod.pod_security != PRIVILEGED]
    levels = ", ".join(sorted({f"{pod.namespace} enforces {pod.pod_security}" for pod in strict}))
    refusal = (
        f"FIS can disturb the network only where the Pod Security Standard {PRIVILEGED} is enforced; {levels}: "
        "change the namespace's label pod-security.kubernetes.io/enforce, or choose another fault"
    )
    yield check_targets("privileged_allowed", pods, strict, refusal, "the namespaces allow privileged pods")

"""Squall's own faults and adapters on real pods: found with a role's own grants, carried out by FIS, proven, compared; nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from local.kubernetes import manifests
from local.kubernetes.part import CLUSTER
from squall.adapters.fis.experiments import Fis
from squall.adapters.inventory.finders import FINDERS
from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.target_groups import TargetGroups
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.resources.pods import EksPod
from squall.domain.resources.workload import Workload
from squall.faults import registry
from tests.local.account_rig import ACCOUNT, REGION
from tests.local.kubernetes.kubernetes_rig import VIEW
from tests.local.kubernetes.pods_rig import ENVIRONMENT, FILTERS, Sample, opened
from tests.unit.faults.asking import compile_fault, prerequisites, prove, verify

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

__all__ = ["opened"]

READS = {"Effect": "Allow", "Action": ["eks:DescribeCluster", "ec2:Describe*", "elasticloadbalancing:Describe*"], "Resource": "*"}

KEYS = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey", "session_token": "SessionToken"}


@pytest.fixture
def sample(opened: Sample) -> Sample:
    opened.until(opened.whole)
    return opened


@pytest.fixture
def inventory(sample: Sample) -> Inventories:
    """As a function's role, which an access entry lets look into the namespace."""
    arn = sample.account.role(f"arn:aws:iam::{ACCOUNT}:root", [READS])
    sample.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    scope = {"type": "namespace", "namespaces": [manifests.NAMESPACE]}
    sample.eks.associate_access_policy(clusterName=CLUSTER, principalArn=arn, policyArn=VIEW, accessScope=scope)
    keys = sample.account.client("sts").assume_role(RoleArn=arn, RoleSessionName="discover")["Credentials"]
    own = {f"aws_{name}": keys[key] for name, key in KEYS.items()}
    client: Callable[[str], Any] = partial(sample.account.client, **own)
    target_groups = TargetGroups(client("elbv2"))
    fleet = AwsInventory(client("ec2"), client("autoscaling"), target_groups, client("ssm"))
    finders: dict[ResourceType, Any] = {ResourceType.POD: partial(FINDERS[ResourceType.POD], client)}
    return Inventories(fleet, target_groups, finders)


class Run:
    """One fault on one pod, by the very objects a run of Squall uses."""

    def __init__(self, sample: Sample, inventory: Inventories, kind: FaultType, **parameters: Any) -> None:
        self.sample, self.inventory, self.fis = sample, inventory, Fis(sample.fis)
        self.fault = registry.get_fault(kind, ResourceType.POD)
        self.parameters = self.fault.parse(parameters)
        sample.until(lambda: set(sample.target_health().values()) == {"healthy"})
        filters = {"cluster": [CLUSTER], **FILTERS}
        self.before = inventory.describe([], ENVIRONMENT, filters, now(), resource_type=ResourceType.POD)
        matching_resources = [resource for resource in self.before.others if isinstance(resource, EksPod)]
        self.pod = matching_resources[0].model_copy(update={"service_account": manifests.SERVICE_ACCOUNT})

    def start(self, length: timedelta) -> None:
        checks = prerequisites(self.fault, self.before, [self.pod], self.parameters)
        assert [check for check in checks if check.outcome is CheckOutcome.FAILED] == []
        targets, actions = compile_fault(self.fault, self.parameters, [self.pod], length, region=REGION, partition="aws")
        body = {"description": "by Squall", "roleArn": self.sample.role(), "stopConditions": [{"source": "none"}]}
        template = self.fis.create_template({**body, "targets": targets, "actions": actions}, self.pod.uid)
        self.length, self.id = length, self.fis.start(template, self.pod.uid, {}).id

    def afterwards(self) -> tuple[Workload, Any]:
        """What Squall sees and says of it, once the pods are whole again."""
        self.sample.ended(self.id)
        self.sample.until(self.sample.whole)
        self.sample.until(lambda: set(self.sample.target_health().values()) == {"healthy"})
        after, fis = self.inventory.refresh(self.before, now()), self.fis.get(self.id)
        proofs = prove(self.fault, [self.pod], after, {}, fis)
        assert [proof.proven for proof in proofs] == [True], proofs
        then = (TargetBefore(resource=self.pod, healthy_in=tuple(group.arn for group in self.before.target_groups)),)
        assert self.fault.find_remnants(FaultTemplate(body={}, before=then, guards=()), lambda: after) == ()
        return after, verify(self.fault, then, self.before, after, {}, fis, now(), self.length)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def clean(sample: Sample) -> Iterator[None]:
    yield
    assert [name for name in sample.names() if name.startswith("fispod-")] == []
    assert sample.part.objects.all("configmaps") == []


@pytest.mark.usefixtures("clean")
def test_a_pod_is_found_with_its_target_group_deleted_proven_by_its_uid_and_replaced(sample: Sample, inventory: Inventories) -> None:
    run = Run(sample, inventory, FaultType.INSTANCE_TERMINATION)
    (group,) = run.before.groups
    (served,) = run.before.target_groups
    assert (group.name, group.desired, len(group.in_service), group.rolling_out) == ("sample/shop/deployment/web", 3, 3, False)
    assert (served.arn, len(served.healthy)) == (sample.overview["target_group_arn"], 3)
    run.start(timedelta(seconds=8))
    after, report = run.afterwards()
    assert report.outcome is RollbackOutcome.RECOVERED, report
    assert run.pod.id not in {resource.id for resource in after.others}
    assert len(after.groups[0].in_service) == manifests.REPLICAS


@pytest.mark.usefixtures("clean")
def test_a_fault_that_lasts_in_a_pod_is_proven_and_leaves_it_as_it_was(sample: Sample, inventory: Inventories) -> None:
    run = Run(sample, inventory, FaultType.DEPENDENCY_TIMEOUT, dependency="inventory.sample.internal")
    run.start(timedelta(seconds=60))
    sample.acting(run.id, f"dependency-{run.pod.short}")
    during = next(resource for resource in inventory.refresh(run.before, now()).others if resource.id == run.pod.id)
    assert isinstance(during, EksPod)
    assert (len(during.injecting), len(during.helpers)) == (1, 1)
    assert run.fis.stop(run.id)
    _, report = run.afterwards()
    assert report.outcome is RollbackOutcome.RESTORED, report

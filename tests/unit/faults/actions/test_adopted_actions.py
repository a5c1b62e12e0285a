"""FIS templates of others with actions that experiments name by their ids: adopted, and compiled again to the same."""

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.faults import registry
from tests.unit.builders import ACCOUNT, REGION
from tests.unit.faults.asking import compile_fault
from tests.unit.faults.test_adoption import apply_template, experiment, refused, template
from tests.unit.resources import BUILDERS

LENGTH = timedelta(minutes=10)
SHIFT = {"availabilityZoneIdentifier": f"{REGION}a", "managedResourceTypes": "ALB,NLB", "zonalAutoshiftStatus": "ANY"}


@pytest.mark.parametrize(
    ("kind", "resource_type", "values"),
    [
        (FaultType.ZONAL_AUTOSHIFT, ResourceType.SHIFTABLE, SHIFT),
        (FaultType.VPC_ENDPOINT_DISRUPTION, ResourceType.VPC_ENDPOINT, {}),
        (FaultType.ROUTE_TABLE_DISRUPTION, ResourceType.SUBNET, {"region": "us-east-1"}),
        (FaultType.TRANSIT_GATEWAY_DISRUPTION, ResourceType.TRANSIT_GATEWAY, {"region": "us-east-1"}),
    ],
)
@pytest.mark.parametrize("count", [1, 6])
def test_what_squall_compiles_for_an_action_by_its_id_it_also_reads(
    kind: FaultType, resource_type: ResourceType, values: dict[str, Any], count: int
) -> None:
    fault = registry.get_fault(kind, resource_type)
    pinned = [BUILDERS[resource_type](f"t{number}") for number in range(count)]
    targets, actions = compile_fault(fault, fault.parse(values), pinned, LENGTH)
    adopted = apply_template(experiment(kind.value), {"targets": targets, "actions": actions})
    assert adopted.target is not None
    assert (adopted.plan[0].resource_type, list(adopted.target.arns)) == (resource_type, [target.arn for target in pinned])
    assert compile_fault(fault, fault.parse(adopted.parameters), pinned, LENGTH) == (targets, actions)


def test_a_custom_resource_of_somebody_else_is_refused_because_its_text_chooses_what_is_hit() -> None:
    spec = '{"selector":{"namespaces":["shop"]},"mode":"all"}'
    parameters = {
        "kubernetesApiVersion": "chaos-mesh.org/v1alpha1", "kubernetesKind": "NetworkChaos", "kubernetesNamespace": "shop",
        "kubernetesSpec": spec, "maxDuration": "PT10M",
    }  # fmt: skip
    action = {"actionId": "aws:eks:inject-kubernetes-custom-resource", "parameters": parameters, "targets": {"Cluster": "Web"}}
    arn = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"
    target = {"resourceType": "aws:eks:cluster", "resourceArns": [arn], "selectionMode": "ALL"}
    answer = refused(template(action, target=target), FaultType.CUSTOM_RESOURCE.value)
    assert "kubernetesSpec without a selector: in a template, that decides what is hit" in answer["fis_template_id.actions.a0.actionId"], (
        answer
    )

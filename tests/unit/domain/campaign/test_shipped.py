"""The suites that ship: one for each type of resource that a shipped experiment disturbs."""

from infra.definitions import Definitions, load_definitions
from infra.places import ROOT


def list_types(definitions: Definitions, names: set[str]) -> set[str]:
    """The types of the resources that these experiments disturb."""
    return {fault.resource_type.value for name in names for fault in definitions.in_one_region[name].plan}


def test_every_type_of_resource_that_a_shipped_experiment_disturbs_has_a_suite() -> None:
    shipped = load_definitions(ROOT / "experiments", ROOT / "environments", ROOT / "campaigns")
    suites = [campaign for campaign in shipped.campaigns.values() if campaign.kind == "suite"]
    steps = {step.experiment for campaign in suites for step in campaign.steps if step.experiment}
    assert list_types(shipped, steps) == list_types(shipped, set(shipped.in_one_region))

"""What AWS documents that FIS's role needs for each action is what the faults declare: AWS FIS actions reference."""

import pytest

from squall.domain.actions.table import ACTIONS
from squall.faults import registry
from squall.faults.base import AnyFault

FAULTS = (*registry.list_faults(), *registry.list_action_faults())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.type.value} on {fault.resource_type.value}")
def test_a_fault_declares_what_aws_documents_for_its_actions(fault: AnyFault) -> None:
    granted = {action for grant in fault.grants() for action in grant.actions}
    for action in fault.fis_actions:
        assert set(ACTIONS[action].permissions) <= granted, action

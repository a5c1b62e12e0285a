"""What Squall does with each action that AWS documents for FIS: a module injects it, an experiment names it by its id, or it
is refused."""

from dataclasses import dataclass
from typing import Literal

from squall.domain.actions.action import FisAction
from squall.domain.base.vocabulary import ResourceType
from squall.faults import registry
from squall.faults.base import AnyFault


@dataclass(frozen=True)
class Support:
    """How experiments can run an action, if they can."""

    way: Literal["module", "generic", "refused"]
    faults: tuple[AnyFault, ...] = ()
    """The faults that inject it."""
    reason: str = ""
    """Why it is refused."""

    @property
    def words(self) -> str:
        """The way in a few words."""
        if self.way == "refused":
            return f"refused: {self.reason}"
        targets = [f"{fault.type.value} on {fault.resource_type.words}" for fault in self.faults]
        if self.faults[-1].type.is_fis_action:
            targets.append("if the policy allows the id")
        return ", ".join(targets)


def find_support(action: FisAction) -> Support:
    """How experiments can run this action. Imports every fault."""
    by_id = tuple(fault for fault in registry.list_action_faults() if action.id in fault.actions)
    if faults := tuple(fault for fault in registry.list_faults() if action.id in fault.actions):
        return Support("module", (*faults, *by_id))
    if by_id:
        return Support("generic", by_id)
    if action.refused:
        return Support("refused", reason=action.refused)
    if action.resource_type not in set(ResourceType):
        return Support("refused", reason=f"Squall can't read targets of the type {action.resource_type}")
    raise LookupError(f"{action.id} has neither a fault nor a reason why it is refused")

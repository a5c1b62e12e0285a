"""What Squall does with each action that AWS documents for FIS: a module injects it, the policy may list it, or it is
refused."""

from dataclasses import dataclass
from typing import Literal

from squall.domain.actions.action import FisAction
from squall.domain.base.vocabulary import ResourceType
from squall.faults import registry
from squall.faults.base import AnyFault


@dataclass(frozen=True)
class Support:
    """How experiments can run an action, if they can."""

    way: Literal["module", "custom", "refused"]
    faults: tuple[AnyFault, ...] = ()
    """The modules that inject it."""
    reason: str = ""
    """Why it is refused."""

    @property
    def words(self) -> str:
        """The way in a few words."""
        match self.way:
            case "module":
                return ", ".join(f"{fault.type.value} on {fault.resource_type.words}" for fault in self.faults)
            case "custom":
                return "custom, if the policy lists it under custom_actions"
            case _:
                return f"refused: {self.reason}"


def find_support(action: FisAction) -> Support:
    """How experiments can run this action. Imports every fault."""
    if faults := tuple(fault for fault in registry.list_faults() if action.id in fault.actions):
        return Support("module", faults)
    if action.refused:
        return Support("refused", reason=action.refused)
    if action.resource_type not in set(ResourceType):
        return Support("refused", reason=f"Squall can't read targets of the type {action.resource_type}")
    return Support("custom")

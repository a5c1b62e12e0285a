"""``aws:fis:wait``: an action without an effect."""

from typing import ClassVar

from local.account.fis.actions.base import Action


class Wait(Action):
    action_id = "aws:fis:wait"
    description = "Wait for the specified duration."
    parameters: ClassVar[dict[str, bool]] = {"duration": True}

    def start(self) -> None:
        """Does nothing until the duration is over."""

"""The settings of a function, from its environment variables, read once. Each function has only the variables it
uses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "SQUALL_"


class SettingError(Exception):
    """An environment variable is missing or malformed. The message names it."""


@dataclass(frozen=True)
class Settings:
    values: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        environ = os.environ if environ is None else environ
        return cls({name: value for name, value in environ.items() if name.startswith(_PREFIX)})

    @property
    def stack(self) -> str:
        return self._required("SQUALL_STACK")

    @property
    def table(self) -> str:
        return self._required("SQUALL_TABLE")

    @property
    def bucket(self) -> str:
        return self._required("SQUALL_BUCKET")

    @property
    def topic_arn(self) -> str:
        return self._required("SQUALL_TOPIC_ARN")

    @property
    def chat_topic_arn(self) -> str | None:
        """The topic for chats; None in a stack of an earlier version."""
        return self.values.get("SQUALL_CHAT_TOPIC_ARN")

    @property
    def event_bus(self) -> str:
        return self._required("SQUALL_EVENT_BUS")

    @property
    def abort_function_arn(self) -> str:
        return self._required("SQUALL_ABORT_FUNCTION_ARN")

    @property
    def sentinel_function(self) -> str:
        """Name or ARN of the sentinel function."""
        return self._required("SQUALL_SENTINEL_FUNCTION")

    @property
    def state_machine_arn(self) -> str:
        return self._required("SQUALL_STATE_MACHINE_ARN")

    @property
    def campaign_machine_arn(self) -> str:
        return self._required("SQUALL_CAMPAIGN_MACHINE_ARN")

    def execution_arn(self, name: str) -> str:
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"

    @property
    def schedule_role_arn(self) -> str:
        """The role with which Scheduler starts published experiments and campaigns."""
        return self._required("SQUALL_SCHEDULE_ROLE_ARN")

    @property
    def dead_letter_arn(self) -> str:
        """The queue for starts that Scheduler could not deliver."""
        return self._required("SQUALL_DEAD_LETTER_ARN")

    @property
    def peer_regions(self) -> tuple[str, ...]:
        """The other Regions whose stacks this one acts with in a run over several Regions."""
        return tuple(region for region in self.values.get("SQUALL_PEER_REGIONS", "").split(",") if region)

    @property
    def safety_lever(self) -> bool:
        """Whether a halt also engages FIS's safety lever."""
        return self.values.get("SQUALL_SAFETY_LEVER") == "true"

    @property
    def fleet_home(self) -> str | None:
        """In a member of a fleet: the id of home's account. None: this stack is in no fleet."""
        return self.values.get("SQUALL_FLEET_HOME")

    @property
    def opt_in_tag(self) -> str:
        return self._required("SQUALL_OPT_IN_TAG")

    @cached_property
    def fis_role_arns(self) -> Mapping[str, str]:
        """Environment to the ARN of its FIS role. Raises SettingError."""
        name = "SQUALL_FIS_ROLE_ARNS"
        try:
            arns = json.loads(self._required(name))
        except ValueError as error:
            raise SettingError(f"{name} is not JSON") from error
        if not isinstance(arns, dict) or not all(isinstance(arn, str) for arn in arns.values()):
            raise SettingError(f"{name} is not an object of environment to role ARN")
        return arns

    def _required(self, name: str) -> str:
        if value := self.values.get(name):
            return value
        raise SettingError(f"environment variable {name} is not set")

"""What injects faults and undoes them: FIS, Systems Manager commands and Automation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from squall.domain.run.fis_state import FisExperiment, FisTemplate, ResolvedTarget
    from squall.domain.run.ssm_state import AutomationState, CommandState


class Faults(Protocol):
    """AWS FIS."""

    def create_template(self, body: Mapping[str, Any], client_token: str) -> str:
        """Create a template and return its id. Idempotent by client token. Raises `Refused` if FIS refuses it
        (validation, access, quota)."""

    def template(self, template_id: str) -> Mapping[str, Any] | None:
        """A template as FIS describes it, whoever owns it; None if there is none."""

    def mark_checked(self, template_arn: str) -> None:
        """Tag a template as one that passed FinalCheck: no other may be started."""

    def start(self, template_id: str, client_token: str, tags: Mapping[str, str]) -> FisExperiment:
        """Start an experiment. Raises `Refused` (code, message) if FIS refuses: the template is gone, quota, access."""

    def get(self, experiment_id: str) -> FisExperiment | None:
        """An experiment as FIS describes it; None if there is none."""

    def resolved_targets(self, experiment_id: str) -> Sequence[ResolvedTarget]:
        """The resources that FIS resolved for an experiment; empty until it has resolved them, and for an unknown
        experiment."""

    def of_template(self, template_id: str) -> Sequence[FisExperiment]:
        """The experiments started from a template, even if the template is deleted."""

    def of_execution(self, stack: str, execution_id: str) -> Sequence[FisExperiment]:
        """The experiments that carry the tags of this stack and this execution, also those that have ended."""

    def active(self) -> Sequence[FisExperiment]:
        """The experiments of the account in this Region that have not ended, whoever started them."""

    def stop(self, experiment_id: str) -> bool:
        """Ask FIS to stop the experiment. False if it had ended already."""

    def delete_template(self, template_id: str) -> bool:
        """Delete the template. False if it was gone."""

    def own_templates(self, stack: str) -> Sequence[FisTemplate]:
        """The templates of this stack."""


class Commands(Protocol):
    """Systems Manager commands."""

    def on(self, instance_id: str, documents: Sequence[str], since: datetime) -> Sequence[CommandState]:
        """The invocations of any of the documents on the instance that were requested at or after `since`, newest
        first."""


class Automations(Protocol):
    """Systems Manager Automation, which runs rollback documents."""

    def start(self, document: str, version: str, parameters: Mapping[str, Sequence[str]], client_token: str) -> str:
        """Start a document and return the id of its execution. Idempotent by client token.

        Raises `Refused` for a document, role or parameter that Systems Manager does not accept.
        """

    def get(self, execution_id: str) -> AutomationState | None:
        """An execution as Systems Manager describes it; None if there is none."""

"""Whether the FIS template that would be started is the one that the run compiled."""

from collections.abc import Mapping
from typing import Any

from squall.application.step import Step
from squall.domain.documents.fault import FaultTemplate
from squall.domain.safety.fis_template import find_differences


def template_differences(step: Step) -> tuple[str, ...]:
    """Where the template that would be started differs from the one this run compiled; empty: nowhere.

    The record says which template is started, so one that is another run's differs by its tags. Raises `Unavailable` if FIS can't be
    asked.
    """
    template_id = step.record.template_id
    return find_differences(compiled_template(step), step.w.faults.template(template_id) if template_id else None)


def compiled_template(step: Step) -> Mapping[str, Any]:
    """The arguments of CreateExperimentTemplate, as CreateTemplate wrote them down."""
    return step.need(FaultTemplate).body

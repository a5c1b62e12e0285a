"""The FIS experiment template: exactly the arguments of CreateExperimentTemplate, without the client token."""

from collections.abc import Sequence
from typing import Any

from squall.domain.documents import Definition, Discovery
from squall.domain.model import Model
from squall.faults.base import Fault


def compile_template(
    definition: Definition,
    discovery: Discovery,
    fault: Fault,
    parameters: Model,
    *,
    stack: str,
    run_id: str,
    role_arn: str,
    alarm_arns: Sequence[str],
) -> dict[str, Any]:
    raise NotImplementedError

"""FIS actions that take no ARNs: FIS chooses everything that carries the tags of the template.

So the template asks for the tags of the experiment and for the environment's own, and everything that carries them has to be pinned.
What FIS chose in the end is compared with the pins before the action begins (`application/fault/resolved.py`).
"""

from collections.abc import Iterable
from typing import Any

from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.types import join_ids
from squall.faults.base import Injection, R
from squall.faults.checks import check_targets
from squall.faults.mechanisms.reported import ReportedFault
from squall.faults.parameters import P


class ChosenByTags(ReportedFault[R, P]):
    """A fault whose targets FIS chooses by their tags."""

    def fis_targets(self, injection: Injection[R, P], /) -> dict[str, dict[str, Any]]:
        target: dict[str, Any] = {
            "resourceType": self.fis_resource_type,
            "resourceTags": dict(injection.chosen_by),
            "selectionMode": "ALL",
        }
        if self.target_parameters:
            target["parameters"] = {name: str(getattr(injection.parameters, name)) for name in self.target_parameters}
        return {self.target_key: target}

    def check_targets(self, injection: Injection[R, P], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        targets, wanted = injection.targets, injection.chosen_by
        said = " and ".join(f"{key} = {value}" for key, value in wanted.items())
        pinned = {target.arn for target in targets}
        carrying = [
            f"{other.id} is not pinned and carries {said}: FIS would hit it, too"
            for other in injection.workload.others
            if other.type is self.resource_type and other.arn not in pinned and wanted.items() <= other.tags.items()
        ]
        bare = [
            f"{target.id} does not carry {said}: FIS would leave it out" for target in targets if not wanted.items() <= target.tags.items()
        ]
        wrong = [*carrying, *bare]
        yield check_targets("tags_name_targets", targets, wrong, "; ".join(wrong), f"{join_ids(targets)}: all that carry {said}")

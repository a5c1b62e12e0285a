"""What the policy says feels a fault besides its targets: whether it is there, and within the blast radius."""

import json
from collections.abc import Iterable, Iterator, Sequence

from squall.domain.base.problems import Problem, extend_path
from squall.domain.base.vocabulary import BlastRadius
from squall.domain.resources.base import Resource
from squall.faults.plan import BoundFault


def find_touched_problems(
    found: Iterable[tuple[BoundFault, Sequence[Resource]]], pinned: Sequence[Resource], radius: BlastRadius
) -> Iterator[Problem]:
    """Why what feels a fault can't be told, or lies outside of the radius. Resources that are named and missing are refused with the
    missing targets."""
    for bound, resources in found:
        if bound.fault.beside is None:
            continue
        kind, touched = bound.fault.beside
        if not resources and not touched.arns:
            message = (
                f"{bound.planned.parameters.get('action')} is felt by {kind.value} with the tags {json.dumps(touched.tags)}; there is none"
            )
            path = extend_path(bound.planned.path, "parameters.action") if bound.name else "parameters.action"
            yield Problem(path=path, message=message, expected="touches in custom_actions with tags that they carry, or ARNs")
        zones = {resource.zone for resource in (*pinned, *resources) if resource.zone}
        if radius is BlastRadius.SINGLE_AZ and len(zones) > 1:
            message = f"with what feels {bound.planned.parameters.get('action')} the fault is in {', '.join(sorted(zones))}"
            yield Problem(path="blast_radius", message=message, expected="single_region")

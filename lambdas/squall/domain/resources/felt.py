"""Who feels a fault: its targets, and what the policy's entry of a command says besides them."""

from collections.abc import Sequence

from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload


def join_felt(pinned: Sequence[Resource], touched: Sequence[Resource]) -> tuple[Resource, ...]:
    """Targets and what else feels the fault, each once."""
    return tuple(
        {resource.arn: resource for resource in (*touched, *pinned)}[arn] for arn in dict.fromkeys(r.arn for r in (*pinned, *touched))
    )


def list_measured(workload: Workload, pinned: Sequence[Resource], touched: Sequence[Resource]) -> tuple[Resource, ...]:
    """Those whose users are measured. Targets that serve nobody themselves, such as a load generator, are left out where something
    else feels what they do."""
    if not touched:
        return tuple(pinned)
    serving = [target for target in pinned if any(group.serves and workload.holds(group, target) for group in workload.target_groups)]
    return join_felt(serving, touched)

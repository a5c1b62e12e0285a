"""How many failure domains one run can lock."""

from collections.abc import Sequence

from squall.domain.base.problems import Problem
from squall.domain.resources.base import Resource
from squall.domain.resources.felt import join_felt
from squall.domain.resources.workload import Workload
from squall.domain.targets.failure_domains import failure_domains

MOST_DOMAINS = 100
"""All locks of a run are taken in one transaction, so that it has all or none. DynamoDB takes this many writes in one."""


def find_lock_problems(workload: Workload, pinned: Sequence[Resource], touched: Sequence[Resource]) -> list[Problem]:
    """Why the failure domains of these targets, and of what feels the fault besides them, can't be locked together."""
    domains = failure_domains(workload, join_felt(pinned, touched))
    if len(domains) <= MOST_DOMAINS:
        return []
    message = f"the run would lock {len(domains)} failure domains, one run locks {MOST_DOMAINS}"
    return [Problem(path="target", message=message, expected=_find_nearest(workload, pinned, touched))]


def _find_nearest(workload: Workload, pinned: Sequence[Resource], touched: Sequence[Resource]) -> str:
    """The largest selection of the targets whose failure domains can be locked."""
    beside = len(failure_domains(workload, touched))
    if beside > MOST_DOMAINS:
        return f"an entry of the policy's custom_actions that touches fewer: what it touches has {beside}"
    counts = [len(failure_domains(workload, join_felt(pinned[:number], touched))) for number in range(len(pinned) + 1)]
    fitting = max(number for number, count in enumerate(counts) if count <= MOST_DOMAINS)
    if fitting == 0:
        return f"other targets: {pinned[0].id} alone has {len(failure_domains(workload, pinned[:1]))}"
    return f"fewer targets, such as select: {{count: {fitting}}}: {fitting} of these {len(pinned)} have {counts[fitting]}"

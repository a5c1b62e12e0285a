"""A run locks all of its failure domains in one transaction, or is refused with the largest selection that fits."""

from typing import Any

import pytest

from squall.domain.resources.workload import Group
from squall.domain.targets.locking import MOST_DOMAINS, find_lock_problems
from tests.unit.builders import instance, workload
from tests.unit.resources import database, others, subnet


def databases(count: int, since: int = 0) -> list[Any]:
    return [database(f"db-{number:03d}") for number in range(since, since + count)]


@pytest.mark.parametrize("count", [99, 100, 101, 150])
def test_a_hundred_failure_domains_are_locked_and_more_are_refused_with_the_number_that_fits(count: int) -> None:
    pinned = databases(count)
    problems = find_lock_problems(others(*pinned), pinned, ())
    if count <= MOST_DOMAINS:
        assert problems == []
        return
    (problem,) = problems
    assert problem.message == f"the run would lock {count} failure domains, one run locks 100"
    assert f"select: {{count: 100}}: 100 of these {count} have 100" in problem.expected


def test_what_feels_the_fault_besides_its_targets_counts() -> None:
    pinned, touched = databases(60), databases(60, since=60)
    (problem,) = find_lock_problems(others(*pinned, *touched), pinned, touched)
    assert "select: {count: 40}: 40 of these 60 have 100" in problem.expected
    (problem,) = find_lock_problems(others(*databases(103)), databases(1, since=102), databases(102))
    assert "what it touches has 102" in problem.expected


def test_one_target_that_belongs_to_too_many_is_refused_with_its_number() -> None:
    inside = [instance(f"i-{number}", group=f"g{number}") for number in range(120)]
    groups = [Group(name=f"g{number}", desired=1, minimum=1, in_service=(f"i-{number}",)) for number in range(120)]
    wide = subnet("wide", instances=tuple(each.id for each in inside))
    load = workload(inside).model_copy(update={"groups": tuple(groups), "others": (wide,), "target_groups": ()})
    (problem,) = find_lock_problems(load, [wide], ())
    assert problem.message.startswith("the run would lock 121 failure domains")
    assert problem.expected == f"other targets: {wide.id} alone has 121"

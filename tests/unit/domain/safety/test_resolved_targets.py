"""What FIS resolved is compared with what was pinned, whatever AWS calls the parts of its answer."""

from typing import Any

import pytest

from squall.domain.run.fis_state import ResolvedTarget
from squall.domain.safety.resolved_targets import find_unpinned, find_unproven

ONE, TWO, THREE = (f"arn:aws:ec2:eu-west-1:123456789012:instance/i-{number}" for number in (1, 2, 3))
TARGETS: dict[str, dict[str, Any]] = {
    "Instances": {"resourceType": "aws:ec2:instance", "resourceArns": [ONE, TWO]},
    "Pods-1": {"resourceType": "aws:eks:pod", "parameters": {"selectorType": "podName", "selectorValue": "web-1"}},
}


def resolved(target: str, *names: str) -> ResolvedTarget:
    return ResolvedTarget(target, frozenset(names))


@pytest.mark.parametrize(
    "resolved_targets",
    [
        [],
        [resolved("Instances", ONE)],
        [resolved("Instances", ONE), resolved("Instances", TWO)],
        [resolved("Instances", "i-1", "eu-west-1a"), resolved("Instances", "arn:aws:ssm:eu-west-1:123456789012:managed-instance/i-2")],
        [resolved("Instances")],
        [resolved("Pods-1", "shop", "0f1e2d3c", "arn:aws:eks:eu-west-1:123456789012:cluster/main")],
    ],
)
def test_what_was_pinned_is_no_finding(resolved_targets: list[ResolvedTarget]) -> None:
    assert find_unpinned(TARGETS, resolved_targets) == ()


@pytest.mark.parametrize(
    ("resolved_targets", "sentence"),
    [
        ([resolved("Instances", THREE)], f"FIS resolved {THREE} for Instances, which was not pinned"),
        ([resolved("Instances", "i-3", "eu-west-1a")], "FIS resolved eu-west-1a, i-3 for Instances, which was not pinned"),
        ([resolved("Instances")] * 3, "FIS resolved 3 for Instances, pinned were 2"),
        ([resolved("Pods-1", "web-1"), resolved("Pods-1", "web-2")], "FIS resolved 2 for Pods-1, pinned were 1"),
        ([resolved("Others", ONE)], "FIS resolved 1 for Others, which is no target of the run"),
    ],
)
def test_whatever_was_not_pinned_is_named(resolved_targets: list[ResolvedTarget], sentence: str) -> None:
    assert find_unpinned(TARGETS, resolved_targets) == (sentence,)


def test_five_sentences_are_enough() -> None:
    assert len(find_unpinned(TARGETS, [resolved(f"T{number}", ONE) for number in range(20)])) == 5


BUCKETS = {"Buckets": ("arn:aws:s3:::orders", "arn:aws:s3:::invoices")}


@pytest.mark.parametrize(
    "names",
    [
        (("arn:aws:s3:::orders",), ("arn:aws:s3:::invoices",)),
        (("orders", "eu-west-1"), ("invoices", "123456789012")),
        (("arn:aws:s3:::orders", "arn:aws:iam::123456789012:role/fis"), ("invoices",)),
    ],
)
def test_what_fis_chose_by_tags_is_proven_by_the_arn_or_the_name_of_each_pin(names: tuple[tuple[str, ...], ...]) -> None:
    assert find_unproven(BUCKETS, [resolved("Buckets", *each) for each in names]) == ()


@pytest.mark.parametrize(
    ("resolved_targets", "sentences"),
    [
        ([], ["FIS does not say that it resolved arn:aws:s3:::orders for Buckets", "arn:aws:s3:::invoices for Buckets"]),
        ([resolved("Buckets", "orders")], ["FIS does not say that it resolved arn:aws:s3:::invoices for Buckets"]),
        ([resolved("Buckets", "orders"), resolved("Buckets", "invoices"), resolved("Buckets", "logs")], ["FIS resolved logs", "3"]),
        ([resolved("Buckets", "orders"), resolved("Buckets", "orders")], ["resolved arn:aws:s3:::invoices"]),
        ([resolved("Buckets", "orders"), resolved("Buckets")], ["something that it does not name", "invoices"]),
        ([resolved("Buckets", "orders", "invoices")], ["invoices, orders for Buckets, which was not pinned", "orders", "invoices"]),
        ([resolved("Buckets", "orders", "arn:aws:s3:::logs"), resolved("Buckets", "invoices")], ["logs, orders", "orders"]),
        ([resolved("Others", "orders"), resolved("Others", "invoices")], ["orders", "invoices"]),
    ],
)
def test_what_fis_does_not_show_is_not_proven(resolved_targets: list[ResolvedTarget], sentences: list[str]) -> None:
    found = find_unproven(BUCKETS, resolved_targets)
    assert len(found) == len(sentences), found
    assert all(words in sentence for words, sentence in zip(sentences, found, strict=True)), found

"""One ending from the endings of the parts: every combination of three."""

from itertools import product

import pytest

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.regions.outcome import ENDINGS, PartEnd, WholeEnd, combine_ends

REGIONS = ("eu-west-1", "eu-central-1", "us-east-1")
UNKNOWN = (None, None, None)
NO_ENDING = (Status.COMPLETED, None, True)
"""A combination that no run has."""
ALL = [*ENDINGS, UNKNOWN, NO_ENDING, (Status.RUNNING, None, None)]
VALIDATED = (Status.COMPLETED, Verdict.VALIDATED, True)
REFUTED = (Status.COMPLETED, Verdict.REFUTED, False)
GUARD = (Status.ABORTED, Verdict.ABORTED, False)
STOPPED = (Status.ABORTED, Verdict.ABORTED, None)
REJECTED = (Status.REJECTED, None, None)
INVALID = (Status.COMPLETED, Verdict.INVALID, None)
INCONCLUSIVE = (Status.COMPLETED, Verdict.INCONCLUSIVE, None)
PLANNED = (Status.PLANNED, None, None)
FAILED = (Status.FAILED, None, None)


def combine(*endings: tuple[Status | None, Verdict | None, bool | None]) -> WholeEnd:
    return combine_ends([PartEnd(region, *ending) for region, ending in zip(REGIONS, endings, strict=False)])


def shorten(whole: WholeEnd) -> tuple[Status, Verdict | None, bool | None]:
    return whole.status, whole.verdict, whole.hypothesis_validated


def test_it_is_validated_only_if_every_region_is() -> None:
    for endings in product(ALL, repeat=3):
        whole = shorten(combine(*endings))
        assert whole in ENDINGS, endings
        assert (whole == VALIDATED) == all(ending == VALIDATED for ending in endings), endings
        assert (whole[2] is False) == any(ending in {GUARD, REFUTED} for ending in endings), endings
        assert whole == shorten(combine(*reversed(endings))), f"the order of the Regions decides: {endings}"


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (VALIDATED, REFUTED, REFUTED),
        (REFUTED, STOPPED, REFUTED),
        (REFUTED, GUARD, GUARD),
        (STOPPED, GUARD, GUARD),
        (VALIDATED, UNKNOWN, FAILED),
        (VALIDATED, FAILED, FAILED),
        (STOPPED, FAILED, FAILED),
        (REJECTED, REJECTED, REJECTED),
        (REJECTED, STOPPED, STOPPED),
        (REJECTED, VALIDATED, INVALID),
        (REJECTED, PLANNED, REJECTED),
        (VALIDATED, INVALID, INVALID),
        (VALIDATED, INCONCLUSIVE, INCONCLUSIVE),
        (PLANNED, PLANNED, PLANNED),
        (PLANNED, VALIDATED, FAILED),
    ],
)
def test_what_two_regions_come_to(
    first: tuple[Status | None, Verdict | None, bool | None],
    second: tuple[Status | None, Verdict | None, bool | None],
    whole: tuple[Status, Verdict | None, bool | None],
) -> None:
    assert shorten(combine(first, second)) == whole


def test_the_reason_names_every_region_with_its_ending() -> None:
    failed = PartEnd("eu-central-1", Status.COMPLETED, Verdict.REFUTED, hypothesis_validated=False, reason="errors rose to 7 %")
    whole = combine_ends([PartEnd("eu-west-1", *VALIDATED), failed, PartEnd("us-east-1", None)])
    assert whole.reason == "eu-west-1: validated; eu-central-1: refuted (errors rose to 7 %); us-east-1: unknown"


def test_nothing_is_said_about_a_run_without_parts() -> None:
    with pytest.raises(ValueError, match="has parts"):
        combine_ends([])

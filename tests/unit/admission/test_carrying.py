"""What must be asked of a Region without a fault, so that one that nobody turned to is never validated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput

SHIPPED: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "experiments" / "region-evacuation.yaml").read_text())
CARRYING = "eu-central-1"
METRIC = {"namespace": "Shop", "metric_name": "Orders", "unit": "none"}


def refusals(sentence: str, statistic: str = "Sum") -> list[str]:
    """The problems of the evacuation that ships, with this as the only critical criterion of the Region that carries."""
    part = {**SHIPPED["regions"][CARRYING], "success_criteria": [{"text": sentence, "critical": True}]}
    part["metrics"] = {"orders": {**METRIC, "statistic": statistic}}
    try:
        parse_regions({**SHIPPED, "regions": {**SHIPPED["regions"], CARRYING: part}})
    except InvalidInput as invalid:
        return [str(problem) for problem in invalid.problems]
    return []


@pytest.mark.parametrize(
    ("sentence", "statistic"),
    [
        ("Request rate > 130 % of baseline", "Average"),
        ("Request rate >= 110 % of baseline", "Average"),
        ("orders > 150 % of baseline", "Sum"),
        ("orders > 150 % of baseline", "SampleCount"),
    ],
)
def test_clearly_more_of_what_is_counted_shows_that_the_load_arrived(sentence: str, statistic: str) -> None:
    assert refusals(sentence, statistic) == []


@pytest.mark.parametrize(
    ("sentence", "statistic"),
    [
        ("Request rate > 100.01 % of baseline", "Average"),
        ("Request rate > 109 % of baseline", "Average"),
        ("Request rate < 130 % of baseline", "Average"),
        ("Request rate > 100 requests/s", "Average"),
        ("orders > 150 % of baseline", "Average"),
        ("orders > 150 % of baseline", "Maximum"),
        ("System availability > 99 %", "Average"),
    ],
)
def test_what_rises_by_itself_or_for_other_reasons_does_not(sentence: str, statistic: str) -> None:
    (problem,) = refusals(sentence, statistic)
    assert "no critical criterion shows that the load arrived" in problem
    assert "Request rate > 130 % of baseline" in problem

"""What CloudWatch writes as the reason of an alarm tells data from silence."""

from __future__ import annotations

import pytest

from local.account.metrics.evaluation import Rule, decide_state
from squall.domain.base.vocabulary import AbortSource
from squall.domain.run.firing import explain_firing

SILENT = [
    "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
    "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].",
    (
        "Threshold Crossed: 1 datapoint [100.0 (29/11/26 11:42:00)] was not less than the threshold (95.0) "
        "and 2 missing datapoints were treated as [Breaching]."
    ),
    (
        "Threshold Crossed: 2 datapoints [100.0 (29/11/26 11:42:00), 99.9 (29/11/26 11:41:00)] were not less than the threshold (95.0) "
        "and 1 missing datapoint was treated as [Breaching]."
    ),
]
MEASURED = [
    (
        "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (29/11/26 11:42:00), 51.0 (29/11/26 11:41:00)] were less than the "
        "threshold (95.0) (minimum 2 datapoints for OK -> ALARM transition)."
    ),
    "Threshold Crossed: 1 datapoint [3.0 (29/11/26 10:55:00)] was greater than or equal to the threshold (1.0).",
    "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [NonBreaching].",
    "tripped by a test",
    "",
]


@pytest.mark.parametrize("reason", SILENT)
def test_an_alarm_on_missing_data_alone_is_a_blind_guard(reason: str) -> None:
    source, why = explain_firing("guard g", reason)
    assert source is AbortSource.BLIND_GUARD
    assert why.startswith("guard g fired because its metric had no data")


@pytest.mark.parametrize("reason", MEASURED)
def test_an_alarm_on_what_it_measured_is_a_guard(reason: str) -> None:
    assert explain_firing("guard g", reason) == (AbortSource.GUARD, "guard g fired")


def test_data_and_silence_together_are_both_said() -> None:
    reason = (
        "Threshold Crossed: 1 out of the last 2 datapoints [12.0 (29/11/26 11:42:00)] was less than the threshold (95.0) "
        "and 1 missing datapoint was treated as [Breaching] (minimum 2 datapoints for OK -> ALARM transition)."
    )
    source, why = explain_firing("guard g", reason)
    assert source is AbortSource.GUARD
    assert "some of its periods had no data" in why


@pytest.mark.parametrize(
    ("points", "source"),
    [
        ([None, None, None, None, None], AbortSource.BLIND_GUARD),
        ([None, None, None, 100.0, None], AbortSource.BLIND_GUARD),
        ([None, None, None, 12.0, None], AbortSource.GUARD),
        ([100.0, 100.0, 12.0, 11.0, 10.0], AbortSource.GUARD),
    ],
)
def test_the_local_account_explains_its_alarms_as_cloudwatch_does(points: list[float | None], source: AbortSource) -> None:
    rule = Rule(comparison="LessThanThreshold", threshold=95.0, periods=3, datapoints=2, missing="breaching")
    decision = decide_state(rule, points, "OK")
    assert decision.state == "ALARM"
    assert explain_firing("guard g", decision.reason)[0] is source

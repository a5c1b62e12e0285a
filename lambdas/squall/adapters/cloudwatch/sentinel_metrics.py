"""Publishes what a sentinel measured as CloudWatch metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.language.metric_table import RESPONSE_TIME, SENTINEL_NAMESPACE
from squall.domain.sentinel.probes import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
_DATA_A_CALL = 500
"""CloudWatch takes 1,000 and 1 MB."""


class CloudWatchSentinelMetrics:
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, dimensions: Mapping[str, str], data: Sequence[Datum]) -> None:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        for first in range(0, len(data), _DATA_A_CALL):
            some = [_datum(one, named) for one in data[first : first + _DATA_A_CALL]]
            call(self._client, "put_metric_data", Namespace=SENTINEL_NAMESPACE, MetricData=some)


def _datum(one: Datum, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "MetricName": one.metric,
        "Dimensions": dimensions,
        "Timestamp": datetime.fromtimestamp(one.at, UTC),
        "StatisticValues": {"SampleCount": one.count, "Sum": one.total, "Minimum": one.least, "Maximum": one.greatest},
        "Unit": "Seconds" if one.metric == RESPONSE_TIME else "Count",
        "StorageResolution": 1,
    }

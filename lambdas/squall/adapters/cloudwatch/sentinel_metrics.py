"""Puts the metrics of a sentinel to CloudWatch, at high resolution."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.language.metric_table import RESPONSE_TIME, SENTINEL_NAMESPACE
from squall.domain.sentinel.probes import Datum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DATA_PER_CALL = 500
"""PutMetricData takes 1,000 data in at most 1 MB."""


class CloudWatchSentinelMetrics:
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, dimensions: Mapping[str, str], data: Sequence[Datum]) -> None:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        for first in range(0, len(data), _DATA_PER_CALL):
            some = [_render_datum(datum, named) for datum in data[first : first + _DATA_PER_CALL]]
            call(self._client, "put_metric_data", Namespace=SENTINEL_NAMESPACE, MetricData=some)


def _render_datum(datum: Datum, dimensions: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "MetricName": datum.metric,
        "Dimensions": dimensions,
        "Timestamp": datetime.fromtimestamp(datum.at, UTC),
        "StatisticValues": {"SampleCount": datum.count, "Sum": datum.total, "Minimum": datum.least, "Maximum": datum.greatest},
        "Unit": "Seconds" if datum.metric == RESPONSE_TIME else "Count",
        "StorageResolution": 1,
    }

"""Who probes, starting a probe, and what is put: the same lease from the fake and from the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from squall.adapters.cloudwatch.sentinel_metrics import CloudWatchSentinelMetrics
from squall.adapters.dynamodb.sentinel_leases import DynamoSentinels
from squall.adapters.lambda_probes import LambdaProbes
from squall.domain.sentinel.probes import Lease, Sample, build_data
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, client_of
from tests.adapters.conftest import NOW as NOW_EXACTLY
from tests.adapters.scripted import Scripted, error
from tests.fakes.sentinel import FakeSentinels

if TYPE_CHECKING:
    from squall.ports.metrics import Sentinels

NOW = NOW_EXACTLY.replace(microsecond=0)  # leases are milliseconds
LEASE = Lease("me", NOW + MINUTES, NOW + 14 * MINUTES)


@pytest.fixture
def sentinels(kind: str, request: pytest.FixtureRequest) -> Sentinels:
    return FakeSentinels() if kind == "fake" else DynamoSentinels(client_of("dynamodb"), request.getfixturevalue("table"))


def test_whoever_takes_it_last_has_it(sentinels: Sentinels) -> None:
    assert sentinels.get("run-1") is None
    sentinels.take("run-1", LEASE)
    assert sentinels.get("run-1") == LEASE
    assert sentinels.renew("run-1", "me", NOW + 2 * MINUTES)
    sentinels.take("run-1", Lease("successor", NOW + MINUTES, NOW + 28 * MINUTES))
    assert not sentinels.renew("run-1", "me", NOW + 3 * MINUTES)
    sentinels.release("run-1", "me")
    answer = sentinels.get("run-1")
    assert answer
    assert (answer.owner, answer.until) == ("successor", NOW + MINUTES)
    sentinels.release("run-1", "successor")
    assert sentinels.get("run-1") is None
    assert not sentinels.renew("run-1", "successor", NOW)


def test_a_probe_is_started_without_waiting_for_it() -> None:
    client = Scripted("lambda", invoke=[{"StatusCode": 202}])
    assert LambdaProbes(client, "arn:aws:lambda:eu-west-1:111122223333:function:Sentinel").start("run-1")
    (called,) = client.arguments("invoke")
    assert called["InvocationType"] == "Event"
    assert json.loads(called["Payload"]) == {"execution_id": "run-1"}


def test_a_function_that_has_lost_its_network_is_not_ready_and_any_other_refusal_is_an_error() -> None:
    client = Scripted("lambda", invoke=[error("ResourceNotReadyException", status=502), error("ServiceException", status=500)])
    probes = LambdaProbes(client, "sentinel")
    assert not probes.start("run-1")
    with pytest.raises(Unavailable):
        probes.start("run-1")


def test_what_was_probed_is_put_at_high_resolution_in_calls_cloudwatch_takes() -> None:
    client = Scripted("cloudwatch", put_metric_data=[{}])
    samples = [Sample(NOW + second * (MINUTES / 60), 0.1, "status 503" if second == 3 else "") for second in range(400)]
    CloudWatchSentinelMetrics(client).put({"Execution": "run-1"}, build_data(samples, 1))
    calls = client.arguments("put_metric_data")
    assert [len(call["MetricData"]) for call in calls] == [500, 500, 200]
    data = [entry for called in calls for entry in called["MetricData"]]
    assert {item["StorageResolution"] for item in data} == {1}
    assert {called["Namespace"] for called in calls} == {"Squall/Sentinel"}
    assert sum(item["StatisticValues"]["Sum"] for item in data if item["MetricName"] == "Failures") == 1
    assert all(entry["StatisticValues"]["SampleCount"] for entry in data), "CloudWatch refuses empty sets"

"""The sentinel: what may be probed, what a probe says, when it ends, and how finely its metrics are read."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from squall.application.sentinel import keep_probing, run_probe
from squall.domain.base.vocabulary import Status
from squall.domain.documents.definition import Definition
from squall.domain.documents.metrics.metric_models import MetricBinding, Point, Series
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.errors import SentenceError
from squall.domain.language.parse import parse_condition
from squall.domain.metrics.bindings import bind_metrics
from squall.domain.metrics.guard_alarms import guard_specs
from squall.domain.metrics.periods import sentinel_period
from squall.domain.metrics.scopes import SentinelSource
from squall.domain.metrics.series import dead_periods
from squall.domain.metrics.timing_problems import find_timing_problems
from squall.domain.policy.environment import Timing
from squall.domain.run.record import ExecutionRecord
from squall.domain.sentinel.config import Sentinel, SentinelPolicy, why_address_refused
from squall.domain.sentinel.probes import Lease, Sample, build_data, why_start_probe
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld
from tests.unit.builders import definition, environment, experiment, instance, workload

URL = "https://shop.example.com/health?deep=1"
PROBED = {
    "sentinel": {"url": URL},
    "success_criteria": ["Sentinel availability > 99%"],
    "abort_conditions": ["Sentinel availability < 90%"],
}
LEASE = timedelta(seconds=45)


def of(*names: str) -> tuple[MetricBinding, ...]:
    parsed = parse_sentences(experiment(**PROBED))
    sentinel = SentinelSource((("Execution", "run-1"), ("Stack", "Squall")), 10)
    result, wrong = bind_metrics(
        (*parsed.metrics, *names),
        {"sentinel_response_time": ("Maximum",)},
        {},
        workload(),
        Timing(),
        pinned=[instance("i-1234567890abcdef0")],
        sentinel=sentinel,
    )
    assert not [entry for entry in wrong if "sentinel" in entry.path]
    return tuple(item for item in result if item.name.startswith("sentinel"))


# what may be probed


@pytest.mark.parametrize(
    ("address", "host", "allowed"),
    [
        ("93.184.216.34", "shop.example.com", True),
        ("10.1.2.3", "internal.example.com", True),
        ("fd12::1", "internal.example.com", True),
        ("127.0.0.1", "shop.example.com", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", False),
        ("169.254.169.254", "shop.example.com", False),
        ("169.254.170.2", "shop.example.com", False),
        ("fd00:ec2::254", "shop.example.com", False),
        ("fe80::1%eth0", "shop.example.com", False),
        ("::1", "shop.example.com", False),
        ("::ffff:169.254.169.254", "shop.example.com", False),
        ("64:ff9b::a9fe:a9fe", "shop.example.com", False),
        ("64:ff9b::5db8:d822", "shop.example.com", True),
        ("64:ff9b:1::a9fe:a9fe", "shop.example.com", False),
        ("64:ff9b:1:a9fe:a9:fe00::", "shop.example.com", False),
        ("::a9fe:a9fe", "shop.example.com", False),
        ("::7f00:1", "shop.example.com", False),
        ("::ffff:0:a9fe:a9fe", "shop.example.com", False),
        ("::ffff:0:7f00:1", "shop.example.com", False),
        ("fec0::1", "shop.example.com", False),
        ("::", "shop.example.com", False),
        ("2002:7f00:1::", "shop.example.com", False),
        ("0.0.0.0", "shop.example.com", False),
        ("0.1.2.3", "shop.example.com", False),
        ("100.64.0.1", "shop.example.com", False),
        ("224.0.0.1", "shop.example.com", False),
        ("240.0.0.1", "shop.example.com", False),
        ("nonsense", "shop.example.com", False),
    ],
)
def test_no_name_leads_into_the_machine_or_its_network(address: str, host: str, allowed: bool) -> None:
    assert (why_address_refused(address, host) == "") is allowed


@pytest.mark.parametrize(
    ("url", "expected_text"),
    [
        ("ftp://shop.example.com/", "should match pattern"),
        ("https://user:secret@shop.example.com/", "a user or a password"),
        ("https:///path", "no host"),
        ("https://shop.example.com/#top", "fragment"),
        ("https://shop.example.com:99999/", "not a URL"),
        ("https://shop.example.com/ x", "should match pattern"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, expected_text: str) -> None:
    with pytest.raises(ValidationError, match=expected_text):
        Sentinel(url=url)


def test_a_policy_names_hosts_and_those_below_them() -> None:
    policy = SentinelPolicy(hosts=("shop.example.com", "*.staging.example.com", "10.0.0.1"))
    assert [policy.allows(host) for host in ("shop.example.com", "a.b.staging.example.com", "10.0.0.1")] == [True] * 3
    evil = ("staging.example.com", "evilstaging.example.com", "x.shop.example.com", "shop.example.com.evil.org", "10.0.0.2")
    assert [policy.allows(host) for host in evil] == [False] * 5
    with pytest.raises(ValidationError, match="not a host"):
        SentinelPolicy(hosts=("https://shop.example.com",))


# how finely it is read


def test_a_short_run_is_read_by_ten_seconds_and_one_that_outlives_them_by_the_minute() -> None:
    assert sentinel_period(timedelta(minutes=5), None, Timing()) == 10
    assert sentinel_period(timedelta(minutes=90), None, Timing()) == 10
    assert sentinel_period(timedelta(hours=2), None, Timing()) is None, "CloudWatch forgets points of seconds after three hours"
    assert sentinel_period(timedelta(minutes=5), timedelta(hours=2.5), Timing()) is None
    assert sentinel_period(timedelta(minutes=5), None, Timing(metric_period_seconds=5)) is None, "no coarser than the environment"


def test_two_minutes_of_fault_are_enough_for_the_sentinel_and_not_for_a_load_balancer() -> None:
    def wrong(text: str) -> list[str]:
        sentence = ("abort_conditions[0]", parse_condition(text))
        lags = {"sentinel_availability": 15, "availability": 180}
        return [str(problem) for problem in find_timing_problems(timedelta(minutes=2), [sentence], Timing(), lags.__getitem__)]

    assert wrong("Sentinel availability < 90%") == []
    assert wrong("System availability < 90%") != []


def test_its_guards_are_evaluated_every_ten_seconds_and_silence_breaches() -> None:
    condition = parse_condition("Sentinel availability < 90%")
    (guard,) = guard_specs("run-1", "Squall", [condition], of(), Timing())
    assert {metric.period_seconds for metric in guard.metrics} == {10}
    assert guard.treat_missing_data == "breaching"
    assert guard.reaction_seconds == 3 * 10 + 15 + 10
    assert guard.metrics[0].expression == "100*(1-(m1)/m2)"


def test_its_mean_is_the_sum_over_the_count_and_there_are_no_percentiles() -> None:
    bound = {statement.name: statement for statement in of("sentinel_response_time")}
    assert [query.statistic for query in bound["sentinel_response_time"].queries] == ["Sum", "SampleCount"]
    assert bound["sentinel_response_time:Maximum"].period_seconds == 10
    (guard,) = guard_specs("run-1", "Squall", [parse_condition("Sentinel latency > 2 s")], of(), Timing())
    assert guard.metrics[0].expression == "m1/m2"
    with pytest.raises(SentenceError, match="no statistic p99"):
        parse_condition("p99 sentinel response time > 2 s")


# what it publishes


def test_probes_become_sums_by_period() -> None:
    start = datetime.fromisoformat("2026-03-02T20:00:00+00:00")
    samples = [Sample(start + timedelta(seconds=s), 0.5 * (s + 1), "status 503" if s == 9 else "") for s in (1, 9, 10)]
    data = build_data(samples, 10)
    results: dict[tuple[str, int], tuple[float, ...]] = {
        (entry.metric, entry.at - int(start.timestamp())): (entry.count, entry.total, entry.greatest) for entry in data
    }
    assert results == {
        ("Attempts", 0): (1, 2, 2),
        ("Failures", 0): (1, 1, 1),
        ("ResponseTime", 0): (2, 6.0, 5.0),
        ("Attempts", 10): (1, 1, 1),
        ("Failures", 10): (1, 0, 0),  # said, too: silence would mean that nobody probed
        ("ResponseTime", 10): (1, 5.5, 5.5),
    }


# when it ends


@pytest.fixture
def world() -> FakeWorld:
    result = FakeWorld()
    policy = environment(sentinel={"hosts": ["shop.example.com"]})
    result.documents.put("run-1", definition(experiment(**PROBED), env=policy))
    result.records.create(
        ExecutionRecord("run-1", "arn:x", result.clock.now(), Status.RUNNING, "WatchFault", sentinel=True, phase_since=result.clock.now())
    )
    result.workflow.executions["arn:x"] = "RUNNING"
    return result


def run(world: FakeWorld, minutes: float = 14) -> str:
    return run_probe(world.wiring(), "run-1", "me", world.clock.now() + timedelta(minutes=minutes))


def test_it_probes_until_its_function_has_no_time_left_and_every_period_has_its_points(world: FakeWorld) -> None:
    assert run(world, 2) == "no time left"
    attempts = world.sentinel_metrics.of("Attempts")
    assert len(attempts) == 13
    assert set(list(attempts.values())[1:-1]) == {10.0}
    assert world.prober.running == 0


@pytest.mark.parametrize(
    "end",
    [
        lambda world: world.records.update("run-1", phase="Compare"),
        lambda world: world.records.finish("run-1", status=Status.ABORTED),
        lambda world: world.workflow.executions.update({"arn:x": "ABORTED"}),
        lambda world: world.records.items.clear(),
        lambda world: world.sentinels.take("run-1", Lease("successor", world.clock.now() + LEASE, world.clock.now() + 9 * LEASE)),
    ],
    ids=["measured", "closed", "execution killed, nobody closed it", "no record", "another took over"],
)
def test_it_ends_within_seconds_of_its_run(world: FakeWorld, end: Any) -> None:
    world.clock.after(60, lambda: end(world))
    began = world.clock.now()
    assert run(world) != "no time left"
    assert timedelta(seconds=60) <= world.clock.now() - began <= timedelta(seconds=80)
    assert world.prober.running == 0


def test_it_does_not_begin_for_a_run_that_is_over_or_a_host_the_policy_lost(world: FakeWorld) -> None:
    world.documents.put("run-1", definition(experiment(**PROBED), env=environment(sentinel={"hosts": ["other.example.com"]})))
    assert "does not let shop.example.com be probed" in run(world)
    world.records.finish("run-1", status=Status.COMPLETED)
    assert run(world) == "the run is completed"
    assert world.prober.asked == []


@pytest.mark.parametrize("broken", ["records.get", "sentinels.renew", "sentinel_metrics.put"])
def test_what_can_not_be_asked_or_put_for_a_minute_fails_loudly(world: FakeWorld, broken: str) -> None:
    world.clock.after(30, lambda: world.failing.update({broken: Unavailable("test", broken, "Throttling", "no", retryable=True)}))
    began = world.clock.now()
    with pytest.raises(Unavailable):
        run(world)
    assert world.clock.now() - began < timedelta(seconds=130)
    assert world.prober.running == 0


def test_a_short_disturbance_loses_nothing(world: FakeWorld) -> None:
    broken = {"sentinel_metrics.put": Unavailable("test", "put", "Throttling", "no", retryable=True)}
    world.clock.after(30, lambda: world.failing.update(broken))
    world.clock.after(60, world.failing.clear)
    run(world, 2)
    assert sum(world.sentinel_metrics.of("Attempts").values()) >= 120


# the pulse


def test_the_pulse_starts_a_dead_one_anew_and_says_so(world: FakeWorld) -> None:
    w = world.wiring()
    record = world.records.get("run-1")
    assert record
    keep_probing(w, record)
    assert world.probes.started == ["run-1"]
    keep_probing(w, record)
    assert world.probes.started == ["run-1"], "it works"
    world.sentinels.take("run-1", Lease("dead", world.clock.now() - LEASE, world.clock.now() + 9 * LEASE))
    keep_probing(w, record)
    assert len(world.probes.started) == 2
    after = world.records.get("run-1")
    assert after
    assert [event.event for event in after.events] == ["sentinel_restarted"] * 2


def test_the_pulse_starts_a_successor_in_time_and_none_for_a_run_that_is_measured(world: FakeWorld) -> None:
    now = world.clock.now()
    assert why_start_probe(Lease("me", now + LEASE, now + timedelta(seconds=140)), now) == "handed over"
    assert why_start_probe(Lease("me", now + LEASE, now + timedelta(seconds=160)), now) == ""
    world.records.update("run-1", phase="Judge")
    record = world.records.get("run-1")
    assert record
    keep_probing(world.wiring(), record)
    assert world.probes.started == []


def test_the_pulse_lets_the_first_one_begin(world: FakeWorld) -> None:
    world.records.update("run-1", phase="CaptureBaseline", phase_since=world.clock.now())
    record = world.records.get("run-1")
    assert record
    keep_probing(world.wiring(), record)
    assert world.probes.started == []
    world.clock.advance(60)
    keep_probing(world.wiring(), record)
    assert world.probes.started == ["run-1"]


def test_series_of_two_periods_stay_apart() -> None:
    """A host count of a minute says nothing of a period of ten seconds."""
    (availability,) = (statement for statement in of() if statement.name == "sentinel_availability")
    silent = tuple(Series(key=query.key, period_seconds=10, points=()) for query in availability.queries)
    hosts = (Series(key="hosts", period_seconds=60, points=(Point(at=0, value=0.0),)),)
    assert dead_periods(availability, silent, hosts) == ()


def test_a_definition_keeps_its_sentinel() -> None:
    result = Definition.model_validate_json(definition(experiment(**PROBED)).model_dump_json())
    assert result.experiment.sentinel == Sentinel(url=URL)


def test_staging_and_production_have_urls_of_their_own_and_one_proof() -> None:
    elsewhere = {**PROBED, "sentinel": {"url": "https://production.example.com/"}}
    assert promotion_hash(experiment(**PROBED)) == promotion_hash(experiment(**elsewhere))
    assert promotion_hash(experiment(**PROBED)) != promotion_hash(experiment(**{**PROBED, "sentinel": {"url": URL, "every": "PT2S"}}))
    assert definition_hash(experiment(**PROBED)) != definition_hash(experiment(**elsewhere))

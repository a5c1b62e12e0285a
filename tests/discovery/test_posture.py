"""What a posture says of services: who is behind whom, what is covered, what is missing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from discovery.posture import Posture, build_posture
from tests.discovery import sample
from tests.discovery.answers import Session
from tests.discovery.looking import look, service_of
from tests.discovery.shop import NOW, Shop, answers

WHOLE, FRAGILE = Shop(0), Shop(
    1, instances=1, zones=1, health_check="EC2", detailed=False, suspended=["Launch"], multi_az=False, alarm_actions=False, opted_in=False
)  # fmt: skip


@pytest.fixture(scope="module")
def posture(tmp_path_factory: pytest.TempPathFactory) -> Posture:
    return look(Session(answers([WHOLE, FRAGILE])), tmp_path_factory.mktemp("scan"))


def codes(posture: Posture, id: str, state: str = "missing") -> set[str]:  # noqa: A002
    return {aspect.code for aspect in service_of(posture, id).aspects if aspect.state == state}


def test_the_risks_that_show_without_a_fault_are_named(posture: Posture) -> None:
    assert codes(posture, FRAGILE.scaling_group) == {
        "one_zone", "one_instance", "basic_monitoring", "instance_health_only", "suspended", "no_alarm_on_users", "no_objective",
    }  # fmt: skip
    assert codes(posture, FRAGILE.database) == {"no_multi_az"}
    assert codes(posture, FRAGILE.cache) == {"no_multi_az"}
    assert codes(posture, FRAGILE.function) == {"no_dead_letter", "no_alarm_on_errors", "no_objective"}
    assert codes(posture, FRAGILE.table) == {"no_point_in_time_recovery", "deletable"}


def test_squalls_own_parts_are_no_services_of_the_account(tmp_path: Path) -> None:
    tags = [{"ResourceARN": name, "Tags": [{"Key": "squall:stack", "Value": "Squall"}]} for name in (WHOLE.function, WHOLE.table)]
    session = Session({**answers([WHOLE]), "resourcegroupstaggingapi.GetResources": lambda _: {"ResourceTagMappingList": tags}})
    found = {entry.service.id for entry in look(session, tmp_path).services}
    assert found
    assert found.isdisjoint({WHOLE.function, WHOLE.table})


def test_what_is_in_order_counts_as_covered(posture: Posture) -> None:
    assert codes(posture, WHOLE.scaling_group) == {"no_objective"}
    assert codes(posture, WHOLE.scaling_group, "covered") >= {"one_zone", "one_instance", "suspended", "no_alarm_on_users"}
    assert codes(posture, WHOLE.database) == set()


def test_missing_aspects_stand_first_and_the_heaviest_before_all(posture: Posture) -> None:
    aspects = service_of(posture, FRAGILE.scaling_group).aspects
    assert [aspect.state for aspect in aspects] == sorted((aspect.state for aspect in aspects), key=["missing", "unknown", "covered"].index)
    assert aspects[0].weight == "high"


def test_relations_say_what_shows_them_and_whether_that_is_certain(posture: Posture) -> None:
    shown = {(r.caller, r.callee): (r.evidence, r.certain) for r in posture.relations}
    assert shown[WHOLE.balancer, WHOLE.scaling_group] == ("registration", True)
    assert shown[WHOLE.balancer, WHOLE.service] == ("registration", True)
    assert shown[WHOLE.scaling_group, WHOLE.database] == ("configuration", True)
    assert shown[WHOLE.service, WHOLE.database] == ("security group", False)
    assert shown[WHOLE.service, WHOLE.table] == ("configuration", True)
    assert shown[WHOLE.service, "stock.example.com"] == ("configuration", True)
    assert (WHOLE.scaling_group, FRAGILE.database) not in shown


def test_a_shared_tag_relates_what_nothing_else_does() -> None:
    posture = build_posture(sample.inventory(), sample.levels(), "staging")
    tagged = {r.callee: (r.caller, r.detail) for r in posture.relations if r.evidence == "tag"}
    behind = (sample.GROUP, "sample:workload=sample-web")
    assert tagged == {sample.CLUSTER: behind, sample.MULTI_AZ: behind, sample.FUNCTION: behind}


def test_levels_are_those_of_the_last_day(posture: Posture) -> None:
    level = service_of(posture, WHOLE.scaling_group).level
    assert (level.requests_per_second, level.response_seconds, level.response_p99_seconds) == (10.0, 0.08, 0.3)
    assert level.availability_percent == pytest.approx(99.99)


def test_what_has_had_requests_for_a_few_minutes_is_counted_by_the_minute(tmp_path: Path) -> None:
    """Five minutes with 600 requests each: 10 a second, and not those of an hour."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        by_minute = asked["MetricDataQueries"][0]["MetricStat"]["Period"] == 60
        times = [NOW - timedelta(minutes=minute) for minute in range(5, 0, -1)] if by_minute else [NOW - timedelta(hours=1)]
        value, results = 600.0 if by_minute else 3000.0, []
        for query in asked["MetricDataQueries"]:
            points = times if query["MetricStat"]["Metric"]["MetricName"] == "RequestCount" else []
            results.append({"Id": query["Id"], "Timestamps": points, "Values": [value] * len(points), "StatusCode": "Complete"})
        return {"MetricDataResults": results}

    posture = look(Session(answers([WHOLE], cloudwatch_GetMetricData=answer)), tmp_path)
    level = service_of(posture, WHOLE.scaling_group).level
    assert (level.requests_per_second, level.availability_percent) == (10.0, 100.0)


def test_the_document_reads_back_as_it_was_written(posture: Posture) -> None:
    assert Posture.model_validate_json(posture.model_dump_json()) == posture

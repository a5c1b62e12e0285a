"""The tables find what the report function writes, and the named queries ask only for columns there are."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.analytics import QUERIES
from squall.domain.base.vocabulary import Status
from squall.domain.history.analytics import COLUMNS, PARTITIONS, make_files
from squall.domain.history.summary import RunSummary
from tests.infra.template import Resources

pytestmark = pytest.mark.xdist_group("infra")  # one worker: the shared template is made once

_TEXT = """
    select count as count_if from where and or not null is group by order desc date_format current_date interval day approx_percentile
    max_by min max array_sort array_agg distinct cross join unnest abs in limit false
    runs validated refuted undecided measured median_seconds p95_seconds seen first_seen last_said open experiments found finding_id title
    severity closed median_shift furthest_run coalesce false
"""
WORDS = frozenset(re.findall(r"\w+", _TEXT))
"""SQL's, then names that the queries give themselves."""


def tables(stack: Resources) -> dict[str, Any]:
    return {table["TableInput"]["Name"]: table["TableInput"] for table in stack.of_type("AWS::Glue::Table").values()}


def test_a_row_lands_where_its_partition_is_projected(stack: Resources) -> None:
    run = RunSummary("run-1", datetime(2026, 11, 3, tzinfo=UTC), Status.COMPLETED, environment="staging")
    (path,) = make_files(run, [])
    parameters = tables(stack)["executions"]["Parameters"]
    template = "".join(part if isinstance(part, str) else "BUCKET" for part in parameters["storage.location.template"]["Fn::Join"][1])
    wanted = template.replace("${environment}", "staging").replace("${month}", "2026-11")
    assert f"s3://BUCKET/{path}".startswith(wanted)
    assert "staging" in parameters["projection.environment.values"].split(",")


def test_partitions_are_no_columns(stack: Resources) -> None:
    for table in tables(stack).values():
        names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
        assert not set(names) & set(PARTITIONS)
        assert [key["Name"] for key in table["PartitionKeys"]] == list(PARTITIONS)


@pytest.mark.parametrize("name", [path.stem for path in sorted(QUERIES.glob("*.sql"))])
def test_a_query_asks_for_columns_there_are_and_prunes_by_month(stack: Resources, name: str) -> None:
    (result,) = (entry for entry in stack.of_type("AWS::Athena::NamedQuery").values() if entry["Name"] == name)
    query = result["QueryString"]
    (table,) = re.findall(r"\bFROM (\w+)", query)
    known = {*COLUMNS[table], *PARTITIONS, table}
    words = set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"'[^']*'", "", query).lower()))
    assert words - known - WORDS == set()
    assert "month >=" in query
    assert result["Description"]

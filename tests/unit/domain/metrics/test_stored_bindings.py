"""Bindings that an earlier version stored are read by this one."""

import json

import pytest
from pydantic import ValidationError

from squall.domain.documents.metrics.metric_models import MetricBinding

STORED = json.loads("""{
  "name": "cpu_utilization", "kind": "gauge", "unit": "percent", "scale": 1.0, "period_seconds": null, "lag_seconds": 120,
  "queries": [{
    "key": "q_cpu_utilization_value", "namespace": "AWS/EC2", "metric_name": "CPUUtilization",
    "dimensions": [["AutoScalingGroupName", "shop"]], "statistic": "Average", "published": "always"
  }],
  "manipulated_by": ["cpu_stress"]
}""")


def test_the_retired_field_is_read_over_and_not_written_again() -> None:
    binding = MetricBinding.model_validate_json(json.dumps(STORED))
    assert binding.queries[0].dimensions == (("AutoScalingGroupName", "shop"),)
    written = json.loads(binding.model_dump_json())
    assert written.keys() == STORED.keys() - {"manipulated_by"} | {"unattributed"}
    assert MetricBinding.model_validate(written) == binding


def test_any_other_unknown_field_is_still_refused() -> None:
    with pytest.raises(ValidationError, match="manipulates"):
        MetricBinding.model_validate({**STORED, "manipulates": []})

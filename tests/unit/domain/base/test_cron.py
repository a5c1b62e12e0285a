"""Schedules that EventBridge would refuse are refused before anything is deployed."""

import pytest
from pydantic import TypeAdapter, ValidationError

from squall.domain.experiment.experiment import Schedule

SCHEDULE = TypeAdapter(Schedule)


@pytest.mark.parametrize(
    "fields",
    [
        "0 3 ? * TUE *", "0 10 ? * MON-FRI *", "0/15 * ? * * *", "*/5 8-18 * * ? *", "0 6 1 * ? *", "0 0 L * ? 2030-2031",
        "0 0 15W JAN,jul ? *", "0 0 LW * ? *", "5,10 0 ? * 6L *", "0 0 ? * 6#3 *", "0 0 ? * 1-7 2199", "0 22-2 ? * FRI-MON *",
    ],
)  # fmt: skip
def test_what_eventbridge_accepts_is_accepted(fields: str) -> None:
    assert SCHEDULE.validate_python({"expression": f"cron({fields})"}).expression == f"cron({fields})"


@pytest.mark.parametrize(
    ("fields", "expected_text"),
    [
        ("0 10 * * * *", "exactly one of day of month and day of week must be ?"),
        ("0 10 ? * ? *", "exactly one of"),
        ("0 10 1 * 2 *", "exactly one of"),
        ("0 10 ? * 0 *", "day of week is '0', not 1 to 7 or SUN to SAT"),
        ("0 10 ? * 8 *", "day of week"),
        ("0 10 ? * MONDAY *", "day of week"),
        ("60 10 ? * 2 *", "minutes is '60', not 0 to 59"),
        ("0 24 ? * 2 *", "hours"),
        ("0 10 0 * ? *", "day of month"),
        ("0 10 32W * ? *", "day of month"),
        ("0 10 1 13 ? *", "month is '13', not 1 to 12 or JAN to DEC"),
        ("0 10 1 * ? 1969", "year"),
        ("*/0 10 1 * ? *", "minutes"),
        ("? 10 1 * ? *", "minutes"),
        ("0 10 1, * ? *", "day of month"),
        ("-5 10 1 * ? *", "minutes"),
        ("0 10 ? * 2#6 *", "day of week"),
    ],
)
def test_what_eventbridge_refuses_is_refused_by_field(fields: str, expected_text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SCHEDULE.validate_python({"expression": f"cron({fields})"})
    assert expected_text in str(caught.value)

"""Context is checked whole, and CDK's own keys are left alone."""

import pytest
from aws_cdk.aws_logs import RetentionDays

from infra.settings import DEFAULT_RUNTIME, LOG_RETENTIONS, SettingsError, read_context
from scripts.build_layer import native_platform
from tests.infra.conftest import CONTEXT


def test_cdks_own_keys_are_not_settings() -> None:
    context = {"aws:cdk:bundling-stacks": ["**"], "@aws-cdk/core:x": True, "cli-telemetry": False, "availability-zones:account=1": []}
    assert read_context({**CONTEXT, **context}).stack_name == "Squall"


def test_lists_come_from_the_command_line_and_from_json() -> None:
    arns = ["arn:aws:sns:eu-central-1:123456789012:a", "arn:aws:sns:eu-central-1:123456789012:b"]
    assert read_context({**CONTEXT, "alarm_topic_arns": ",".join(arns)}) == read_context({**CONTEXT, "alarm_topic_arns": arns})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stack_name", "squall-prod"),
        ("stack_name", "no spaces"),
        ("log_retention_days", "91"),
        ("results_retention_days", "0"),
        ("kms_key_arn", "alias/mine"),
        ("synthesizer", "legacy"),
        ("lambda_runtime", "python3.9"),
        ("environments_dir", "nowhere"),
        ("notification_emails", "nobody"),
        ("account", "123"),
        ("stop_reserved_concurrency", "1"),
        ("stop_reserved_concurrency", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=key):
        read_context({**CONTEXT, key: value})


def test_the_tests_run_on_the_python_that_is_deployed_by_default() -> None:
    runtime, _ = native_platform()
    assert runtime == DEFAULT_RUNTIME


def test_every_retention_that_is_accepted_is_one_that_cdk_has_and_the_other_way_round() -> None:
    assert set(LOG_RETENTIONS.values()) == set(RetentionDays.__members__) - {"INFINITE"}
    assert list(LOG_RETENTIONS) == sorted(LOG_RETENTIONS)

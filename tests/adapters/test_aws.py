"""Errors, retries, imports, settings and wiring."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ParamValidationError

from squall import wiring
from squall.adapters import aws as edge
from squall.adapters.log import make_logger
from squall.errors import Refused, Unavailable
from squall.settings import SettingError, Settings
from tests.adapters.scripted import Scripted, error
from tests.fakes.world import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from squall.ports.faults import Commands, Faults
    from squall.ports.locks import Locks
    from squall.ports.metrics import Alarms, Metrics
    from squall.ports.people import Notifier
    from squall.ports.records import Documents, Records
    from squall.ports.workflow import Clock, Lifecycle, Workflow
    from squall.ports.workload import Inventory


@pytest.mark.parametrize(
    ("raised", "retryable"),
    [
        (error("ThrottlingException"), True),
        (error("ProvisionedThroughputExceededException"), True),
        (error("InternalServerError", status=500), True),
        (error("NeverHeardOf", status=503), True),
        (error("NeverHeardOf", status=429), True),
        (error("NeverHeardOf"), False),
        (error("AccessDeniedException"), False),
        (error("ValidationException"), False),
        (EndpointConnectionError(endpoint_url="https://x"), True),
        (ConnectTimeoutError(endpoint_url="https://x"), True),
        (NoCredentialsError(), False),
        (ParamValidationError(report="bad"), False),
    ],
)
def test_every_error_becomes_unavailable_with_its_cause(raised: Exception, retryable: bool) -> None:
    with pytest.raises(Unavailable) as caught, edge.translate_errors("fis", "GetExperiment"):
        raise raised
    assert caught.value.retryable is retryable
    assert caught.value.__cause__ is raised
    assert str(caught.value).startswith("fis GetExperiment: ")


def test_a_refusal_is_an_answer_only_where_the_port_says_so() -> None:
    with pytest.raises(Refused) as refused, edge.translate_errors("fis", "StartExperiment", refusable=True):
        raise error("AccessDeniedException", "not you")
    assert (refused.value.code, refused.value.message) == ("AccessDeniedException", "not you")


def test_an_error_of_our_own_passes_unchanged() -> None:
    with pytest.raises(KeyError), edge.translate_errors("fis", "GetExperiment"):
        raise KeyError("ours")


def test_no_code_is_in_the_table_twice() -> None:
    assert not edge._CODES[edge.Kind.BUSY] & edge._CODES[edge.Kind.REFUSAL]


def test_an_error_on_a_later_page_is_translated() -> None:
    class Breaking(Scripted):
        def get_paginator(self, method: str) -> Any:
            raise error("ThrottlingException")

    with pytest.raises(Unavailable, match="fis ListExperiments"):
        list(edge.list_items(Breaking("fis", list_experiments=[]), "list_experiments", "experiments"))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in [name for name in os.environ if name.startswith("SQUALL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    edge.client.cache_clear()
    yield monkeypatch
    edge.client.cache_clear()
    wiring.set_wiring(None)


def test_a_client_is_made_once_with_bounded_waits_and_retries(environment: pytest.MonkeyPatch) -> None:
    client = edge.client("fis")
    assert edge.client("fis") is client
    config = client.meta.config
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 4)
    assert (config.connect_timeout, config.read_timeout) == (2, 10)
    assert "squall" in config.user_agent_extra
    assert edge.client("cloudwatch").meta.config.retries["mode"] == "adaptive"


def test_the_abort_path_starts_without_pydantic() -> None:
    edges = ["fis.experiments", "dynamodb.records", "step_functions", "regions", "cloudwatch.alarms", "dynamodb.locks"]
    modules = [*edges, "sns", "log", "clock"]
    code = f"import sys; {'; '.join(f'import squall.adapters.{module}' for module in modules)}; import squall.wiring"
    check = f"{code}; print([name for name in ('pydantic', 'boto3', 'botocore.session', 'aws_lambda_powertools') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    answer = subprocess.run([sys.executable, "-c", check], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_settings_are_read_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SQUALL_TABLE", "table")
    settings = Settings.read()
    environment.setenv("SQUALL_TABLE", "other")
    assert settings.table == "table"


@pytest.mark.parametrize("environ", [{}, {"SQUALL_TABLE": ""}])
def test_a_missing_setting_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="SQUALL_TABLE"):
        _ = Settings.read(environ).table


@pytest.mark.parametrize("value", ["", "[", "[]", '{"staging": 1}'])
def test_fis_roles_that_make_no_sense_are_an_error(value: str) -> None:
    with pytest.raises(SettingError, match="SQUALL_FIS_ROLE_ARNS"):
        _ = Settings.read({"SQUALL_FIS_ROLE_ARNS": value}).fis_role_arns


def test_every_setting_has_its_variable() -> None:
    world = FakeWorld()
    settings = world.wiring().settings
    texts = [settings.stack, settings.table, settings.bucket, settings.topic_arn, settings.event_bus, settings.abort_function_arn]
    assert all([*texts, settings.opt_in_tag, settings.state_machine_arn, settings.fis_role_arns["staging"]])


def test_the_wiring_builds_each_port_when_first_used(environment: pytest.MonkeyPatch) -> None:
    for name, value in FakeWorld().wiring().settings.values.items():
        environment.setenv(name, value)
    w = wiring.get_wiring()
    assert wiring.get_wiring() is w
    names = [
        "clock",
        "records",
        "locks",
        "documents",
        "faults",
        "metrics",
        "alarms",
        "inventory",
        "commands",
        "notifier",
        "lifecycle",
        "workflow",
    ]
    for name in names:
        assert name not in vars(w)
        assert getattr(w, name) is getattr(w, name)
    assert w.clock.now().tzinfo is not None


def test_a_port_needs_only_its_own_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SQUALL_TABLE", "table")
    assert wiring.get_wiring().records is not None
    with pytest.raises(SettingError, match="SQUALL_BUCKET"):
        _ = wiring.get_wiring().documents


def test_lambda_builds_ports_at_import_and_leaves_what_it_can_not_build_to_the_first_use(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SQUALL_TABLE", "table")
    wiring.prepare("records")
    assert "records" not in vars(wiring.get_wiring()), "only in Lambda"
    environment.setenv("AWS_LAMBDA_FUNCTION_NAME", "Squall-Abort")
    wiring.prepare("documents", "records")
    assert "records" in vars(wiring.get_wiring())
    with pytest.raises(SettingError, match="SQUALL_BUCKET"):
        _ = wiring.get_wiring().documents


def test_tests_put_a_world_in_the_wirings_place() -> None:
    world = FakeWorld()
    wiring.set_wiring(world.wiring())
    try:
        assert wiring.get_wiring().clock.now() == world.clock.now()
        world.failing["records.open"] = Unavailable("dynamodb", "Query", "ThrottlingException", "", retryable=True)
        with pytest.raises(Unavailable):
            wiring.get_wiring().records.open()
        assert world.calls == ["clock.now", "records.open"]
    finally:
        wiring.set_wiring(None)


def test_fakes_have_every_method_of_their_port() -> None:
    """Checked by mypy: assigning is the test."""
    world = FakeWorld()
    clock: Clock = world.clock
    records: Records = world.records
    locks: Locks = world.locks
    documents: Documents = world.documents
    faults: Faults = world.faults
    metrics: Metrics = world.metrics
    alarms: Alarms = world.alarms
    inventory: Inventory = world.inventory
    commands: Commands = world.commands
    notifier: Notifier = world.notifier
    lifecycle: Lifecycle = world.lifecycle
    workflow: Workflow = world.workflow
    assert all([clock, records, locks, documents, faults, metrics, alarms, inventory, commands, notifier, lifecycle, workflow])


@pytest.mark.parametrize("layer", [True, False])
def test_no_text_in_a_log_line_controls_a_terminal_or_reorders_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], layer: bool
) -> None:
    if not layer:
        monkeypatch.setitem(sys.modules, "aws_lambda_powertools.logging", None)
    make_logger(f"squall-forged-{layer}").info("abort", extra={"reason": "a\n{}\x1b[2J\u202e\u2028"})
    out = capsys.readouterr()
    line = (out.out + out.err).rstrip("\n")
    assert "abort" in line
    assert line.isascii()
    assert line.isprintable()


def test_without_powertools_the_logger_writes_one_json_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "aws_lambda_powertools.logging", None)
    log = make_logger("squall-plain")
    log.info("stopped %s", "EXP1", extra={"execution_id": "run-1"})
    line = capsys.readouterr().err.strip()
    assert '"message": "stopped EXP1"' in line
    assert '"execution_id": "run-1"' in line

"""The halt flag: the fake, Parameter Store and the table agree; what can't be understood is never `not halted`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.dynamodb.halt_copy import TableHaltFlag
from squall.adapters.fis.safety_lever import FisSafetyLever
from squall.adapters.ssm.halt_flag import ParameterHaltFlag
from squall.domain.run.halt import Halt, Lever, move_lever_command, put_flag_command
from squall.errors import Unavailable
from tests.adapters.conftest import NOW, client_of
from tests.adapters.scripted import Scripted, error
from tests.fakes.halt import FakeHaltFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.locks import HaltFlag

NAME = "/squall/Squall/halt"


@pytest.fixture(params=["fake", "parameter", "table"])
def flag(request: pytest.FixtureRequest) -> HaltFlag:
    if request.param == "fake":
        return FakeHaltFlag()
    if request.param == "parameter":
        return ParameterHaltFlag(request.getfixturevalue("aws")("ssm"), "Squall")
    return TableHaltFlag(client_of("dynamodb"), request.getfixturevalue("table"))


def test_a_flag_nobody_ever_set_is_not_engaged(flag: HaltFlag) -> None:
    assert flag.get() == Halt(engaged=False)


def test_engaged_and_released_again_and_again(flag: HaltFlag) -> None:
    for number in range(2):
        flag.engage(f"smoke {number}", "ada", NOW)
        assert flag.get() == Halt(engaged=True, reason=f"smoke {number}", by="ada", at=NOW)
        flag.release("gone", "bob", NOW)
        assert flag.get() == Halt(engaged=False, reason="gone", by="bob", at=NOW)


@pytest.mark.parametrize("value", ["", "true", "[]", "{}", '{"engaged": "no"}', '{"engaged": 0}', '{"engaged": false, "at": "soon"}', "{"])
def test_a_value_that_is_not_understood_is_unreadable(aws: Callable[[str], Any], table: str, value: str) -> None:
    if value:
        aws("ssm").put_parameter(Name=NAME, Type="String", Value=value)
        with pytest.raises(Unavailable):
            ParameterHaltFlag(aws("ssm"), "Squall").get()
    aws("dynamodb").put_item(TableName=table, Item={"pk": {"S": "HALT"}, "sk": {"S": "HALT"}, "halt": {"S": value}})
    with pytest.raises(Unavailable):
        TableHaltFlag(aws("dynamodb"), table).get()
    fake = FakeHaltFlag()
    fake.value = value
    with pytest.raises(Unavailable):
        fake.get()


@pytest.mark.parametrize("engaged", [True, False])
def test_the_command_by_hand_writes_what_is_understood(aws: Callable[[str], Any], engaged: bool) -> None:
    words = put_flag_command("Squall", engaged=engaged)
    aws("ssm").put_parameter(Name=words.split()[4], Type="String", Value=words.partition("--value '")[2].removesuffix("'"))
    assert ParameterHaltFlag(aws("ssm"), "Squall").get() == Halt(engaged=engaged, reason="by hand")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError", "ParameterVersionNotFound"])
def test_only_an_absent_parameter_is_an_absence(code: str) -> None:
    with pytest.raises(Unavailable):
        ParameterHaltFlag(Scripted("ssm", get_parameter=[error(code)]), "Squall").get()


def test_a_long_reason_fits_into_a_parameter(aws: Callable[[str], Any]) -> None:
    flag = ParameterHaltFlag(aws("ssm"), "Squall")
    flag.engage("é" * 4096, "ada", NOW)
    assert len(flag.get().reason) == 500


ENGAGED = {"safetyLever": {"id": "default", "state": {"status": "engaging", "reason": "smoke"}}}


def test_the_lever_is_the_accounts_and_engaging_counts_as_engaged() -> None:
    client = Scripted("fis", get_safety_lever=[ENGAGED], update_safety_lever_state=[ENGAGED, error("ConflictException", status=409)])
    lever = FisSafetyLever(client)
    assert lever.get() == Lever(engaged=True, reason="smoke")
    assert lever.set(Lever(True, "smoke")) is True
    assert lever.set(Lever(False, "aired")) is False, "it stood so already"
    states = [arguments["state"] for arguments in client.arguments("update_safety_lever_state")]
    assert states == [{"status": "engaged", "reason": "smoke"}, {"status": "disengaged", "reason": "aired"}]


def test_a_lever_that_may_not_be_moved_is_unavailable() -> None:
    lever = FisSafetyLever(Scripted("fis", update_safety_lever_state=[error("AccessDeniedException", status=403)]))
    with pytest.raises(Unavailable):
        lever.set(Lever(True, "smoke"))


def test_a_reason_cannot_break_out_of_the_command_that_is_shown() -> None:
    command = move_lever_command("x' ; rm -rf ~ $(id)", engaged=True)
    assert command == "aws fis update-safety-lever-state --id default --state 'status=engaged,reason=x  rm -rf  id'"

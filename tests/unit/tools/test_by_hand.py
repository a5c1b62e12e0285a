"""What a person is told to type exists: the pages, and the commands that Squall's own messages give."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from squall.application.stopping.cleanup import LIST_EXPERIMENTS
from squall.application.supervision.orphans import Sweep
from squall.application.supervision.run_cleanup import RunCleanup
from squall.domain.run.halt import delete_copy_command, move_lever_command, put_flag_command
from squall.domain.run.orphans import Kind
from tests.fakes.world import PORTS, FakeWorld
from tests.unit.application.supervision.test_sweeping import THINGS
from tests.unit.builders import record
from tests.unit.tools.awscli import commands_in, problems
from tests.workflow.endings import Intercept, fail

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [DOCS / "by-hand.md", DOCS / "safety.md", DOCS / "promises.md", DOCS.parent / "README.md", *sorted((DOCS / "how-to").glob("*.md"))]
FENCED = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands_of(page: Path) -> list[str]:
    text = page.read_text() if page.exists() else ""
    fenced = [command for block in FENCED.findall(text) for command in commands_in(block)]
    inline = [command for command in re.findall(r"`(aws [^`…]+)`", text) if len(command.split()) > 2]
    return [*fenced, *inline]


@pytest.mark.parametrize("command", [command for page in PAGES for command in commands_of(page)])
def test_a_command_of_the_pages_can_be_run(command: str) -> None:
    assert problems(command) == []


def test_the_page_says_how_to_do_everything() -> None:
    done = {" ".join(command.split()[1:3]) for command in commands_of(DOCS / "by-hand.md")}
    assert done >= {
        "fis stop-experiment",
        "fis delete-experiment-template",
        "fis update-safety-lever-state",
        "cloudwatch delete-alarms",
        "dynamodb delete-item",
        "ssm put-parameter",
        "ssm cancel-command",
        "stepfunctions stop-execution",
        "lambda invoke",
    }


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("aws fis stop-experiments --id x", "no operation"),
        ("aws fis stop-experiment --experiment-id x", "no parameter --experiment-id"),
        ("aws fis stop-experiment", "needs --id"),
        ("aws fiss stop-experiment --id x", "no service"),
        ('aws dynamodb delete-item --table-name t --key \'{"pk":{"X":"a"}}\'', "no member X"),
        ("aws fis update-safety-lever-state --id default --state on=true", "no member on"),
        ("aws ssm put-parameter --name n --type Text --value v", "is none of"),
        ("aws fis stop-experiment --id 'x", "not a shell command"),
    ],
)
def test_a_command_that_does_not_exist_is_found_out(command: str, wrong: str) -> None:
    assert wrong in " ".join(problems(command))


@pytest.mark.parametrize(
    "command",
    [
        put_flag_command("Squall", engaged=True),
        put_flag_command("Squall", engaged=False),
        delete_copy_command("table"),
        move_lever_command("smoke in the data centre", engaged=True),
        move_lever_command("aired", engaged=False),
        LIST_EXPERIMENTS,
    ],
)
def test_a_command_of_a_halt_can_be_run(command: str) -> None:
    assert problems(command) == []


@pytest.mark.parametrize("kind", THINGS)
def test_a_command_of_the_sweep_can_be_run(kind: Kind) -> None:
    world = FakeWorld()
    THINGS[kind].make(world)
    (suspect,) = Sweep(world.wiring()).find_suspects()
    assert (suspect.kind, problems(suspect.command)) == (kind, [])


@pytest.mark.parametrize("port", sorted({"faults", "alarms", "locks", "commands"} & set(PORTS)))
def test_what_a_closed_run_left_is_named_with_a_command_that_can_be_run(port: str) -> None:
    world = FakeWorld()
    now = datetime(2030, 1, 7, tzinfo=UTC)
    of_run = record(template_id="EXT1", guard_names=("squall-Squall-run-1-1",), lock_keys=("asg/web",), slot=1, fault_started_at=now)
    world.failing = Intercept(lambda called: fail(called) if called.startswith(f"{port}.") else None)
    result = RunCleanup(world.wiring(), of_run).run()
    texts = [left for left in result if not left.command.startswith(("it expires", "they expire"))]
    assert texts or port == "commands"
    assert [problem for left in texts for problem in problems(left.command)] == []

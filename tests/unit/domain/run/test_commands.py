"""Commands that people paste into a shell: a hostile name in them stays one argument."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from squall.application.supervision.run_cleanup import RunCleanup
from squall.domain.messages.console import Console
from squall.domain.run.commands import delete_item_command, shell_command
from squall.domain.run.halt import move_lever_command, put_flag_command
from tests.fakes.world import FakeWorld
from tests.unit.builders import record
from tests.workflow.endings import Intercept, fail

ROOT = Path(__file__).parents[4]
HOSTILE = 'asg/it\'s "$(touch pwned)" `touch pwned`; touch pwned\n\\ é'
UNQUOTED = re.compile(r"\baws [a-z0-9]+ [a-z-]+ ")

RunInShell = Callable[[str], list[str]]


@pytest.fixture
def run_in_shell(tmp_path: Path) -> RunInShell:
    """Runs a command through a shell where `aws` only prints its arguments, as a JSON list."""
    stub = tmp_path / "bin" / "aws"
    stub.parent.mkdir()
    stub.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    stub.chmod(0o755)

    def run(command: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{stub.parent}:{os.environ['PATH']}"}
        printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert [path.name for path in tmp_path.iterdir()] == ["bin"], "the shell ran a part of the name"
        arguments: list[str] = json.loads(printed.stdout)
        return arguments

    return run


def test_every_argument_arrives_as_it_is(run_in_shell: RunInShell) -> None:
    assert run_in_shell(shell_command("aws", "s3", "ls", HOSTILE, "", "--flag")) == ["s3", "ls", HOSTILE, "", "--flag"]


def test_the_key_of_an_item_arrives_as_json_with_the_name_whole(run_in_shell: RunInShell) -> None:
    arguments = run_in_shell(delete_item_command("table", f"LOCK#{HOSTILE}", "LOCK"))
    assert arguments[:5] == ["dynamodb", "delete-item", "--table-name", "table", "--key"]
    assert json.loads(arguments[5]) == {"pk": {"S": f"LOCK#{HOSTILE}"}, "sk": {"S": "LOCK"}}


def test_the_lock_of_a_group_with_a_quote_in_its_name_can_be_deleted_by_the_command_that_a_sweep_gives(run_in_shell: RunInShell) -> None:
    world = FakeWorld()
    world.failing = Intercept(lambda called: fail(called) if called == "locks.release" else None)
    leftovers = RunCleanup(world.wiring(), record(lock_keys=(HOSTILE,))).run()
    (lock,) = [leftover for leftover in leftovers if leftover.label.startswith("lock on")]
    assert json.loads(run_in_shell(lock.command)[-1]) == {"pk": {"S": f"LOCK#{HOSTILE}"}, "sk": {"S": "LOCK"}}


def test_the_links_of_a_message_and_the_commands_of_a_halt_quote_what_they_name(run_in_shell: RunInShell) -> None:
    run = replace(record(), execution_arn=f"arn:aws:states:eu-west-1:123456789012:execution:Squall:{HOSTILE.replace(':', '')}")
    show, describe, *_ = Console(run, "bucket's").commands()
    assert run_in_shell(show)[2].startswith("s3://bucket's/results/")
    assert run_in_shell(describe)[3] == run.execution_arn
    assert run_in_shell(put_flag_command("Squall's", engaged=True))[3] == "/squall/Squall's/halt"
    assert (
        run_in_shell(move_lever_command(f"{HOSTILE}, x=y", engaged=True))[-1]
        == "status=engaged,reason=asg/its touch pwned touch pwned touch pwned é xy"
    )


@pytest.mark.parametrize("folder", ["lambdas", "cli", "scripts", "local", "infra"])
def test_no_aws_command_is_put_together_without_quoting(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    unquoted = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        and any(isinstance(part, ast.Constant) and UNQUOTED.search(str(part.value)) for part in node.values)
    ]
    assert files
    assert unquoted == []

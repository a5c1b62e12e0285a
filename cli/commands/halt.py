"""`squall halt`: stop everything of the stack and let nothing start. `squall resume`: let experiments start again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean

if TYPE_CHECKING:
    from cli.session import Options

REASON_CHARACTERS = 500


def run(options: Options, reason: str, *, engage: bool) -> int:
    """0 if everything was done; 5 if something was not, with the command that does it by hand. Nobody is asked: it is urgent."""
    deployment = session.deployment(options)
    answer = deployment.halt(_said(reason), _caller(deployment), engage=engage)
    if not isinstance(answer, dict) or "engaged" not in answer:
        raise CommandError(f"The halt function answered something else: {clean(answer, 500)}", "Look with `squall status`.")
    if options.json:
        output.write_json(answer)
    else:
        _show(answer, deployment.stack, engage=engage)
    done = bool(answer["engaged"]) is engage and not answer.get("failed")
    return Exit.VALIDATED if done else Exit.FAILED


def _said(reason: str) -> str:
    if not (said := clean(reason, REASON_CHARACTERS).strip()):
        raise CommandError("A reason is needed: people will be told.", "Say it with `--reason`.", code=Exit.REFUSED)
    return said


def _caller(deployment: Any) -> str:
    """Whoever it is: not knowing must not keep anybody from halting."""
    try:
        return str(deployment.caller())
    except CommandError:
        return "someone at the squall command"


def _show(answer: dict[str, Any], stack: str, *, engage: bool) -> None:
    lines = [f"Stack {stack} is {'HALTED: nothing starts until `squall resume --reason …`' if answer['engaged'] else 'not halted'}."]
    if engage:
        stopped = [f"  stopped {one['experiment']} of execution {one['execution_id']}" for one in answer.get("stopped", ())]
        lines += stopped or ["  No fault was running."]
        lines += [f"  aborted execution {one}" for one in answer.get("aborted", ())]
    if answer.get("lever", "not asked for") != "not asked for":
        lines.append(f"  FIS's safety lever, everybody's in this account and Region: {answer['lever']}.")
    console = output.console()
    for line in lines:
        console.print(clean(line), soft_wrap=True)
    for one in answer.get("failed", ()):
        output.note(f"NOT DONE: {one['what']} ({one['error']})")
        output.note(f"  by hand: {one['command']}")

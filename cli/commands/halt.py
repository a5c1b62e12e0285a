"""`squall halt`: stops everything of the stack and prevents new runs. `squall resume`: allows new runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line

if TYPE_CHECKING:
    from cli.session import Options

REASON_CHARACTERS = 500


def halt_stack(options: Options, reason: str, *, engage: bool) -> int:
    """Returns 0 if everything was done; 5 if something was not, with the command that does it by hand.

    It asks for no confirmation: a halt is urgent.
    """
    deployment = session.find_deployment(options)
    if engage:  # in an emergency nobody has to think of a reason
        reason = clean_line(reason, REASON_CHARACTERS).strip() or "no reason given"
    answer = deployment.halt(check_reason(reason), _find_caller(deployment), engage=engage)
    if not isinstance(answer, dict) or "engaged" not in answer:
        message = f"The halt function gave an unexpected answer: {clean_line(answer, 500)}"
        raise CommandError(message, "`squall status` shows whether the stack is halted.")
    if options.json:
        output.write_json(answer)
    else:
        _show_answer(answer, deployment.stack, engage=engage)
    done = bool(answer["engaged"]) is engage and not answer.get("failed")
    return Exit.VALIDATED if done else Exit.FAILED


def _describe_fault(fault: dict[str, Any]) -> str:
    """`stopped` only if FIS says so; FIS takes about half a minute."""
    done = "stopped" if fault.get("status") == "stopped" else f"asked FIS to stop ({fault.get('status', 'unknown')})"
    return f"  {done} {fault['experiment']} of execution {fault['execution_id']}"


def check_reason(reason: str) -> str:
    """The reason as it is kept. Raises CommandError if there is none."""
    if not (cleaned := clean_line(reason, REASON_CHARACTERS).strip()):
        raise CommandError("A reason is needed: people are notified of it.", "Give it with `--reason`.", code=Exit.REFUSED)
    return cleaned


def _find_caller(deployment: Any) -> str:
    """The caller's ARN; a placeholder if STS does not answer, because that must not prevent a halt."""
    try:
        return str(deployment.caller())
    except CommandError:
        return "someone at the squall command"


def _show_answer(answer: dict[str, Any], stack: str, *, engage: bool) -> None:
    lines = [f"Stack {stack} is {'HALTED: nothing starts until `squall resume --reason …`' if answer['engaged'] else 'not halted'}."]
    if engage:
        stopped = [_describe_fault(fault) for fault in answer.get("stopped", ())]
        lines += stopped or ["  No fault was running."]
        lines += [f"  aborted execution {execution_id}" for execution_id in answer.get("aborted", ())]
    if answer.get("lever", "not asked for") != "not asked for":
        lines.append(f"  FIS's safety lever, which affects everybody in this account and Region: {answer['lever']}.")
    console = output.make_console()
    for line in lines:
        console.print(clean_line(line), soft_wrap=True)
    for failure in answer.get("failed", ()):
        output.write_note(f"NOT DONE: {failure['what']} ({failure['error']})")
        output.write_note(f"  by hand: {failure['command']}")

"""Errors that end a command: a message for people, what to do next, and the exit code."""

from typing import Any

from cli.exits import Exit

LOCAL_HINT = 'A local account runs here: `eval "$(squall local env)"` points every AWS tool at it, or use `squall --local …`.'


class CommandError(Exception):
    """An error that is shown as `message` and `hint`, never as a traceback. `text`: lines below them, as a file to write."""

    def __init__(self, message: str, hint: str = "", *, code: Exit = Exit.FAILED, text: str = "") -> None:
        self.message, self.hint, self.code, self.text = message, hint, code, text
        super().__init__(message)

    def as_json(self) -> dict[str, Any]:
        shown = {"text": self.text} if self.text else {}
        return {"error": {"message": self.message, "next": self.hint, **shown, "exit_code": int(self.code)}}


class NameInUseError(CommandError):
    """An execution has or had this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"An execution named {name} exists already.", "Give another `--name`, or none.", code=Exit.REFUSED)


class StillRunningError(CommandError):
    """The wait timeout passed; the execution goes on."""

    def __init__(self, execution_id: str, seconds: float) -> None:
        super().__init__(
            f"{execution_id} is still running after {seconds:.0f} s of waiting.",
            f"It goes on. {commands_for(execution_id)}",
            code=Exit.INCONCLUSIVE,
        )


def commands_for(execution_id: str) -> str:
    """The sentence that names the two commands for a running execution."""
    return f"`squall status {execution_id}` shows it, `squall abort {execution_id}` ends it."

"""What ends a command early: a sentence for a person, what to do next, and the exit code."""

from typing import Any

from cli.exits import Exit

LOCAL_HINT = 'A local account runs here: `eval "$(squall local env)"` points every AWS tool at it, or use `squall --local …`.'


class CommandError(Exception):
    """Shown as `message` and `hint`; never as a traceback."""

    def __init__(self, message: str, hint: str = "", *, code: Exit = Exit.FAILED) -> None:
        self.message, self.hint, self.code = message, hint, code
        super().__init__(message)

    def as_json(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "next": self.hint, "exit_code": int(self.code)}}


class StillRunningError(CommandError):
    """Waiting took longer than allowed; the execution goes on."""

    def __init__(self, execution_id: str, seconds: float) -> None:
        super().__init__(
            f"{execution_id} is still running after {seconds:.0f} s of waiting.",
            f"It goes on by itself: `squall status {execution_id}` looks, `squall abort {execution_id}` ends it.",
            code=Exit.INCONCLUSIVE,
        )

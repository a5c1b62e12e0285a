"""Errors of the application: technical failures, which Step Functions retries or catches, and refusals."""

UNREADABLE = "Unreadable"
"""The code of an error about something that another version has written and this one does not understand."""


class Unavailable(Exception):  # noqa: N818 - reads as a sentence: "raises Unavailable"
    """An AWS service could not be reached, or failed. `retryable` says whether another attempt may help."""

    def __init__(self, service: str, operation: str, code: str, message: str, *, retryable: bool) -> None:
        self.service, self.operation, self.code, self.message, self.retryable = service, operation, code, message, retryable
        super().__init__(f"{service} {operation}: {code}: {message}")


class Refused(Exception):  # noqa: N818 - likewise
    """An AWS service understood the request and refused it. Another attempt would get the same answer."""

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        self.service, self.operation, self.code, self.message = service, operation, code, message
        super().__init__(f"{service} {operation} refused: {code}: {message}")

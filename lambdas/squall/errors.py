"""Errors of the application: technical failures that Step Functions retries or catches, and refusals."""


class Unavailable(Exception):  # noqa: N818 - read as a sentence: raises Unavailable
    """An AWS service could not be asked, or failed. `retryable` says whether asking again may help."""

    def __init__(self, service: str, operation: str, code: str, message: str, *, retryable: bool) -> None:
        self.service, self.operation, self.code, self.retryable = service, operation, code, retryable
        super().__init__(f"{service} {operation}: {code}: {message}")


class Refused(Exception):  # noqa: N818 - likewise
    """An AWS service understood and said no: the answer will not change by asking again."""

    def __init__(self, service: str, operation: str, code: str, message: str) -> None:
        self.service, self.operation, self.code, self.message = service, operation, code, message
        super().__init__(f"{service} {operation} refused: {code}: {message}")

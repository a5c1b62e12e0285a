"""What the FIS API refuses, and what makes an experiment fail."""


class ApiError(Exception):
    """An error answer; ``status`` is the HTTP status of the FIS model."""

    code = "ValidationException"
    status = 400


class ValidationError(ApiError):
    pass


class NotFoundError(ApiError):
    code, status = "ResourceNotFoundException", 404


class ConflictError(ApiError):
    code, status = "ConflictException", 409


class QuotaExceededError(ApiError):
    code, status = "ServiceQuotaExceededException", 402


class AccessDeniedError(ApiError):
    code, status = "AccessDeniedException", 403


class ExperimentError(Exception):
    """Ends an experiment as ``failed``; the code is one of FIS's documented ones, the location names the part."""

    def __init__(self, code: str, reason: str, location: str) -> None:
        super().__init__(reason)
        self.code, self.reason, self.location = code, reason, location

"""Explanations of the SDK's errors, with what to do next: one table for all commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from cli.errors import LOCAL_HINT, CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREDENTIALS = (
    "Sign in as you do for the AWS CLI (`aws sso login`, AWS_PROFILE or AWS_ACCESS_KEY_ID …), then try again. "
    "Without an AWS account: `squall local up`."
)
_BY_CODE = {
    "ExpiredToken": ("The AWS credentials have expired.", _CREDENTIALS),
    "ExpiredTokenException": ("The AWS credentials have expired.", _CREDENTIALS),
    "RequestExpired": ("The AWS credentials have expired.", _CREDENTIALS),
    "InvalidClientTokenId": ("AWS does not know these credentials.", _CREDENTIALS),
    "UnrecognizedClientException": ("AWS does not know these credentials.", _CREDENTIALS),
    "SignatureDoesNotMatch": ("AWS does not accept these credentials: the secret key is wrong.", _CREDENTIALS),
}
_CALLERS_SIDE: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError),
        "No usable AWS credentials were found.",
        _CREDENTIALS,
    ),
    ((exceptions.ProfileNotFound,), "{error}.", "Check AWS_PROFILE, or list the profiles with `aws configure list-profiles`."),
    ((exceptions.NoRegionError,), "No AWS Region is set.", "Set AWS_REGION, or give `--region`, to the Region Squall is deployed to."),
)
"""Errors on the caller's side, such as missing credentials. Neither Squall nor AWS has failed."""
_BY_KIND: tuple[tuple[tuple[type[BaseException], ...], str, str], ...] = (
    (
        (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ConnectionClosedError),
        "AWS cannot be reached: {error}",
        "Check the network and AWS_ENDPOINT_URL; if that is the local account, `squall local status` says whether it runs.",
    ),
    ((exceptions.BotoCoreError,), "The AWS SDK failed: {error}", ""),
)
DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException"}
)
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"})


def explain_error(error: BaseException, *, local_hint: bool = False) -> CommandError | None:
    """The CommandError for an SDK error, or for an adapter's error that an SDK error caused; None for any other error.

    Its exit code is that of a refusal for what is on the caller's side: credentials, permissions, Region, profile."""
    for cause in list_causes(error):
        command_error = _match_error(cause)
        if command_error is not None:
            if local_hint:
                command_error.hint = f"{LOCAL_HINT} {command_error.hint}" if command_error.hint else LOCAL_HINT
            return command_error
    return None


def error_code(error: BaseException) -> str:
    """The service's error code, from a ClientError among the causes; empty if there is none."""
    for cause in list_causes(error):
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def list_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _match_error(error: BaseException) -> CommandError | None:
    if isinstance(error, exceptions.ClientError):
        return _explain_client_error(error)
    for code, table in ((Exit.REFUSED, _CALLERS_SIDE), (Exit.FAILED, _BY_KIND)):
        for kinds, message, hint in table:
            if isinstance(error, kinds):
                return CommandError(message.format(error=error), hint, code=code)
    return None


def _explain_client_error(error: BaseException) -> CommandError:
    code = error_code(error)
    operation = str(getattr(error, "operation_name", "the call"))
    if code in _BY_CODE:
        return CommandError(*_BY_CODE[code], code=Exit.REFUSED)
    if code in DENIED_CODES:
        return CommandError(f"AWS denied {operation}: {error}", f"These credentials need permission for {operation}.", code=Exit.REFUSED)
    if code in _THROTTLED:
        return CommandError(f"AWS is throttling {operation}.", "Try again in a minute.")
    return CommandError(f"{operation} failed: {error}", "")

"""Faults of Lambda functions: invocations that are slow, time out, or fail."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.resources.functions import LambdaFunction
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.functions.base import FunctionFault, Percent
from squall.faults.parameters import Names

DELAY, ERROR, RESPONSE = (f"aws:lambda:invocation-{kind}" for kind in ("add-delay", "error", "http-integration-response"))
LONGEST_DELAY = 900_000
CONTENT_TYPE = r"^[a-z]+/[a-z0-9][a-z0-9.+-]{0,63}$"
ERRORS: Mapping[str, Any] = {"metric_name": "Errors", "statistic": "Sum", "by": 1.0}
"""Published at every invocation, 0 or 1; an invocation that runs into its timeout is an error."""
Flag = Annotated[bool, Field(strict=True)]
_SHARE: Names = {"invocationPercentage": ("invocation_percent", "100")}
_LATE: Names = {**_SHARE, "startupDelayMilliseconds": ("latency_ms", "1000")}
_FAILED: Names = {**_SHARE, "preventExecution": ("prevent_execution", None)}
_ANSWERED: Names = {**_FAILED, "statusCode": ("status_code", None), "contentTypeHeader": ("content_type", None)}


class LatencyParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1, le=LONGEST_DELAY)] = 1000
    """How late the function's own code begins; the delay is billed."""
    invocation_percent: Percent = 100
    """Percent of invocations that are disturbed."""


class InvocationLatency(FunctionFault[LatencyParameters]):
    """`aws:lambda:invocation-add-delay`, shorter than the function's timeout: like a cold start, at every
    invocation."""

    type = FaultType.NETWORK_LATENCY
    verb = "delayed invocations of"
    risk = "medium"
    actions = (DELAY,)
    parameters = LatencyParameters
    names = {DELAY: _LATE}
    action = "latency"

    def invocation_parameters(self, parameters: LatencyParameters, /) -> dict[str, str]:
        return _delay_parameters(parameters.latency_ms, parameters.invocation_percent)

    def describe(self, parameters: LatencyParameters, /) -> str:
        return f"Delay {parameters.invocation_percent} % of invocations by {parameters.latency_ms} ms"

    def expected_metric(self, parameters: LatencyParameters, /) -> Mapping[str, Any]:
        return {"metric_name": "Duration", "by": parameters.latency_ms / 2}

    def check_functions(self, injection: Injection[LambdaFunction, LatencyParameters], /) -> Iterable[SafetyCheck]:
        targets, delay = injection.targets, injection.parameters.latency_ms
        over = [f"{target.id} has {target.timeout_seconds} s" for target in targets if delay >= target.timeout_seconds * 1000]
        refusal = f"after {delay} ms nothing is left of the timeout: {'; '.join(over)}; that is dependency_timeout"
        yield check_targets("within_timeout", targets, over, refusal, "the delay leaves every function some of its timeout")


class TimeoutParameters(Model):
    latency_ms: Annotated[int, Field(strict=True, ge=1000, le=LONGEST_DELAY)]
    """Longer than the function's timeout, so that Lambda ends the invocation."""
    invocation_percent: Percent = 100
    """Percent of invocations that are disturbed."""


class InvocationTimeout(FunctionFault[TimeoutParameters]):
    """`aws:lambda:invocation-add-delay`, longer than the function's timeout, as if a dependency never answered."""

    type = FaultType.DEPENDENCY_TIMEOUT
    verb = "let invocations time out of"
    risk = "high"
    actions = (DELAY,)
    parameters = TimeoutParameters
    names = {DELAY: _LATE}
    action = "timeout"

    def invocation_parameters(self, parameters: TimeoutParameters, /) -> dict[str, str]:
        return _delay_parameters(parameters.latency_ms, parameters.invocation_percent)

    def describe(self, parameters: TimeoutParameters, /) -> str:
        return f"Let {parameters.invocation_percent} % of invocations run into the function's timeout"

    def expected_metric(self, _parameters: TimeoutParameters, /) -> Mapping[str, Any]:
        return ERRORS

    def check_functions(self, injection: Injection[LambdaFunction, TimeoutParameters], /) -> Iterable[SafetyCheck]:
        targets, delay = injection.targets, injection.parameters.latency_ms
        under = [f"{target.id} has {target.timeout_seconds} s" for target in targets if delay <= target.timeout_seconds * 1000]
        refusal = f"{delay} ms end before the timeout: {'; '.join(under)}; that is network_latency"
        yield check_targets("outlasts_timeout", targets, under, refusal, "the delay outlasts every function's timeout")


class ErrorParameters(Model):
    invocation_percent: Percent = 100
    """Percent of invocations that are disturbed."""
    prevent_execution: Flag = True
    """Whether the function's own code does not run; else it runs, with all its effects, and its answer is thrown
    away."""
    status_code: Annotated[int, Field(strict=True, ge=400, le=599)] | None = None
    """The status of an HTTP response, as a load balancer, API Gateway or VPC Lattice expects it; None: the invocation
    itself fails."""
    content_type: Annotated[str, Field(pattern=CONTENT_TYPE)] | None = None
    """The media type of that response; None: application/json."""

    @field_validator("content_type")
    @classmethod
    def _of_an_answer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "status_code" in info.data and info.data["status_code"] is None:
            raise ValueError("status_code beside it: an invocation that fails answers nothing")
        return value


class InvocationError(FunctionFault[ErrorParameters]):
    """`aws:lambda:invocation-error`, or with `status_code` `aws:lambda:invocation-http-integration-response`."""

    type = FaultType.SERVICE_UNAVAILABLE
    verb = "failed invocations of"
    risk = "high"
    actions = (ERROR, RESPONSE)
    parameters = ErrorParameters
    names = {ERROR: _FAILED, RESPONSE: _ANSWERED}
    action = "error"

    def action_id(self, parameters: ErrorParameters, /) -> str:
        return ERROR if parameters.status_code is None else RESPONSE

    def invocation_parameters(self, parameters: ErrorParameters, /) -> dict[str, str]:
        values = {
            "invocationPercentage": str(parameters.invocation_percent),
            "preventExecution": "true" if parameters.prevent_execution else "false",
        }
        if parameters.status_code is None:
            return values
        return {**values, "statusCode": str(parameters.status_code), "contentTypeHeader": parameters.content_type or "application/json"}

    def describe(self, parameters: ErrorParameters, /) -> str:
        how = "fail" if parameters.status_code is None else f"answer {parameters.status_code}"
        return f"Let {parameters.invocation_percent} % of invocations {how}"

    def expected_metric(self, parameters: ErrorParameters, /) -> Mapping[str, Any] | None:
        return ERRORS if parameters.status_code is None else None

    def check_functions(self, injection: Injection[LambdaFunction, ErrorParameters], /) -> Iterable[SafetyCheck]:
        if injection.parameters.status_code is not None:
            warning = "Lambda counts an answer of the extension as a success: no metric will tell whether it heard of the fault"
            yield SafetyCheck(name="extension_heard", outcome=CheckOutcome.WARNED, detail=warning)


def _delay_parameters(milliseconds: int, percent: int) -> dict[str, str]:
    return {"startupDelayMilliseconds": str(milliseconds), "invocationPercentage": str(percent)}

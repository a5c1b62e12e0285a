"""EventBridge delivery as on AWS: permissions checked, dead-letter queues, retries, and the profile's misbehaviour."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc

from local.account import iam
from local.account.patching import replace_function, require_names
from local.account.profile import holder

logger = logging.getLogger("squall.events")

RULE_SERVICE = "events.amazonaws.com"


@dataclass(frozen=True)
class Delivery:
    """The sender of a delivery. A rule invokes functions by their resource policy, and everything else with the
    target's role."""

    service: str
    source_arn: str
    role_arn: str | None
    dead_letter_arn: str | None


class DeliveryError(RuntimeError):
    """The target refused or doesn't exist."""


_delivery: ContextVar[Delivery | None] = ContextVar("delivery", default=None)


def install_patches() -> None:
    """Patch the delivery of events."""
    require_names(eventbridge, "_put_events", "_dispatch_to_sqs", "_SCHEDULER_TICK_INTERVAL")
    require_names(lambda_svc, "invoke_async_with_retry", "function_policy_for_arn", "_get_func_record_for_ref")
    eventbridge._SCHEDULER_TICK_INTERVAL = 1
    replace_function(eventbridge, "_dispatch_event", "event view", _with_misbehaviour)
    replace_function(eventbridge, "_invoke_target", "target event rule view", _as_rule)
    replace_function(eventbridge, "_dispatch_to_lambda", "arn payload", lambda _original: deliver_to_lambda)
    replace_function(eventbridge, "_dispatch_to_stepfunctions", "arn payload", _with_role)


def publish_event(source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    """Put an event of an AWS service on the default event bus."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


# --- profile ------------------------------------------------------------------------------------------------------


def _with_misbehaviour(deliver: Callable[..., None]) -> Callable[..., None]:
    def deliver_alone(event: dict[str, Any], view: Any) -> None:
        # A delivery may publish an event: that event is then delivered in its own name.
        token = _delivery.set(None)
        try:
            deliver(event, view)
        finally:
            _delivery.reset(token)

    def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
        if event.get("_DispatchPath"):
            deliver_alone(event, view)
            return
        source = event.get("Source", "")
        if _is_dropped(source):
            logger.info("profile drops %s event %s", source, event.get("EventId"))
            return
        low, high = holder.current.event_delay_seconds
        for _ in range(2 if holder.chance(holder.current.duplicate_event_rate) else 1):
            if high > 0:
                _call_later(holder.between(low, high), deliver_alone, event, view)
            else:
                deliver_alone(event, view)

    return dispatch_event


def _is_dropped(source: str) -> bool:
    profile = holder.current
    if profile.drop_all_events is True:
        return True
    if isinstance(profile.drop_all_events, list) and source in profile.drop_all_events:
        return True
    return holder.chance(profile.drop_event_rate.get(source, profile.drop_event_rate.get("*", 0.0)))


def _call_later(seconds: float, call: Callable[..., None], *arguments: Any) -> None:
    context = copy_context()
    timer = threading.Timer(seconds, context.run, (call, *arguments))
    timer.daemon = True
    timer.start()


# --- targets ------------------------------------------------------------------------------------------------------


def _as_rule(invoke: Callable[..., None]) -> Callable[..., None]:
    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        # Senders that are not rules (Scheduler) set the delivery themselves.
        if _delivery.get() is not None:
            invoke(target, event, rule, view)
            return
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        delivery = Delivery(RULE_SERVICE, rule.get("Arn", ""), target.get("RoleArn"), dead_letters)
        token = _delivery.set(delivery)
        try:
            invoke(target, event, rule, view)
        finally:
            _delivery.reset(token)

    return invoke_target


def deliver_to_lambda(arn: str, payload: Any) -> None:
    """Invoke asynchronously, with Lambda's own two retries, if the sender may."""
    delivery = _delivery.get()
    try:
        if delivery:
            _check_lambda(delivery, arn)
        invoke_function(arn, payload)
    except DeliveryError as failure:
        fail_delivery(delivery, arn, payload, str(failure))


def _check_lambda(delivery: Delivery, arn: str) -> None:
    if delivery.service == RULE_SERVICE:
        check_function_policy(arn, delivery.service, delivery.source_arn)
    else:
        check_role(delivery, "lambda:InvokeFunction", arn)


def check_function_policy(arn: str, service: str, source_arn: str) -> None:
    """Raise unless the function's resource policy lets the service invoke it for that source."""
    policy = lambda_svc.function_policy_for_arn(arn)
    if policy is None:
        raise DeliveryError(f"function {arn} not found")
    if not iam.resource_policy_allows(policy[0], service, "lambda:InvokeFunction", arn, source_arn):
        raise DeliveryError(f"{arn}: its resource policy does not allow {service} for {source_arn}")


def check_role(delivery: Delivery, action: str, resource: str) -> None:
    """Raise unless the target's role trusts the sender and allows the call."""
    if not delivery.role_arn:
        raise DeliveryError(f"the target {resource} has no role")
    if not iam.role_trusts(delivery.role_arn, delivery.service, delivery.source_arn):
        raise DeliveryError(f"{delivery.service} may not assume {delivery.role_arn}")
    denied = iam.authorize_role(delivery.role_arn, action, resource)
    if denied:
        raise DeliveryError(denied.message)


def invoke_function(arn: str, payload: Any) -> None:
    """Queue an asynchronous invocation."""
    func, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not func or not config:
        raise DeliveryError(f"function {name} not found")
    event = payload
    if isinstance(payload, str):
        try:
            event = json.loads(payload)
        except ValueError:
            event = {"body": payload}
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(func, config), event)


def _with_role(start: Callable[..., None]) -> Callable[..., None]:
    def dispatch_to_stepfunctions(arn: str, payload: Any) -> None:
        delivery = _delivery.get()
        try:
            if delivery:
                check_role(delivery, "states:StartExecution", arn)
            start(arn, payload)
        except DeliveryError as failure:
            fail_delivery(delivery, arn, payload, str(failure))

    return dispatch_to_stepfunctions


def fail_delivery(delivery: Delivery | None, arn: str, payload: Any, reason: str) -> None:
    """Log a failed delivery and send its payload to the dead-letter queue, if there is one."""
    logger.warning("delivery to %s failed: %s", arn, reason)
    if delivery is None or not delivery.dead_letter_arn:
        return
    body = payload if isinstance(payload, str) else json.dumps(payload)
    eventbridge._dispatch_to_sqs(parse_arn(delivery.dead_letter_arn), body)


def deliver_as(delivery: Delivery, call: Callable[[], None]) -> None:
    """Run a delivery for a sender that is not a rule."""
    token = _delivery.set(delivery)
    try:
        call()
    finally:
        _delivery.reset(token)


def format_time(epoch: float | None = None) -> str:
    """A time as AWS writes it in events: whole seconds, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if epoch is None else epoch))

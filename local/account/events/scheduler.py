"""EventBridge Scheduler: fires within a second, in the schedule's time zone, with context attributes and its role.

Differences from AWS that remain: no flexible window, one attempt (a failed delivery goes to the dead-letter queue at
once), and of the universal targets only ``sfn:startExecution`` and ``lambda:invoke``.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, scheduler, stepfunctions

from local.account.events import events
from local.account.patching import find_original, require_names
from local.account.profile import holder

logger = logging.getLogger("squall.scheduler")

SERVICE = "scheduler.amazonaws.com"
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Firing:
    """One occurrence of a schedule that is due."""

    scheduled_at: float
    one_shot: bool


# When each schedule's last occurrence was due. A schedule is known here from its first tick on.
_last_due: dict[_Key, float] = {}


def install_patches() -> None:
    """Replace the emulator's tick."""
    require_names(scheduler, "_schedules", "_SCHEDULE_TICK_INTERVAL", "_to_epoch")
    require_names(eventbridge, "_parse_rate_seconds", "_parse_cron_fields", "_cron_next_fire", "_invoke_target")
    find_original(scheduler, "_tick_schedules", "")
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    scheduler._tick_schedules = fire_due_schedules


def fire_due_schedules() -> None:
    """Fire every schedule that is due."""
    now = time.time()
    live = set(scheduler._schedules._data)
    for gone in set(_last_due) - live:
        del _last_due[gone]
    for key, schedule in list(scheduler._schedules._data.items()):
        try:
            with request_scope(key[0], key[1]):
                _consider_schedule(key, schedule, now)
        except Exception:
            logger.exception("schedule %s", key[2])


def _consider_schedule(key: _Key, schedule: dict[str, Any], now: float) -> None:
    end, start = scheduler._to_epoch(schedule.get("EndDate")), scheduler._to_epoch(schedule.get("StartDate"))
    if end is not None and now > end:
        if schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)
        return
    if schedule.get("State", "ENABLED") != "ENABLED" or (start is not None and now < start):
        return
    firing = _find_due(key, schedule, now)
    if firing is None:
        return
    _last_due[key] = firing.scheduled_at
    if holder.current.disable_schedules:
        logger.info("profile holds back schedule %s", key[2])
    else:
        fire_schedule(schedule, firing.scheduled_at)
    if firing.one_shot and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules._data.pop(key, None)


def _read_zone(schedule: dict[str, Any]) -> ZoneInfo:
    try:
        return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _find_due(key: _Key, schedule: dict[str, Any], now: float) -> Firing | None:
    expression = str(schedule.get("ScheduleExpression", "")).strip()
    if expression.startswith("at("):
        moment = datetime.fromisoformat(expression[3:-1].strip()).replace(tzinfo=_read_zone(schedule)).timestamp()
        return Firing(moment, True) if moment <= now and key not in _last_due else None
    interval = eventbridge._parse_rate_seconds(expression)
    if interval is not None:
        anchor = _last_due.setdefault(key, float(schedule.get("CreationDate") or now))
        periods = int((now - anchor) // interval)
        return Firing(anchor + periods * interval, False) if periods >= 1 else None
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        return None
    following = _next_cron(fields, _last_due.setdefault(key, now), _read_zone(schedule))
    return Firing(following, False) if following is not None and following <= now else None


def _next_cron(fields: Any, after: float, zone: ZoneInfo) -> float | None:
    """The next occurrence on the zone's wall clock; the emulator's calendar only knows UTC."""
    wall = datetime.fromtimestamp(after, zone).replace(tzinfo=UTC)
    occurrence = eventbridge._cron_next_fire(fields, wall)
    return None if occurrence is None else occurrence.replace(tzinfo=zone).timestamp()


def fill_in_context(text: str, schedule_arn: str, scheduled_at: float, execution_id: str) -> str:
    """The target's input with Scheduler's context attributes filled in."""
    for name, value in (
        ("scheduled-time", events.format_time(scheduled_at)),
        ("schedule-arn", schedule_arn),
        ("execution-id", execution_id),
        ("attempt-number", "1"),
    ):
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def fire_schedule(schedule: dict[str, Any], scheduled_at: float) -> None:
    """Deliver one occurrence with the role of the schedule's target."""
    target = dict(schedule.get("Target") or {})
    arn, source = target.get("Arn", ""), schedule.get("Arn", "")
    if isinstance(target.get("Input"), str):
        target["Input"] = fill_in_context(target["Input"], source, scheduled_at, str(uuid.uuid4()))
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    # What a trust policy sees as aws:SourceArn is the schedule's group (EventBridge Scheduler guide, confused deputy).
    group = source.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    delivery = events.Delivery(SERVICE, group, target.get("RoleArn"), dead_letters)
    if arn.startswith(UNIVERSAL):
        events.deliver_as(delivery, lambda: _call_universal_target(delivery, arn, target.get("Input") or "{}"))
        return
    event = {
        "EventId": str(uuid.uuid4()), "Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}",
        "Time": scheduled_at, "Resources": [source], "Account": get_account_id(), "Region": get_region(),
    }  # fmt: skip
    events.deliver_as(delivery, lambda: eventbridge._invoke_target(target, event, schedule))


def _call_universal_target(delivery: events.Delivery, arn: str, text: str) -> None:
    operation = arn[len(UNIVERSAL) :]
    try:
        if operation == "sfn:startExecution":
            _start_execution(delivery, json.loads(text))
        elif operation == "lambda:invoke":
            request = json.loads(text)
            events.deliver_to_lambda(request["FunctionName"], request.get("Payload", "{}"))
        else:
            events.fail_delivery(delivery, arn, text, "this universal target is not available here")
    except (events.DeliveryError, KeyError, ValueError) as failure:
        events.fail_delivery(delivery, arn, text, str(failure))


def _start_execution(delivery: events.Delivery, request: dict[str, Any]) -> None:
    machine = request["StateMachineArn"]
    events.check_role(delivery, "states:StartExecution", machine)
    started = {"stateMachineArn": machine, "input": request.get("Input", "{}")}
    if request.get("Name"):
        started["name"] = request["Name"]
    status, _, body = stepfunctions._start_execution(started)
    if status >= 300:
        raise events.DeliveryError(body.decode())

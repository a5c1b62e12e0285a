"""The safety lever, one per account and Region: engaging it stops running experiments and cancels new ones."""

import threading
import time
from contextvars import copy_context
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.account.fis import engine, store
from local.account.fis.errors import ConflictError, NotFoundError, ValidationError

Json = dict[str, Any]
IDENTIFIER = "default"
_states: dict[str, Json] = {}


def _lever_arn() -> str:
    return f"arn:aws:fis:{get_region()}:{get_account_id()}:safety-lever/{IDENTIFIER}"


def _current_state() -> Json:
    return _states.setdefault(_lever_arn(), {"status": "disengaged", "reason": "Safety lever is disengaged."})


def is_engaged() -> bool:
    """Whether new experiments are cancelled."""
    return bool(_current_state()["status"] != "disengaged")


def get_lever(identifier: str) -> Json:
    """GetSafetyLever."""
    if identifier != IDENTIFIER:
        raise NotFoundError(f"Safety lever {identifier} does not exist.")
    return {"safetyLever": {"id": IDENTIFIER, "arn": _lever_arn(), "state": dict(_current_state())}}


def update_lever(identifier: str, wanted: Json) -> Json:
    """UpdateSafetyLeverState: engaging the lever first stops what runs."""
    get_lever(identifier)
    status, reason = wanted.get("status"), wanted.get("reason")
    if status not in ("engaged", "disengaged") or not reason:
        raise ValidationError("state needs status (engaged or disengaged) and reason")
    state = _current_state()
    if state["status"] == status or (status == "engaged" and state["status"] == "engaging"):
        raise ConflictError(f"The safety lever is already {state['status']}.")
    running = store.list_active() if status == "engaged" else []
    state.update(status="engaging" if running else status, reason=reason)
    if running:
        context = copy_context()
        threading.Thread(target=context.run, args=(_stop_all, running, state), daemon=True).start()
    return get_lever(identifier)


def _stop_all(running: list[store.Experiment], state: Json) -> None:
    for experiment in running:
        engine.ask_to_stop(experiment, engine.LEVER_REASON)
    while not all(experiment.terminal for experiment in running):
        time.sleep(0.05)
    if state["status"] == "engaging":
        state["status"] = "engaged"


def reset_levers() -> None:
    """Forget every lever."""
    _states.clear()

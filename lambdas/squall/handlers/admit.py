"""Admit validates the whole input and opens the record of the execution."""

from collections.abc import Mapping
from typing import Any

from squall.application.admission.admit import admit_execution
from squall.application.step import Outcome
from squall.wiring import get_wiring, prepare

prepare("records", "documents", "logger")


def handler(event: Mapping[str, Any], context: object) -> Outcome:
    return admit_execution(get_wiring(), event)

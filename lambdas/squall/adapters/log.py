"""The structured logger: Powertools' where the layer has it, else one JSON line a message, so that the abort path needs no layer."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def logger(service: str, *, light: bool = False) -> Any:
    """`light` spares the cold start Powertools' import (about 85 ms on a small machine)."""
    if not light:
        try:
            from aws_lambda_powertools.logging import Logger  # noqa: PLC0415
        except ImportError:
            pass
        else:
            return Logger(service=service)
    found = logging.getLogger(service)
    if not found.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonLines())
        found.addHandler(handler)
        found.setLevel(logging.INFO)
        found.propagate = False
    return found


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "service": record.name,
            "message": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)

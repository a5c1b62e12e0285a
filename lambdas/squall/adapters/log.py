"""The structured logger: Powertools' if the layer is there; otherwise JSON lines, so that Abort and Halt need no
layer."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def make_logger(service: str) -> Any:
    """The logger of a service, with its handler; messages and `extra` become one JSON object each."""
    try:
        from aws_lambda_powertools.logging import Logger  # noqa: PLC0415 - functions without the layer have no Powertools
    except ImportError:
        return _plain_logger(service)
    return Logger(service=service, json_serializer=partial(json.dumps, default=str))  # in ASCII: no text can hide or reorder others


def _plain_logger(service: str) -> logging.Logger:
    plain = logging.getLogger(service)
    if not plain.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonLines())
        plain.addHandler(handler)
        plain.setLevel(logging.INFO)
        plain.propagate = False
    return plain


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

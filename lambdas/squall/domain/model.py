"""The base of every model: frozen, and an unknown field is an error, never ignored."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False, ser_json_inf_nan="null")


def digest(document: Any) -> str:
    """SHA-256 of a JSON document, whatever order its keys were written in."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

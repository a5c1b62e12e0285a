"""The base class of every model: immutable, and an unknown field is an error."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]
"""A finite number as somebody wrote it: neither `true` nor "5" is one."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False, ser_json_inf_nan="null")


def hash_document(document: Any) -> str:
    """SHA-256 of a JSON document, in hex; the order of its keys does not matter."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

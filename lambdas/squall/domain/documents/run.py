"""The run as passed from state to state in the workflow payload."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from squall.domain.model import Model

PAYLOAD_VERSION = 1
"""Of what travels between states. An execution that began before a deployment goes on with the new handlers, so they understand the
version before theirs: raise this when `Run` changes, and keep reading what it was."""


class Run(Model):
    """What travels through the workflow: everything else is read from the table and S3."""

    v: Annotated[int, Field(ge=PAYLOAD_VERSION - 1, le=PAYLOAD_VERSION)] = PAYLOAD_VERSION
    id: str
    execution_arn: str
    started_at: datetime

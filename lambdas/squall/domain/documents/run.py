"""The run as the payload of the workflow passes it from state to state."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from squall.domain.base.model import Model

PAYLOAD_VERSION = 1
"""Version of `Run`. An execution that began before a deployment goes on with the new handlers, so handlers read the
previous version too: raise this number when `Run` changes, and keep reading the old shape."""


class Run(Model):
    """The whole payload of a state. States read everything else from the table and S3."""

    v: Annotated[int, Field(ge=PAYLOAD_VERSION - 1, le=PAYLOAD_VERSION)] = PAYLOAD_VERSION
    id: str
    execution_arn: str
    started_at: datetime

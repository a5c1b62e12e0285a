"""Execution ids: checks what people type, and makes new ones."""

import re
import secrets
from datetime import datetime

from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line

LEGAL = re.compile(r"[0-9A-Za-z_-]{1,80}")


def make_name(experiment: str, now: datetime) -> str:
    """A new, unique execution name with the experiment's name and the time."""
    slug = re.sub(r"[^0-9a-z]+", "-", experiment.lower()).strip("-")[:48].strip("-") or "experiment"
    return f"{slug}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def parse_execution_id(text: str) -> str:
    """The id from an execution's name or ARN. Raises CommandError if it is not a legal id."""
    name = text.rsplit(":", 1)[-1] if text.startswith("arn:") else text
    if not LEGAL.fullmatch(name):
        raise CommandError(
            f"{clean_line(text, 120)!r} is not an execution id.",
            "An id has 1 to 80 letters, digits, - and _; `squall status` lists what is running.",
            code=Exit.REFUSED,
        )
    return name

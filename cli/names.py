"""Execution ids: what is legal, what a person may type instead, and new unique ones."""

import re
import secrets
from datetime import datetime

from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean

LEGAL = re.compile(r"[0-9A-Za-z_-]{1,80}")


def new_name(experiment: str, now: datetime) -> str:
    """A legal execution name that says what runs and when, and is taken by nobody."""
    slug = re.sub(r"[^0-9a-z]+", "-", experiment.lower()).strip("-")[:48].strip("-") or "experiment"
    return f"{slug}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def execution_id(given: str) -> str:
    """The id in an execution's name or ARN."""
    name = given.rsplit(":", 1)[-1] if given.startswith("arn:") else given
    if not LEGAL.fullmatch(name):
        raise CommandError(
            f"{clean(given, 120)!r} is not an execution id.",
            "An id has 1 to 80 letters, digits, - and _; `squall status` lists what is running.",
            code=Exit.REFUSED,
        )
    return name

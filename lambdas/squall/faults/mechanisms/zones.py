"""Availability Zones as FIS takes them: by name or by id, several with commas, with or without spaces."""

from typing import Annotated

from pydantic import AfterValidator, Field

ZONE_NAME = r"[a-z]{2,4}(?:-[a-z]+)+-\d(?:-[a-z]+-\d)?[a-z]"
"""As `eu-west-1a`, or `us-west-2-lax-1a` of a Local Zone."""
ZONE_ID = r"[a-z]{2,4}\d(?:-[a-z]+\d)?-az\d{1,2}"
"""As `euw1-az1`, or `usw2-lax1-az1` of a Local Zone: the same zone in every account."""
_ZONE = f"(?:{ZONE_NAME}|{ZONE_ID})"


def split_list(text: str) -> list[str]:
    """The entries of a list with commas, without the spaces around them."""
    return [entry for part in text.split(",") if (entry := part.strip())]


def _remove_spaces(text: str) -> str:
    return ",".join(split_list(text))


Zones = Annotated[str, Field(pattern=rf"^{_ZONE}(, ?{_ZONE}){{0,19}}$", max_length=512), AfterValidator(_remove_spaces)]
"""Names or ids of zones, comma-separated."""

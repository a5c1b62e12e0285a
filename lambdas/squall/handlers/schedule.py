"""Schedule brings the schedules of published experiments and campaigns in line with the catalogue. A schedule calls it every quarter of
an hour, and `squall publish` and `squall catalogue retire` call it at once, with any payload."""

from collections.abc import Mapping
from typing import Any

from squall.application.schedules import align_schedules
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    return align_schedules(get_wiring())

"""What no parser should be given, and problems said once."""

import json
from collections.abc import Iterable, Mapping, Sequence

from squall.domain.base.problems import WHOLE, Problem, show_value

MAXIMUM_BYTES = 64 * 1024
MAXIMUM_DEPTH = 32


def unfit_problems(raw: object) -> list[Problem]:
    """What no parser should be given: not JSON, too deep, too large, or text that is no Unicode."""
    if deeper_than(raw, MAXIMUM_DEPTH):
        return [Problem(path=WHOLE, message="is nested too deeply", expected=f"at most {MAXIMUM_DEPTH} levels")]
    try:
        size = len(json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except UnicodeEncodeError:
        return [Problem(path=WHOLE, message="holds text that is not Unicode (a lone surrogate)")]
    except (TypeError, ValueError) as error:
        return [Problem(path=WHOLE, message=f"is not JSON: {error!s:.200}")]
    if size > MAXIMUM_BYTES:
        return [Problem(path=WHOLE, message=f"is {size} bytes of JSON", expected=f"at most {MAXIMUM_BYTES}")]
    return []


def deeper_than(raw: object, limit: int) -> bool:
    """Whether a value is nested deeper than so many levels."""
    level: list[object] = [raw]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def not_an_object(raw: object, what: str) -> Problem:
    """`what`: as a sentence begins."""
    return Problem(
        path=WHOLE, message=f"{what} is an object; this is {show_value(raw)}", expected='an object, such as {"experiment": "name"}'
    )


def once(problems: Sequence[Problem]) -> list[Problem]:
    """Without repetitions, in order."""
    return list(dict.fromkeys(problems))

"""Limits that untrusted JSON has to keep before anything parses it."""

import json
from collections.abc import Iterable, Mapping, Sequence

from squall.domain.base.problems import WHOLE, Problem, show_value

MAXIMUM_BYTES = 64 * 1024
MAXIMUM_DEPTH = 32


def find_json_problems(raw: object) -> list[Problem]:
    """The problems for which the value may not be parsed: it is not JSON, nested too deeply, too large, or contains
    text that is not Unicode."""
    if is_deeper_than(raw, MAXIMUM_DEPTH):
        return [Problem(path=WHOLE, message="is nested too deeply", expected=f"at most {MAXIMUM_DEPTH} levels")]
    try:
        size = len(json.dumps(raw, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except UnicodeEncodeError:
        return [Problem(path=WHOLE, message="contains text that is not Unicode (a lone surrogate)")]
    except (TypeError, ValueError) as error:
        return [Problem(path=WHOLE, message=f"is not JSON: {error!s:.200}")]
    if size > MAXIMUM_BYTES:
        return [Problem(path=WHOLE, message=f"is {size} bytes of JSON", expected=f"at most {MAXIMUM_BYTES}")]
    return []


def is_deeper_than(raw: object, limit: int) -> bool:
    """Whether a value has more than `limit` levels of nesting. Does not recurse."""
    level: list[object] = [raw]
    for _ in range(limit):
        level = [inner for outer in level for inner in _list_children(outer)]
        if not level:
            return False
    return True


def _list_children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def make_type_problem(raw: object, noun: str) -> Problem:
    """The problem of a value that is not a JSON object. `noun` begins the sentence, such as "an experiment"."""
    return Problem(
        path=WHOLE, message=f"{noun} is an object; this is {show_value(raw)}", expected='an object, such as {"experiment": "name"}'
    )


def remove_duplicates(problems: Sequence[Problem]) -> list[Problem]:
    """Each problem once, in the order of its first mention."""
    return list(dict.fromkeys(problems))

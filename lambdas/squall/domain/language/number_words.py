"""Numbers from thirteen on that people write in words, in digits."""

import re

_SMALL_NUMBERS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
BIG_NUMBER = re.compile(
    rf"\b(?:(?:(?P<many>one|a|two|three|four|five|six|seven|eight|nine|ten)[ -])?(?P<power>hundred|thousand)"
    rf"|(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<ones>{'|'.join(_SMALL_NUMBERS[1:10])}))?|(?P<teen>{'|'.join(_SMALL_NUMBERS[13:])}))\b"
)


def spell_in_digits(match: re.Match[str]) -> str:
    """The digits for a match of BIG_NUMBER: `25` for `twenty-five`, `300` for `three hundred`."""
    if match["power"]:
        many = match["many"] or "one"
        return str((1 if many == "a" else _SMALL_NUMBERS.index(many)) * (100 if match["power"] == "hundred" else 1000))
    if match["teen"]:
        return str(_SMALL_NUMBERS.index(match["teen"]))
    return str(20 + 10 * _TENS.index(match["tens"]) + (_SMALL_NUMBERS.index(match["ones"]) if match["ones"] else 0))

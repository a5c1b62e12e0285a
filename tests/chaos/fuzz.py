"""Inputs with the mistakes of people and programs, each walked through the whole workflow.

No function raises, and an input that is no experiment starts, makes and changes nothing. `python -m tests.chaos.fuzz`
runs 20,000 of them and prints what became of them.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from squall.application.admission import admit
from squall.domain.base.vocabulary import Status
from tests.fakes.world import FakeWorld
from tests.workflow.endings import is_settled, nothing_runs
from tests.workflow.rig import ONE_FAULT, ROOT, SCENARIO, SHAPES, arranged, rel12_experiment, workload

Path_ = tuple[str | int, ...]
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    3,
    2**63,
    -(10**30),
    0.1,
    1e308,
    "",
    " ",
    "x",
    "x" * 5000,
    "\ud800",
    "\x00",
    "'; DROP TABLE squall; --",
    "${x}",
    "{% $x %}",
    "../../etc/passwd",
    "arn:aws:ec2:eu-west-1:123456789012:instance/i-1",
    "i-00000000000000001",
    "*",
    "PT-5M",
    "P1Y",
    "PT0S",
    "PT99999H",
    "PT15M",
    "10 %",
    "101 %",
    "2030-13-45T25:61:61Z",
    "Europe/Atlantis",
    "staging",
    "production",
    [],
    [[]],
    [None],
    ["x"] * 200,
    {},
    {"": ""},
    {"x": {"x": {"x": []}}},
    [{}],
    "NaN",
    "\U0001f4a5",
)
WORDS = (
    "availability",
    "<",
    ">=",
    "99",
    "%",
    "500 ms",
    "p99",
    "response time",
    "no",
    "within",
    "10 minutes",
    "recovers",
    "is",
    "and",
    "not",
    "(",
    "System",
    "CPU",
    "NaN",
)
KEYS = (
    "surprise", "Name", "mode", "trigger", "duration", "fis_template_id", "target", "faults", "after", "delay", "observation",
)  # fmt: skip
NAMES = ("run-1", "run-1", "run-1", "..", "a b", "x" * 80, "ünïcode", "run.1", "-", "RECORD")


@dataclass(frozen=True)
class Input:
    payload: Any
    name: str
    number: int
    """Which of a seed's."""

    def __str__(self) -> str:
        return f"{self.number}: {json.dumps(self.payload)[:300]} as {self.name}"


OF_TESTS = 7
"""How many of the inputs are on the workload of these tests, so that they run unless a change breaks them."""


def inline_experiment(shape: str) -> dict[str, Any]:
    experiment, policy = {**rel12_experiment(workload()), "environment": "staging"}, dict[str, Any]()
    SHAPES[shape](experiment, policy)
    return experiment


@cache
def bases() -> tuple[dict[str, Any], ...]:
    """Inputs that are valid, or nearly: by name, inline, and each experiment of the shipped catalogues."""
    examples: list[dict[str, Any]] = [
        {"experiment": "seed"},
        {"experiment": "seed", "mode": "plan"},
        *({"definition": inline_experiment(shape)} for shape in SHAPES),
        {"definition": inline_experiment(ONE_FAULT), "requested_by": "ada"},
        {"definition": inline_experiment(SCENARIO), "mode": "plan"},
    ]
    assert len(examples) == OF_TESTS
    for folder in ("experiments", "local/experiments"):
        examples += [{"definition": yaml.safe_load(path.read_text())} for path in sorted((ROOT / folder).glob("*.yaml"))]
    return tuple(json.loads(json.dumps(example, default=str)) for example in examples)


@cache
def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))


def is_valid(payload: Any) -> bool:
    """Whether the published schemas accept the input."""
    if not schema("input").is_valid(payload):
        return False
    definition = payload.get("definition")
    return definition is None or schema("experiment").is_valid(definition)


def inputs(count: int, number: int) -> Iterator[Input]:
    dice = random.Random(number)
    for index in range(count):
        payload: Any = copy.deepcopy(dice.choice(bases()[:OF_TESTS] if dice.random() < 0.6 else bases()))
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3, 6))):
            payload = _changed(payload, dice)
        yield Input(payload, dice.choice(NAMES), index)


def _changed(payload: Any, dice: random.Random) -> Any:
    """The payload with one change at a random place."""
    places = list(_places(payload))
    if not places or dice.random() < 0.02:
        return copy.deepcopy(dice.choice(JUNK))
    *way, last = dice.choice(places)
    inside = payload
    for key in way:
        inside = inside[key]
    how = dice.randrange(6)
    if how == 0:
        del inside[last]
    elif how == 1 and isinstance(inside, dict):
        inside[dice.choice(KEYS)] = copy.deepcopy(dice.choice(JUNK))
    elif how == 2 and isinstance(inside[last], str):
        words = [*inside[last].split(), *dice.sample(WORDS, 3)]
        dice.shuffle(words)
        inside[last] = " ".join(words[: dice.randint(1, 12)])
    elif how == 3 and isinstance(inside[last], list):
        inside[last] = inside[last] * dice.choice((2, 50))
    elif how == 4 and isinstance(inside[last], int | float):
        inside[last] = inside[last] * dice.choice((-1, 0, 1000, 0.5))
    else:
        inside[last] = copy.deepcopy(dice.choice(JUNK))
    return payload


def _places(value: Any, way: Path_ = ()) -> Iterator[Path_]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*way, key)
        yield from _places(child, (*way, key))


@dataclass(frozen=True)
class Tried:
    candidate: Input
    valid: bool
    """Whether the published schemas accept it."""
    became: str
    wrong: str = ""


def attempt(candidate: Input) -> Tried:
    valid = is_valid(candidate.payload)
    raised: list[str] = []
    with arranged() as (walk, world):
        vars(admit)["load_deployed"]().environments["staging"].update(inline_definitions=True, minimum_healthy_percent=33)
        real = walk.invoke

        def invoke(function_name: str, payload: dict[str, Any]) -> Any:
            try:
                return real(function_name, payload)
            except Exception as error:
                raised.append(f"{function_name} raised {type(error).__name__}: {error}"[:200])
                raise

        walk.invoke = invoke  # type: ignore[method-assign]
        done = walk.run(candidate.payload, candidate.name)
        walk.pulses(4)
        statuses = [record.status for record in world.records.items.values()]
        became = statuses[0].value if statuses else "unknown"
        wrong = "; ".join(raised) or _wrong(world, done.status, statuses, valid=valid)
    return Tried(candidate, valid, became, wrong)


def _wrong(world: FakeWorld, status: str, statuses: list[Status], *, valid: bool) -> str:
    try:
        assert status == "SUCCEEDED", status
        assert len(statuses) == 1, "not one record"
        assert statuses[0].final, "not final"
        assert statuses[0] is not Status.FAILED, "Squall failed"
        assert valid or statuses[0] is Status.REJECTED, "the schema refuses it, and it was admitted"
        if statuses[0] is Status.REJECTED:
            assert not world.faults.runs, "rejected, and started"
        if not valid:
            made = {"faults.create_template", "alarms.put", "locks.acquire", "locks.acquire_slot"} & set(world.calls)
            assert not made, f"invalid, and {made}"
        assert world.notifier.endings, "nobody was told"
        nothing_runs(world)
        is_settled(world)
    except AssertionError as error:
        return f"{error}".partition("\n")[0]
    return ""


def summary(tried: list[Tried]) -> str:
    """What became of the inputs, in words."""
    became = Counter(f"{outcome.became}{'' if outcome.valid else ', invalid by the schema'}" for outcome in tried)
    survivors = [outcome for outcome in tried if outcome.wrong]
    counts = ", ".join(f"{count} {name}" for name, count in became.most_common())
    return "\n".join(
        [
            f"{len(tried)} inputs: {counts}; {len(survivors)} survivors",
            *(f"  {outcome.wrong} | {outcome.candidate}" for outcome in survivors),
        ]
    )


def main() -> int:
    logging.disable(logging.CRITICAL)
    began = time.process_time()
    tried = [attempt(item) for item in inputs(20_000, 1)]
    print(summary(tried))
    print(f"{time.process_time() - began:.0f} s of one core")
    return 1 if any(item.wrong for item in tried) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What each function's role may write, and which promises of docs/safety.md it could break alone, read from the grants.

`python -m tests.infra.reach` prints both tables of docs/safety.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.functions import to_snake_case
from infra.permissions.attributes import ATTRIBUTES
from infra.permissions.holders import HOLDERS
from squall.domain.safety.fis_template import CHECKED_TAG
from tests.infra.template import Resources, Statement

PROMISES = {
    "fault": "No fault but one that was admitted, pinned and, where the policy asks, approved.",
    "approval": "Nobody approves alone.",
    "stop": "A stop is a stop.",
    "told": "People and machines are told what FIS and the record say.",
    "lock": "No lock is stolen.",
    "halt": "A halt is respected.",
    "verdict": "No verdict is forged.",
}
EVIDENCE = frozenset(
    {
        "baseline.json",
        "template.json",  # the state of each target before the fault
        "series.json",
        "statistics.json",
        "rollback.json",
        "recovery.json",
        "judgement.json",
        "result.json",
    }
)
"""The documents that a verdict and its report rest on."""


@dataclass(frozen=True)
class Power:
    """Something that a role may write or do."""

    words: str
    breaks: tuple[str, ...] = ()
    """The promises that a role with this power alone can break."""


ACTIONS: dict[str, Power | None] = {
    "fis:StartExperiment": Power("start FIS templates that passed FinalCheck", ("halt",)),
    "fis:CreateExperimentTemplate": Power("create FIS templates"),
    "fis:DeleteExperimentTemplate": Power("delete FIS templates of the stack"),
    "fis:StopExperiment": Power("stop experiments of the stack"),
    "fis:TagResource": Power("tag what has no stack's tag"),
    "fis:UpdateSafetyLeverState": Power("move FIS's safety lever", ("halt",)),
    "cloudwatch:PutMetricAlarm": Power("write guards"),
    "cloudwatch:PutCompositeAlarm": Power("write composite alarms"),
    "cloudwatch:DeleteAlarms": Power("delete guards"),
    "cloudwatch:TagResource": None,
    "cloudwatch:PutMetricData": Power("write the sentinel's metrics", ("verdict",)),
    "ssm:PutParameter": Power("write the halt flag", ("halt",)),
    "ssm:StartAutomationExecution": Power("start the rollback documents of the policies", ("fault",)),
    "sns:Publish": Power("send messages", ("told",)),
    "events:PutEvents": Power("send lifecycle events", ("told",)),
    "sqs:SendMessage": None,
    "states:SendTaskSuccess": Power("wake executions"),
    "lambda:InvokeFunction": Power("start the sentinel"),
    "iam:PassRole": None,
    "scheduler:CreateSchedule": Power("make schedules of published experiments"),
    "scheduler:UpdateSchedule": Power("change schedules of published experiments"),
    "scheduler:DeleteSchedule": Power("delete schedules of published experiments"),
    "iam:CreateServiceLinkedRole": None,
}
"""Actions that write, besides those of DynamoDB and S3. None: part of another one, or nothing that a promise rests on."""
READS = ("Get", "List", "Describe", "Query")
TRACES = ("logs:", "xray:", "kms:", "ec2:", "s3:ListBucket")
"""Log and traces, the key, and the network interfaces that Lambda manages with the function's role."""
ITEMS = {
    "EXECUTION#run": "records",
    "TRIGGER#one": "firings of schedules",
    "LOCK#web": "locks",
    "SLOTS": "slots",
    "HALT": "the halt flag's copy",
    "SWEEP": "what the sweep saw",
    "FINDING#one": "findings",
    "SENTINEL#run": "the sentinel's leases",
    "CAMPAIGN#one": "campaigns",
    "CAMPAIGNS": "names of running campaigns",
}
VERBS = {"dynamodb:PutItem": "put", "dynamodb:UpdateItem": "update", "dynamodb:DeleteItem": "delete"}
ITEMS_BREAK = {
    ("put", "records"): ("fault", "stop", "told"),
    ("put", "locks"): ("lock",),
    ("delete", "locks"): ("lock",),
    ("update", "the halt flag's copy"): ("halt",),
    ("put", "the sentinel's leases"): (),
    ("put", "campaigns"): ("stop", "told", "verdict"),
}
CAMPAIGN_ATTRIBUTES = {"abort": ("stop",), "status": ("stop", "told"), "told": ("told",)}
"""Attributes of a campaign's record that updates name, with the promises that rest on them."""
ATTRIBUTES_BREAK = {"votes": ("approval",), "abort": ("stop",), "verdict": ("verdict", "told")}
DOCUMENTS_BREAK = {"discovery.json": ("fault",), "campaign_result.json": ("told", "verdict"), **dict.fromkeys(EVIDENCE, ("verdict",))}


class UnknownPowerError(Exception):
    """A role may write something that nobody has thought about yet."""


def powers(statements: Iterable[Statement]) -> list[Power]:
    """What these statements let their role write, each once."""
    matching_statements = [power for statement in statements for action in statement.actions for power in _of_action(action, statement)]
    return list(dict.fromkeys(matching_statements))


def _of_action(action: str, statement: Statement) -> Iterator[Power]:
    name = action.partition(":")[2]
    if action in VERBS:
        yield from _of_items(VERBS[action], statement)
    elif action == "s3:PutObject":
        yield from _of_documents(statement)
    elif action == "fis:TagResource" and statement.conditions.get("ForAllValues:StringEquals", {}).get("aws:TagKeys") == [CHECKED_TAG]:
        yield Power("mark FIS templates of the stack as checked")
    elif action in ACTIONS:
        if (power := ACTIONS[action]) is not None:
            yield power
    elif not name.startswith(READS) and not action.startswith(TRACES):
        raise UnknownPowerError(action)


def _of_items(verb: str, statement: Statement) -> Iterator[Power]:
    keys = statement.conditions.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ["*"])
    refused = statement.conditions.get("ForAllValues:StringNotEquals", {}).get("dynamodb:Attributes", [])
    for item, words in ITEMS.items():
        if not any(fnmatch(item, key) for key in keys):
            continue
        if (verb, words) == ("update", "campaigns"):
            allowed = statement.conditions.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", CAMPAIGN_ATTRIBUTES)
            yield from (Power(f"`{name}` of campaigns", CAMPAIGN_ATTRIBUTES[name]) for name in CAMPAIGN_ATTRIBUTES if name in allowed)
            continue
        if (verb, words) != ("update", "records"):
            yield Power(f"{verb} {words}", ITEMS_BREAK.get((verb, words), ()))
            continue
        for attribute in sorted(set(ATTRIBUTES) - set(refused)):
            yield Power(f"`{attribute}`", ATTRIBUTES_BREAK.get(attribute, ()))


def _of_documents(statement: Statement) -> Iterator[Power]:
    for resource in statement.resources:
        file = resource.rpartition("/")[2] if "/results/" in resource else resource.partition("/")[2]
        yield Power(f"`{file}`", DOCUMENTS_BREAK.get(file, ()))


def role_rows(stack: Resources) -> list[str]:
    """A row for each function: what its role may write, and the promises that it alone can break."""
    return [f"| {name} | {_list_words(role)} | {_list_breaks(role)} |" for name, role in _powers_of_roles(stack)]


def _list_words(powers_held: Sequence[Power]) -> str:
    return ", ".join(power.words for power in powers_held) or "nothing but its own log"


def _list_breaks(powers_held: Sequence[Power]) -> str:
    broken = {promise for power in powers_held for promise in power.breaks}
    return ", ".join(promise for promise in PROMISES if promise in broken) or "none"


def _powers_of_roles(stack: Resources) -> list[tuple[str, list[Power]]]:
    return [(name, powers(stack.statements(stack.role_of(to_snake_case(name))))) for name in HOLDERS]


def breakers(stack: Resources) -> dict[str, list[str]]:
    """Promise to the functions whose role alone can break it."""
    result = _powers_of_roles(stack)
    return {promise: [name for name, held in result if any(promise in power.breaks for power in held)] for promise in PROMISES}


def main() -> int:
    from tests.infra.conftest import make  # noqa: PLC0415 - it takes seconds to make a template

    with TemporaryDirectory() as folder:
        stack = make(Path(folder))
    print(*role_rows(stack), sep="\n")
    for promise, names in breakers(stack).items():
        print(f"| {promise} | {', '.join(names)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

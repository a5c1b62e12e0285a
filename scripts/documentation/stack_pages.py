"""Reference pages of what is deployed: settings, outputs, events and the permissions of each function."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.permissions.capabilities import make_capabilities
from infra.permissions.holders import FLEET_HOLDERS, HOLDERS
from infra.permissions.names import Names
from infra.settings import Settings
from infra.stack import OUTPUTS
from scripts.documentation.tables import make_code, make_table, read_docstrings
from squall.adapters.eventbridge import CAMPAIGN_DETAIL_TYPE, DETAIL_TYPE, PROMPT_DETAIL_TYPE
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.timeline import DECIDES, EventName

_SHOW_OUTPUTS = "aws cloudformation describe-stacks --stack-name Squall --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output text"
_DETAIL = {
    "execution_id": "the id that every command takes",
    "execution_arn": "the ARN of the Step Functions execution",
    "experiment": "the name of the experiment",
    "environment": "the environment",
    "status": "the status of the run now",
    "verdict": "the verdict, or null before there is one",
    "phase": "the state of the workflow that the run has reached",
    "reason": "the reason of the change in words, at most 4000 characters",
}

_CAMPAIGN_DETAIL = {
    "campaign_id": "the id that `squall campaign` takes",
    "execution_arn": "the ARN of the campaign's Step Functions execution",
    "campaign": "the name of the campaign",
    "status": "`running`, `completed`, `aborted`, `rejected` or `failed`",
    "verdict": "the verdict, or null before there is one",
    "steps": "how many executions it has started",
    "reason": "the answer, or why there is none, at most 4000 characters",
}

_PROMPT_DETAIL = {
    "campaign_id": "the id that `squall campaign` takes",
    "execution_arn": "the ARN of the campaign's Step Functions execution",
    "campaign": "the name of the campaign",
    "prompt": "the name of the prompt",
    "question": "what people are asked",
    "asked_at": "when it was asked",
    "until": "how long it waits for an answer",
    "again": "whether people are asked again, because nobody has answered",
    "command": "the command that answers it; `…` stands for the answer",
}


def make_settings_page() -> str:
    """Every setting of a deployment."""
    meanings = read_docstrings("infra/settings.py", "Settings")
    rows = [
        (make_code(name), _describe_type(field.annotation), _describe_default(field.default), meanings.get(name, ""))
        for name, field in Settings.model_fields.items()
    ]
    return "\n\n".join(
        (
            "# Stack settings",
            (
                "A setting changes what `make deploy` and `make synth` make. No setting needs a change of code. "
                'Pass settings as `CONTEXT="key=value …"`, or write them into the `context` of `cdk.json`. '
                "A list is written as `a,b` in `CONTEXT`, and as a list in `cdk.json`. An unknown setting is refused."
            ),
            make_table(("setting", "type", "default", "meaning"), rows),
        )
    )


def make_outputs_page() -> str:
    """Every output of the stack."""
    rows = [(make_code(name), meaning) for name, meaning in OUTPUTS.items()]
    return "\n\n".join(
        (
            "# Stack outputs",
            "The stack names what other tools need. This command prints all outputs:",
            f"```sh\n{_SHOW_OUTPUTS}\n```",
            make_table(("output", "meaning"), rows),
        )
    )


def make_events_page() -> str:
    """The event on EventBridge, and the events on a run's timeline."""
    meanings = read_docstrings("lambdas/squall/domain/run/timeline.py", "EventName")
    decides = {name.value: words for name, words in DECIDES.items()}
    timeline = [(make_code(name.value), meanings.get(name.name, ""), decides.get(name.value, "")) for name in EventName]
    return "\n\n".join(
        (
            "# Events",
            "Squall tells machines about a run with events on EventBridge. People read the same story as the timeline of a run.",
            "## On EventBridge",
            f"Each event has the source `squall` and the detail type `{DETAIL_TYPE}`. The setting `event_bus_name` names the bus.",
            make_table(("field of the detail", "meaning"), [(make_code(name), words) for name, words in _DETAIL.items()]),
            f"A campaign has the detail type `{CAMPAIGN_DETAIL_TYPE}`.",
            make_table(("field of the detail", "meaning"), [(make_code(name), words) for name, words in _CAMPAIGN_DETAIL.items()]),
            f"A prompt of a game day has the detail type `{PROMPT_DETAIL_TYPE}`.",
            make_table(("field of the detail", "meaning"), [(make_code(name), words) for name, words in _PROMPT_DETAIL.items()]),
            f"Statuses: {_list_words(Status)}. Verdicts: {_list_words(Verdict)}.",
            "This pattern of a rule matches each run that somebody should look at:",
            '```json\n{\n  "source": ["squall"],\n  "detail-type": ["' + DETAIL_TYPE + '"],\n'
            '  "detail": {"verdict": ["refuted", "aborted", "invalid", "inconclusive"]}\n}\n```',
            "## On the timeline of a run",
            (
                "The record and `result.json` hold these names. A name never changes. Some events decide something later in the run: "
                "Squall reads them again."
            ),
            make_table(("event", "meaning", "what it decides later"), timeline),
        )
    )


def make_permissions_page() -> str:
    """What the role of each function may do."""
    parts = [
        "# Permissions",
        (
            "Each Lambda function has a role of its own. A role has the capabilities in the first table, and no more. "
            "The second table has the IAM actions of each capability."
        ),
        (
            "A capability without an action is one that a deployment with default settings does not need. The actions are limited to "
            "the resources of this stack where IAM can do that; the template of `make synth` shows the resources and the conditions."
        ),
        "## Functions",
        make_table(
            ("function", "capabilities"), [(make_code(name), _list_links(held)) for name, held in (HOLDERS | FLEET_HOLDERS).items()]
        ),
        "## Capabilities",
        make_table(("capability", "IAM actions"), _list_capabilities()),
    ]
    return "\n\n".join(parts)


def _list_capabilities() -> Iterator[tuple[str, str]]:
    actions: dict[str, set[str]] = {}
    for function, held in (HOLDERS | FLEET_HOLDERS).items():
        statements = make_capabilities(_SAMPLE_NAMES, function)
        for capability in held:
            actions.setdefault(capability, set()).update(_list_actions(statements[capability]))
    for capability, names in sorted(actions.items()):
        yield make_code(capability), ", ".join(make_code(name) for name in sorted(names))


_SAMPLE_NAMES = Names(
    partition="aws",
    region="eu-west-1",
    account="123456789012",
    stack="Squall",
    table_arn="arn:aws:dynamodb:eu-west-1:123456789012:table/results",
    bucket_arn="arn:aws:s3:::results",
    topic_arn="arn:aws:sns:eu-west-1:123456789012:notifications",
    bus_arn="arn:aws:events:eu-west-1:123456789012:event-bus/default",
    state_machine_name="Squall-Experiment",
    abort_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:abort",
    fis_role_arns=("arn:aws:iam::123456789012:role/fis",),
    fis_actions=("aws:ec2:terminate-instances",),
    kms_key_arn=None,
    dead_letter_arn="arn:aws:sqs:eu-west-1:123456789012:dead-letters",
    schedule_role_arn="arn:aws:iam::123456789012:role/published",
    sentinel_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:sentinel",
)
"""A stack with default settings: the page shows actions, which do not depend on the names."""


def _list_actions(statements: Sequence[Any]) -> Iterator[str]:
    for statement in statements:
        document: Mapping[str, Any] = statement.to_statement_json()
        actions = document["Action"]
        yield from [actions] if isinstance(actions, str) else actions


def _list_links(names: Sequence[str]) -> str:
    return ", ".join(make_code(name) for name in sorted(set(names)))


def _list_words(words: Any) -> str:
    return ", ".join(make_code(word.value) for word in words)


def _describe_type(annotation: Any) -> str:
    text = str(annotation)
    for known, words in (("tuple", "list"), ("bool", "true or false"), ("int", "number"), ("Path", "folder"), ("Literal", "")):
        if known in text and words:
            return words
    if "Literal" in text:
        return " or ".join(make_code(word) for word in text.partition("[")[2].rstrip("]").replace("'", "").split(", "))
    return "text"


def _describe_default(default: Any) -> str:
    if default is None or default == ():
        return ""
    return make_code(str(default).lower() if isinstance(default, bool) else str(default))

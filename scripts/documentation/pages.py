"""The pages of the reference that are generated, by their path in the site."""

import importlib
from collections.abc import Callable

from scripts.schemas import list_names, write_text

_FOLDER = "scripts.documentation"
_INTRODUCTIONS = {
    "experiment": (
        "Experiment file",
        (
            "An experiment is one YAML file in `experiments/`. The name of the file is the name of the experiment in the catalogue. "
            "`squall validate FILE` checks it without AWS."
        ),
    ),
    "environment": (
        "Environment file",
        (
            "An environment is one YAML file in `environments/`. It says what experiments may do there. "
            "[The policy of an environment](../policy.md) explains each rule."
        ),
    ),
    "campaign": (
        "Campaign file",
        (
            "A campaign is one YAML file in `campaigns/`: a suite of experiments, or a ramp of one experiment's dose. "
            "`squall campaign plan NAME` shows what it would run, without AWS. [Run a campaign](../how-to/run-a-campaign.md) has examples."
        ),
    ),
    "fleet": (
        "Fleet file",
        (
            "A fleet is one YAML file, `fleet.yaml`: the stacks of several accounts and Regions, and where they are reached from. "
            "`squall validate fleet.yaml` checks it. [Run a fleet](../how-to/run-a-fleet.md) has the rest."
        ),
    ),
    "input": (
        "Execution input",
        "The input with which an execution starts. `squall run` writes it. The Step Functions console takes it, too.",
    ),
    "result": (
        "Result document",
        "Each run leaves `results/<execution id>/result.json` in the bucket of the stack. `squall show ID --json` prints it.",
    ),
}
_MAKERS = {
    "reference/commands.md": ("command_pages", "make_commands_page"),
    "reference/exit-codes.md": ("command_pages", "make_exit_codes_page"),
    "reference/settings.md": ("stack_pages", "make_settings_page"),
    "reference/outputs.md": ("stack_pages", "make_outputs_page"),
    "reference/events.md": ("stack_pages", "make_events_page"),
    "reference/permissions.md": ("stack_pages", "make_permissions_page"),
}
_OF_SCHEMAS = {f"reference/{name}.md": name for name in _INTRODUCTIONS}
PAGES = (*_OF_SCHEMAS, *_MAKERS)
"""The path of each generated page, relative to docs/."""
SCHEMAS = tuple(f"schemas/{name}.schema.json" for name in list_names())
"""The path of each JSON Schema, in the repository and in the site."""


def write_page(path: str) -> str:
    """The Markdown of one page. Modules are imported here, because those of the stack start Node."""
    if path in _OF_SCHEMAS:
        name = _OF_SCHEMAS[path]
        make_schema_page: Callable[..., str] = importlib.import_module(f"{_FOLDER}.schema_pages").make_schema_page
        return make_schema_page(name, *_INTRODUCTIONS[name])
    module, function = _MAKERS[path]
    return str(getattr(importlib.import_module(f"{_FOLDER}.{module}"), function)())


def write_schema(path: str) -> str:
    """The text of one JSON Schema."""
    return write_text(path.removeprefix("schemas/").removesuffix(".schema.json"))

"""Writes the table of all faults in docs/faults.md, from what their modules declare. `--check` only compares.

PYTHONPATH=lambdas python -m scripts.faults_page [--check]
"""

import sys
from pathlib import Path
from typing import Any

from squall.faults import registry
from squall.faults.base import AnyFault

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
BEGIN, END = "<!-- the faults: python -m scripts.faults_page -->", "<!-- end of the faults -->"


def render_table() -> str:
    """One row for each fault, in the registry's order."""
    head = ["| type | target | what it does | parameters (default) | risk | undone by stopping |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(_render_row(fault) for fault in registry.list_faults())])


def render_page() -> str:
    """The page as it should be on disk."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{render_table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table if it is stale; with --check only report that, and return 1."""
    wanted = render_page()
    if PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"{PAGE} is not what the faults declare: run python -m scripts.faults_page\n")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def _render_row(fault: AnyFault) -> str:
    cells = (
        f"`{fault.type.value}`",
        fault.resource_type.words,
        _summarize_fault(fault),
        ", ".join(_describe_parameter(name, field) for name, field in _list_fields(fault).items()) or "none",
        fault.risk,
        _describe_end(fault),
    )
    return f"| {' | '.join(cells)} |"


def _summarize_fault(fault: AnyFault) -> str:
    """The first paragraph of the fault's docstring on one line, with the documents that it sends."""
    words = " ".join((type(fault).__doc__ or "").split("\n\n")[0].split())
    missing = [name for name in (*fault.actions, *fault.ssm_documents) if name not in words]
    return f"{words.rstrip('.')} ({', '.join(f'`{name}`' for name in missing)})" if missing else words.rstrip(".")


def _list_fields(fault: AnyFault) -> dict[str, dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = fault.parameters.model_json_schema().get("properties", {})
    return fields


def _describe_parameter(name: str, field: dict[str, Any]) -> str:
    known = next((part for part in field.get("anyOf", ()) if part.get("type") != "null"), field)
    values = known.get("enum") or ([known["const"]] if "const" in known else [])
    bounds = f"{known['minimum']}–{known['maximum']}" if "minimum" in known and "maximum" in known else ""
    choices = bounds or " or ".join(str(value) for value in values)
    default_value = field.get("default")
    default = "true" if default_value is True else "false" if default_value is False else default_value
    return " ".join(part for part in (f"`{name}`", choices, f"({default})" if default is not None else "") if part)


def _describe_end(fault: AnyFault) -> str:
    if not fault.instant_actions:
        return "yes"
    if fault.targets_are_replaced:
        return "no: others take the targets' place"
    only = [action for action in fault.actions if action not in fault.instant_actions]
    return f"only {', '.join(f'`{action}`' for action in only)}" if only else "no"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

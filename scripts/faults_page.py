"""Writes the tables of all faults and of all actions of FIS in docs/faults.md, from what modules and the table of actions
declare. `--check` only compares.

PYTHONPATH=lambdas python -m scripts.faults_page [--check]
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.account.fis.effects import EFFECTS
from squall.domain.actions.action import ActionParameter, FisAction
from squall.domain.actions.table import ACTIONS
from squall.domain.metrics.periods import format_length
from squall.faults import registry
from squall.faults.actions.support import Support, find_support
from squall.faults.base import AnyFault

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
BEGIN, END = "<!-- the faults: python -m scripts.faults_page -->", "<!-- end of the faults -->"
ACTIONS_BEGIN, ACTIONS_END = "<!-- the actions: python -m scripts.faults_page -->", "<!-- end of the actions -->"


def render_table() -> str:
    """One row for each fault, in the registry's order."""
    head = ["| type | target | what it does | parameters (default) | risk | undone by stopping |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(_render_row(fault) for fault in (*registry.list_faults(), *registry.list_action_faults()))])


def render_actions() -> str:
    """One row for each action that AWS documents, in the order of its reference."""
    names = ("action", "targets", "parameters (default)", "lasts", "in Squall", "proof", "state before and after", "stopping", "risk")
    head = [f"| {' | '.join(names)} | locally |", "|---" * (len(names) + 1) + "|"]
    return "\n".join([*head, *(_render_action(action) for action in ACTIONS.values())])


def render_page() -> str:
    """The page as it should be on disk."""
    page = _replace_between(PAGE.read_text(encoding="utf-8"), BEGIN, END, render_table())
    return _replace_between(page, ACTIONS_BEGIN, ACTIONS_END, render_actions())


def _replace_between(page: str, begin: str, end: str, text: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


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


def _render_action(action: FisAction) -> str:
    support = find_support(action)
    cells = (
        f"`{action.id}`",
        action.resource_type or "none",
        ", ".join(_describe_action_parameter(parameter) for parameter in action.parameters) or "none",
        "yes" if action.lasts else f"with `{action.length_parameter}`" if action.length_parameter else "no",
        support.words,
        _describe_proof(support),
        action.state or "no call shows it",
        action.undo,
        action.risk,
        EFFECTS.get(action.id, "refused: unknown action"),
    )
    return f"| {' | '.join(cells)} |"


def _describe_action_parameter(parameter: ActionParameter) -> str:
    if parameter.kind == "length" and parameter.least is not None and parameter.greatest is not None:
        bounds = "–".join(format_length(timedelta(seconds=seconds)) for seconds in (parameter.least, parameter.greatest))
    else:
        limits = [f"{limit:g}" if limit is not None else "" for limit in (parameter.least, parameter.greatest)]
        bounds = "–".join(limits) if all(limits) else f"from {limits[0]}" if limits[0] else " or ".join(parameter.choices)
    default = "" if parameter.required else f"({parameter.default or 'optional'})"
    return " ".join(part for part in (f"`{parameter.name}`", bounds, default) if part)


def _describe_proof(support: Support) -> str:
    """The kinds of proof of the faults that inject an action."""
    told = "mechanism and `fault_signal`"
    kinds = dict.fromkeys(told if fault.needs_signal else "state" if fault.proven_by_state else "mechanism" for fault in support.faults)
    if any(fault.requires_signal({}) for fault in support.faults):  # with some parameters
        kinds[told] = None
    return " or ".join(kinds) or "none"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

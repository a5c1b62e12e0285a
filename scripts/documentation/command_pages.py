"""Reference pages of the command line: every command with its arguments and options, and the exit codes."""

from collections.abc import Iterator
from typing import Any

import typer

from cli.exits import Exit
from cli.main import squall
from scripts.documentation.tables import make_code, make_table, read_docstrings
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.judging.verdict import exit_code

_OUTCOMES: tuple[tuple[str, Status, Verdict | None], ...] = (
    ("the hypothesis held", Status.COMPLETED, Verdict.VALIDATED),
    ("the hypothesis did not hold", Status.COMPLETED, Verdict.REFUTED),
    ("a guard fired, or somebody stopped the run", Status.ABORTED, Verdict.ABORTED),
    ("the run was refused before the fault", Status.REJECTED, None),
    ("nothing was injected, or the fault is not proven", Status.COMPLETED, Verdict.INVALID),
    ("the data does not decide it", Status.COMPLETED, Verdict.INCONCLUSIVE),
    ("a plan: everything except the fault was done", Status.PLANNED, None),
    ("Squall itself failed", Status.FAILED, None),
)


def make_commands_page() -> str:
    """Every command of `squall`, in the order of the alphabet."""
    root = typer.main.get_command(squall)
    parts = [
        "# Commands",
        "Each command talks to one deployed stack, with your own AWS credentials.",
        "`squall validate` and `squall local` need no AWS account.",
        "## Options of every command",
        "They may stand before or after the command.",
        _make_parameters(root),
    ]
    for path, command in _walk(root, ("squall",)):
        parts += [f"## {' '.join(path)}", " ".join((command.help or "").split()), f"```text\n{_make_usage(path, command)}\n```"]
        if table := _make_parameters(command):
            parts.append(table)
    return "\n\n".join(parts) + "\n"


def make_exit_codes_page() -> str:
    """The exit codes of `squall run`, which are in the execution's output and in the result, too."""
    meanings = read_docstrings("cli/exits.py", "Exit")
    outcomes = [
        (words, make_code(status.value), make_code(verdict.value if verdict else ""), str(exit_code(status, verdict)))
        for words, status, verdict in _OUTCOMES
    ]
    codes = [(str(code.value), code.name.lower(), meanings.get(code.name, "")) for code in Exit]
    return "\n\n".join(
        (
            "# Exit codes",
            "`squall run` exits with a code for its outcome. So a script or a pipeline can decide what to do next.",
            "## Outcomes of a run",
            make_table(("outcome", "status", "verdict", "exit code"), outcomes),
            (
                "Each of these executions ends as `SUCCEEDED` in Step Functions. So nobody redrives a run without its lock and its guards. "
                "The output of the execution says how the run ended."
            ),
            "## Codes of every command",
            "Other commands use 0 for success and the codes 3, 4 and 5 for their failures.",
            make_table(("code", "name", "meaning"), codes),
        )
    )


def list_parameters(command: Any) -> list[Any]:
    """The arguments and options of a command, without those that typer adds."""
    return [parameter for parameter in command.params if parameter.name not in {"help", "install_completion", "show_completion"}]


def _walk(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _walk(command, (*path, name))
        else:
            yield (*path, name), command


def _make_usage(path: tuple[str, ...], command: Any) -> str:
    parameters = list_parameters(command)
    arguments = [str(parameter.metavar or parameter.name.upper()) for parameter in parameters if parameter.param_type_name == "argument"]
    required = [f"{parameter.opts[0]} …" for parameter in parameters if parameter.param_type_name == "option" and parameter.required]
    optional = ["[options]"] if len(parameters) > len(arguments) + len(required) else []
    return " ".join((*path, *arguments, *required, *optional))


def _make_parameters(command: Any) -> str:
    rows = []
    for parameter in list_parameters(command):
        names = ", ".join(make_code(name) for name in (*parameter.opts, *parameter.secondary_opts))
        is_argument = parameter.param_type_name == "argument"
        metavar = parameter.metavar or ""
        title = make_code(str(metavar or parameter.name.upper())) if is_argument else names + (f" {make_code(metavar)}" if metavar else "")
        rows.append((title, parameter.help or "", _describe_default(parameter)))
    return make_table(("argument or option", "meaning", "default"), rows) if rows else ""


def _describe_default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = getattr(parameter.default, "value", parameter.default)
    if isinstance(default, bool):
        return "on" if default and parameter.secondary_opts else ""
    return "" if default in (None, "", ()) else make_code(str(default))

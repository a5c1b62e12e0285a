"""Attempts one clean-up step after the other, and keeps each failed step with the command that does it by hand.

Closing a run, halting the stack, sweeping orphans and the pulse use it. Imports nothing heavy, because the halt
function loads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from squall.domain.run.commands import delete_template_command, list_experiments_command, stop_experiment_command
from squall.domain.run.fis_state import FisExperiment, FisTemplate
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

P = ParamSpec("P")
R = TypeVar("R")

LIST_TEMPLATES = "aws fis list-experiment-templates"
LIST_EXPERIMENTS = "aws fis list-experiments --query \"experiments[?state.status=='running' || state.status=='initiating'].[id,tags]\""
ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class Leftover:
    """Something that still exists, or a step that could not be done."""

    label: str
    command: str
    """The AWS CLI command that removes it, or does the step, by hand."""
    reason: str = ""
    cause: Exception | None = field(default=None, compare=False)

    @property
    def description(self) -> str:
        return f"{self.label} ({self.reason})" if self.reason else self.label

    def __str__(self) -> str:
        return f"{self.description}: {self.command}"


class Cleanup:
    """Attempts steps. A step that fails does not keep the next one from being tried.

    `survives`: the exceptions that count as a failed step; everything else is raised.
    """

    def __init__(self, w: Wiring, survives: tuple[type[Exception], ...] = (Unavailable, Refused)) -> None:
        self.w = w
        self._survives = survives
        self._leftovers: dict[str, Leftover] = {}
        self._refused: dict[str, Leftover] = {}

    @property
    def leftovers(self) -> tuple[Leftover, ...]:
        return tuple(self._leftovers.values())

    @property
    def refused(self) -> tuple[Leftover, ...]:
        """What a record or a list leads to although it is not ours. It was left alone; nothing has to be done again."""
        return tuple(self._refused.values())

    @property
    def failures(self) -> list[Exception]:
        """The exceptions of the steps that failed."""
        return [leftover.cause for leftover in self.leftovers if leftover.cause]

    def attempt(self, label: str, command: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        """The step's result; None if it failed. A step that fails first and works later does not count as failed.

        `label` names the step for people, `command` does it by hand.
        """
        try:
            result = act(*args, **kwargs)
        except self._survives as error:
            self._leftovers[label] = Leftover(label, command, _text_of(error), error)
            return None
        self._leftovers.pop(label, None)
        return result

    def leave(self, label: str, command: str, reason: str = "") -> None:
        """Report something that still exists although no step failed."""
        self._leftovers[label] = Leftover(label, command, reason)

    def refuse(self, label: str, command: str, reason: str) -> None:
        """Name something that is not ours and was therefore left alone. `command` shows it."""
        self._refused[label] = Leftover(label, command, reason)

    def has_failed(self, label: str) -> bool:
        return label in self._leftovers

    def forget(self) -> None:
        """Start another round: only leftovers of the new round count."""
        self._leftovers.clear()
        self._refused.clear()

    def list_templates(self) -> Sequence[FisTemplate]:
        """This stack's FIS templates; empty if they can't be listed."""
        return self.attempt("the list of FIS templates", LIST_TEMPLATES, self.w.faults.own_templates, self.w.settings.stack) or ()

    def list_experiments_of(self, template_id: str) -> Sequence[FisExperiment]:
        """Every experiment that was started from the template; empty if they can't be listed."""
        command = list_experiments_command(template_id)
        return self.attempt(f"experiments of {template_id}", command, self.w.faults.of_template, template_id) or ()

    def list_experiments_of_run(self, execution_id: str) -> Sequence[FisExperiment]:
        """Every experiment with the tag of the execution; empty if they can't be listed."""
        stack = self.w.settings.stack
        return self.attempt(f"experiments of {execution_id}", LIST_EXPERIMENTS, self.w.faults.of_execution, stack, execution_id) or ()

    def list_active_experiments(self) -> Sequence[FisExperiment]:
        """This stack's experiments that have not ended, by their tags; empty if they can't be listed."""
        active = self.attempt("the list of FIS experiments", LIST_EXPERIMENTS, self.w.faults.active) or ()
        return [fis for fis in active if fis.tags.get("squall:stack") == self.w.settings.stack]

    def stop_experiment(self, experiment_id: str) -> bool | None:
        """False if the experiment had ended before; None if FIS could not be asked to stop it."""
        command = stop_experiment_command(experiment_id)
        return self.attempt(f"FIS experiment {experiment_id}", command, self.w.faults.stop, experiment_id)


def delete_template(cleanup: Cleanup, template_id: str) -> bool | None:
    """False if the template was gone before; None if it could not be deleted.

    A function beside the class, because a halt deletes no template and its role may not.
    """
    command = delete_template_command(template_id)
    return cleanup.attempt(f"FIS template {template_id}", command, cleanup.w.faults.delete_template, template_id)


def _text_of(error: Exception) -> str:
    """The error as text. An AWS error already names its source; for any other error the type is added."""
    text = str(error) if isinstance(error, Unavailable | Refused) else f"{type(error).__name__}: {error}"
    return text[:ERROR_CHARACTERS]

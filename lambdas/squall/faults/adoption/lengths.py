"""Lengths of a FIS template that the experiment replaces by its own: those that its `override_ranges` list."""

from collections.abc import Iterator
from datetime import timedelta

from squall.domain.base.problems import Problem
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length

DURATION, OBSERVATION = "duration_minutes", "observation_minutes"
"""Keys of `override_ranges`. Besides a template they let the experiment, and its executions, say another length."""


def with_template_lengths(experiment: Experiment, length: timedelta | None) -> Experiment:
    """The experiment as the template would say its lengths, where the experiment replaces them. `length`: the template's; None
    if it says none."""
    changes: dict[str, timedelta | None] = {}
    if DURATION in experiment.override_ranges and length is not None:
        changes |= {"duration": length, "duration_minutes": None}
    if OBSERVATION in experiment.override_ranges:
        changes["observation"] = None
    return experiment.model_copy(update=changes)


def find_range_problems(experiment: Experiment) -> Iterator[Problem]:
    """Lengths of the experiment, after overrides, outside the ranges within which they replace those of the template."""
    lengths = {DURATION: ("duration", experiment.length), OBSERVATION: ("observation", experiment.observation)}
    for name, (field, length) in lengths.items():
        bounds = experiment.override_ranges.get(name)
        if bounds is None or length is None or bounds[0] <= length / timedelta(minutes=1) <= bounds[1]:
            continue
        message = f"{format_length(length)} is outside of override_ranges.{name}"
        yield Problem(path=field, message=message, expected=f"{bounds[0]:g} to {bounds[1]:g} minutes")

"""The faults of a scenario for people: what each does to which targets, and when."""

from squall.domain.documents.discovery import Discovery
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.resources.types import join_ids


def describe_faults(experiment: Experiment, discovery: Discovery) -> list[str]:
    """A line for each fault in the order in which they begin; none for an experiment with one fault.

    FIS needs time to begin and to end actions, so what follows others begins a little later.
    """
    if not experiment.faults:
        return []
    lines = []
    for fault in experiment.plan:
        begins = f"{format_length(fault.start)} after the beginning" if fault.start else "from the beginning"
        targets = join_ids(discovery.targets_of(fault.name)) or "nothing"
        lines.append(f"{fault.words} on {targets}, {begins}, for {format_length(fault.length)}")
    return lines

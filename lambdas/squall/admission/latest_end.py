"""When a run has ended by itself at the latest, counted from the start of its fault."""

from datetime import timedelta

from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.faults import registry
from squall.faults.plan import BoundFault, find_lead, planned_end

JUDGING = timedelta(minutes=20)
"""For late metrics, of which a custom one may come 15 minutes late, for judging and recording, and for the pulse if it has to
close the run."""


def find_latest_end(experiment: Experiment, environment: Environment) -> timedelta:
    """The sum of what the policy and the experiment let each of the run's parts take. Raises UnknownFaultError."""
    plan = [BoundFault(planned, registry.bind_fault(planned, environment)) for planned in experiment.plan]
    observed = max(bound.fault.action_length(experiment.observed_length) for bound in plan)
    timing, document = environment.timing, experiment.rollback.document if experiment.rollback else ""
    undone = environment.rollback_documents[document].timeout_seconds if document in environment.rollback_documents else 0
    recovery = experiment.recovery or timedelta(seconds=timing.recovery_seconds)
    return (
        find_lead(experiment.plan) + max(planned_end(plan), observed) + timedelta(seconds=timing.stop_seconds + undone) + recovery + JUDGING
    )

"""Discover: what the targets are, what they belong to, which are pinned, and how the promises are measured.

It never ends a run itself: what is wrong is written down and CheckSafety refuses, so that every check is on the record.
"""

from squall.application.sentinel import sentinel_dimensions
from squall.application.step import NEXT, Outcome, Step, step
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.refusal import Refusal
from squall.domain.experiment.sentences import sentences
from squall.domain.metrics.bindings import bind
from squall.domain.metrics.periods import sentinel_period
from squall.domain.metrics.scopes import SentinelSource
from squall.domain.resources.types import ids
from squall.domain.targets.failure_domains import failure_domains
from squall.domain.targets.pinning import pin


@step("Discover")
def handler(step: Step) -> Outcome:
    experiment, environment = step.definition.experiment, step.definition.environment
    target = experiment.target
    workload = step.w.inventory.describe(
        experiment.named,
        target.tags if target else {},
        target.filters if target else {},
        step.now,
        resource_type=experiment.resource_type,
        service=experiment.service,
    )
    parsed = sentences(experiment)
    seed = step.run.id
    pinned, unpinnable = pin(workload, experiment, environment, seed, opt_in_tag=step.w.settings.opt_in_tag)
    bindings, unmeasurable = bind(
        parsed.metrics,
        parsed.statistics,
        experiment.metrics,
        workload,
        environment.timing,
        pinned=pinned or workload.resources,  # nothing pinned is refused anyway: the checks still say what could be measured
        paths=parsed.paths,
        sentinel=_sentinel(step),
    )
    discovery = Discovery(
        workload=workload,
        pinned=pinned,
        seed=seed,
        failure_domains=failure_domains(workload, pinned),
        bindings=bindings,
    )
    step.put(discovery)
    problems = (*unpinnable, *unmeasurable)
    if problems:
        step.put(Refusal(at=step.now, problems=problems))
    step.note("discovered", ids(pinned) or "nothing can be pinned")
    return NEXT


def _sentinel(step: Step) -> SentinelSource | None:
    experiment = step.definition.experiment
    if experiment.sentinel is None:
        return None
    period = sentinel_period(experiment.length, experiment.recovery, step.definition.environment.timing)
    return SentinelSource(tuple(sorted(sentinel_dimensions(step.w.settings.stack, step.run.id).items())), period)

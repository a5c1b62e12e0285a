"""Discovers the targets and what they belong to, pins some of them, and finds how the experiment's metrics are
measured.

Discovery never ends a run. It writes down what is wrong, and CheckSafety refuses the run, so that every check is
recorded.
"""

from dataclasses import replace

from squall.application.sentinel import sentinel_dimensions
from squall.application.step import NEXT, Outcome, Step
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.refusal import Refusal
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.experiment.target import Target
from squall.domain.metrics.bindings import bind_metrics
from squall.domain.metrics.periods import sentinel_period
from squall.domain.metrics.scopes import SentinelSource
from squall.domain.resources.base import Resource
from squall.domain.resources.felt import join_felt, list_measured
from squall.domain.resources.types import join_ids
from squall.domain.resources.workload import Workload, join_workloads
from squall.domain.run.timeline import EventName
from squall.domain.targets.failure_domains import failure_domains
from squall.domain.targets.locking import find_lock_problems
from squall.domain.targets.pinning import Asked, Rules, find_candidates, pin_targets
from squall.faults.custom.touched import find_touched_problems
from squall.faults.plan import BoundFault, bind_plan, find_template_problems


def discover_targets(step: Step) -> Outcome:
    """Write the document `discovery`, and `refusal` if something is wrong."""
    experiment, environment = step.definition.experiment, step.definition.environment
    asked, candidates = _describe_candidates(step)
    beside = _describe_touched(step)
    parts = (*candidates, *(part for _, part, _ in beside))
    workload = join_workloads(parts)
    parsed = parse_sentences(experiment)
    seed = step.run.id
    rules = Rules(workload, experiment.blast_radius, environment, seed, step.w.settings.opt_in_tag)
    pins, unpinnable = pin_targets(asked, rules)
    pinned = tuple({target.arn: target for targets in pins.values() for target in targets}.values())
    touched = join_felt([resource for _, _, found in beside for resource in found], ())
    bindings, unmeasurable = bind_metrics(
        parsed.metrics,
        parsed.statistics,
        experiment.metrics,
        workload,
        environment.timing,
        # Without a pinned target the run is refused, and the checks still say what can be measured.
        pinned=list_measured(workload, pinned, touched) or workload.resources,
        paths=parsed.paths,
        sentinel=_describe_sentinel(step),
    )
    discovery = Discovery(
        workload=workload,
        pinned=pinned,
        seed=seed,
        failure_domains=failure_domains(workload, join_felt(pinned, touched)),
        bindings=bindings,
        faults={name: targets for name, targets in pins.items() if name},
        touched=touched,
        parts=parts if len(parts) > 1 else (),
        opt_in={step.w.settings.opt_in_tag: environment.name},
    )
    step.put(discovery)
    # Without a candidate, what can't be measured follows from what is missing.
    found = all(find_candidates(each.workload, each.fault) for each in asked)
    unpinnable += find_touched_problems([(bound, found) for bound, _, found in beside], pinned, experiment.blast_radius)
    unpinnable += find_lock_problems(workload, pinned, touched)
    problems = (*unpinnable, *(unmeasurable if found else ()), *(find_template_problems(step.definition, discovery) if pinned else ()))
    if problems:
        step.put(Refusal(at=step.now, problems=problems))
    also = f"; felt by {join_ids(touched)}, too" if touched else ""
    step.note(EventName.DISCOVERED, f"{join_ids(pinned)}{also}" if pinned else "nothing can be pinned")
    return NEXT


def _describe_candidates(step: Step) -> tuple[list[Asked], tuple[Workload, ...]]:
    """Each fault with the workload around its candidates, and the workloads. Faults that choose alike share one."""
    parts: dict[str, Workload] = {}
    asked = []
    for bound in bind_plan(step.definition):
        fault = bound.planned
        choice = repr((fault.named, fault.resource_type, fault.target and (fault.target.tags, fault.target.filters)))
        if choice not in parts:
            parts[choice] = _describe_workload(step, fault)
        asked.append(Asked(fault, parts[choice], bound.traits))
    return asked, tuple(parts.values())


def _describe_touched(step: Step) -> list[tuple[BoundFault, Workload, tuple[Resource, ...]]]:
    """What the policy says feels a fault besides its targets: each such fault, the workload around those, and they themselves."""
    described = []
    for bound in bind_plan(step.definition):
        if bound.fault.beside is None:
            continue
        kind, touched = bound.fault.beside
        target = Target(resource_type=kind, arns=touched.arns, tags=touched.tags)
        part = _describe_workload(step, replace(bound.planned, target_resources=(), target=target))
        found = find_candidates(part, replace(bound.planned, target_resources=(), target=target))
        described.append((bound, part, found))
    return described


def _describe_workload(step: Step, fault: PlannedFault) -> Workload:
    """The workload around the candidates of a fault.

    An ARN of another partition, Region or account counts as missing, even if something here has the same name. Tags and
    filters only narrow what is named, so if nothing that is named is here, nothing is searched.
    """
    target, service = fault.target, step.definition.experiment.service
    elsewhere = tuple(name for name in dict.fromkeys(fault.named) if not step.definition.is_here(name))
    here = [name for name in fault.named if name not in elsewhere]
    if elsewhere and not here:
        return Workload(at=step.now, instances=(), missing=elsewhere, service=service)
    workload = step.w.inventory.describe(
        here,
        target.tags if target else {},
        target.filters if target else {},
        step.now,
        resource_type=fault.resource_type,
        service=service,
    )
    return workload.model_copy(update={"missing": (*workload.missing, *elsewhere)})


def _describe_sentinel(step: Step) -> SentinelSource | None:
    """How the sentinel's metrics of this run are found in CloudWatch; None for an experiment without a sentinel."""
    experiment = step.definition.experiment
    if experiment.sentinel is None:
        return None
    period = sentinel_period(experiment.observed_length, experiment.recovery, step.definition.environment.timing)
    return SentinelSource(tuple(sorted(sentinel_dimensions(step.w.settings.stack, step.run.id).items())), period)

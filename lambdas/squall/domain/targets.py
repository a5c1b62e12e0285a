"""Which targets an experiment may touch: candidates in, a pinned list bounded by the blast radius out."""

from collections.abc import Iterable

from squall.domain.documents import Instance, Workload
from squall.domain.environment import Environment
from squall.domain.experiment import Experiment
from squall.domain.problems import Problem


def failure_domains(workload: Workload, instances: Iterable[Instance]) -> tuple[str, ...]:
    """Lock keys: `asg/<name>`, `tg/<name/id>`, else `instance/<id>`; sorted."""
    raise NotImplementedError


def pin(
    workload: Workload, experiment: Experiment, environment: Environment, seed: str, *, opt_in_tag: str = "squall:environment"
) -> tuple[tuple[Instance, ...], list[Problem]]:
    """The instances the fault runs on, by ARN, or every reason why none can be chosen."""
    raise NotImplementedError

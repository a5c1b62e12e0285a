"""What only concerns a Region that gets no fault and carries the load of the others."""

from collections.abc import Iterator

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.sentences import Parsed, parse_sentences
from squall.domain.language.sentences import Replacement, Threshold

TRAFFIC = "request_rate"
"""The canonical metric that tells whether load arrived."""
UNCHANGED = {"ratio": 100.0, "change": 0.0, "difference": 0.0}
"""The number of a comparison with the baseline that means: as before."""


def find_nothing(path: str) -> Problem:
    """The problem that an experiment asks for no fault."""
    message = f"{FaultType.NO_FAULT.value} injects nothing, so that nothing would be tested"
    return Problem(path=path, message=message, expected="a fault, or fault: none below one of several regions")


def find_carrying_problems(experiment: Experiment) -> Iterator[Problem]:
    """Why the sentences of such a Region could be met although it carries nothing, or could never be met."""
    sentences = parse_sentences(experiment)
    if not any(criterion.critical and _shows_load(parsed, experiment) for _, criterion, parsed in sentences.criteria):
        message = "no critical criterion shows that the load arrived: without one a Region that nobody turned to would be validated"
        expected = "one such as {text: Request rate > 130 % of baseline, critical: true}"
        yield Problem(path="success_criteria", message=message, expected=expected)
    for path, _, parsed in sentences.criteria:
        if isinstance(parsed, Replacement):
            message = "nothing has to be replaced in a Region without a fault"
            yield Problem(path=path, message=message, expected="a criterion of what serves there")


def _shows_load(parsed: Parsed, experiment: Experiment) -> bool:
    """Whether the sentence is only true if there is more to do than before: more requests, or more of a metric of the
    experiment's own."""
    if not isinstance(parsed, Threshold) or parsed.relative is None or parsed.comparator not in {">", ">="}:
        return False
    if parsed.window not in {"fault", "observation"}:
        return False
    return (parsed.metric == TRAFFIC or parsed.metric in experiment.metrics) and parsed.value > UNCHANGED[parsed.relative]

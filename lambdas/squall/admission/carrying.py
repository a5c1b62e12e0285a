"""What only concerns a Region that gets no fault and carries the load of the others."""

from collections.abc import Iterator

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.sentences import Parsed, parse_sentences
from squall.domain.language.sentences import Replacement, Threshold

TRAFFIC = "request_rate"
"""The canonical metric that tells whether load arrived."""
MARGIN = {"ratio": 110.0, "change": 10.0}
"""The least number of a comparison with the baseline that the usual ups and downs of traffic do not reach. A difference in
requests has none: what it means depends on how many there are."""
COUNTS = frozenset({"Sum", "SampleCount"})
"""Statistics of an own metric that counts something: a level, such as a disk's, rises for other reasons, too."""


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
    """Whether the sentence is only true if there is clearly more to do than before: more requests, or more of what a metric of
    the experiment's own counts."""
    if not isinstance(parsed, Threshold) or parsed.relative not in MARGIN or parsed.comparator not in {">", ">="}:
        return False
    own = experiment.metrics.get(parsed.metric)
    counts = parsed.metric == TRAFFIC or (own is not None and own.statistic in COUNTS)
    return counts and parsed.window in {"fault", "observation"} and parsed.value >= MARGIN[parsed.relative]

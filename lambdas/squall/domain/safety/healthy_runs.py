"""Whether the guards leave healthy runs alone: how often they would have fired in the last days, without a fault."""

from collections.abc import Mapping

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.false_aborts import ADVISED_PERCENT, FalseAborts
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.safety.inputs import Answer, Check, SafetyInput


def _check_healthy_runs(inputs: SafetyInput) -> Answer:
    """A share above the policy's limit fails, one above 1 % warns, and so does one that can't be told yet. Metrics that
    can have no history pass, with the reason in the detail, because nobody could change that."""
    if inputs.false_aborts is None:
        return None, "the history of the guards' metrics could not be read"
    forecasts = {forecast.condition: forecast for forecast in inputs.false_aborts}
    conditions = [condition.text for _, condition in parse_sentences(inputs.definition.experiment).conditions]
    limit = inputs.definition.environment.guard_quality.false_abort
    known = [forecasts[text] for text in conditions if text in forecasts]
    details = [_describe_forecast(forecast, limit) for forecast in known]
    details += [f'"{text}" can\'t be told: its history was not counted' for text in conditions if text not in forecasts]
    detail = "; ".join(details) or "there is no abort condition"
    if limit is not None and any(forecast.exceeds(limit) for forecast in known):
        return False, detail
    doubtful = [forecast for forecast in known if forecast.exceeds_advice or forecast.told == "too_little_history"]
    return (CheckOutcome.WARNED if doubtful or len(known) < len(conditions) else True), detail


def _describe_forecast(forecast: FalseAborts, limit: float | None) -> str:
    if not forecast.exceeds(min(ADVISED_PERCENT, limit or ADVISED_PERCENT)):
        return forecast.said
    refused = limit is not None and forecast.exceeds(limit)
    bound = f"more than the {limit:g} % that the policy allows" if refused else f"more than the {ADVISED_PERCENT:g} % advised"
    return f"{forecast.said}, {bound}; {forecast.advice}"


ALWAYS: Mapping[str, Check] = {
    "guards_spare_healthy_runs": _check_healthy_runs,
}

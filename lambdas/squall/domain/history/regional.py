"""The runs over several Regions of a period, by the parts that ran in this Region."""

from squall.domain.history.period_report import RegionalPart, RegionalRun
from squall.domain.history.summary import RunSummary

MOST = 50
"""How many runs over several Regions a report shows at most, the newest ones."""


class RegionalCount:
    """Collects parts in any order."""

    def __init__(self) -> None:
        self._parts: dict[str, RunSummary] = {}

    def add(self, run: RunSummary) -> None:
        """Note the part, if the run is one. Each run over several Regions has one part here."""
        if run.whole:
            self._parts[run.whole] = run

    def list_runs(self) -> tuple[RegionalRun, ...]:
        """The runs, the newest first. How the whole run and its other parts ended is known at home alone."""
        newest = sorted(self._parts.values(), key=lambda run: run.started_at, reverse=True)[:MOST]
        return tuple(map(_make_run, newest))


def _make_run(part: RunSummary) -> RegionalRun:
    own = RegionalPart(execution_id=part.execution_id, outcome=(part.verdict or part.status).value)
    return RegionalRun(id=part.whole, experiment=part.experiment, home=part.home, started_at=part.started_at, parts=(own,))

"""How often a guard would have aborted healthy runs, as `safety.json` and `result.json` keep it."""

from typing import Literal

from squall.domain.base.model import Model

ADVISED_PERCENT = 1.0
"""The largest share of healthy runs that a guard should abort."""


class FalseAborts(Model):
    """The share of healthy runs that one guard would have aborted in the last days of its metric."""

    condition: str
    """The sentence of the abort condition."""
    metric: str
    told: Literal["told", "too_little_history", "no_history"]
    """`too_little_history`: the metric is new, or the fault is long. `no_history`: CloudWatch can have none, because the metric
    begins with the run or its periods are kept for hours only."""
    why: str = ""
    """Why it can't be told; empty if it is."""
    days: float = 0.0
    """Length of the history, without what other experiments disturbed."""
    run_seconds: int
    """Length of a run: that of the fault, in whole periods."""
    runs: int = 0
    """Windows of that length in which a run could have started."""
    aborted: int = 0
    not_started: int = 0
    """Windows before which the guard already fired, so that no run would have started."""
    percent: float | None = None
    """Share of the runs that were aborted; None if it can't be told."""
    low: float | None = None
    """Lower end of its interval, in percent, with a confidence of 95 %."""
    high: float | None = None
    """Upper end, with a confidence of 95 %."""
    instead: tuple[str, ...] = ()
    """Abort conditions on the same metric that would have aborted at most 1 % of the runs, where this one aborts more."""
    instead_high: float | None = None
    """The upper end of the interval for the least certain of them."""

    def exceeds(self, percent: float) -> bool:
        """Whether the share is known, and larger."""
        return self.percent is not None and self.percent > percent

    @property
    def exceeds_advice(self) -> bool:
        return self.exceeds(ADVISED_PERCENT)

    @property
    def share(self) -> str:
        """The share with its interval, in words."""
        if self.percent is None or self.low is None or self.high is None:
            return "can't be told"
        return f"{_format_percent(self.percent)} % ({_format_percent(self.low)} to {_format_percent(self.high)} %)"

    @property
    def history(self) -> str:
        """What the share was counted in."""
        length, period = _split_length(self.run_seconds)
        started = f"; {self.not_started} more would not have started" if self.not_started else ""
        return f"{self.aborted} of {self.runs} healthy runs of {length:g} {period} in the last {self.days:.3g} days{started}"

    @property
    def said(self) -> str:
        """The share as a sentence, or why it can't be told."""
        if self.told != "told":
            return f'"{self.condition}" can\'t be told: {self.why}'
        return f'"{self.condition}" would have aborted {self.history}: {self.share}'

    @property
    def advice(self) -> str:
        """The conditions that would have aborted at most 1 %, in words."""
        if not self.instead:
            return "no other threshold and no longer `for` of it would have aborted at most 1 %: watch another metric or statistic"
        short = self.instead_high is not None and self.instead_high > 1
        share = f"none of them (at most {_format_percent(self.instead_high or 0)} %)" if short else "at most 1 %"
        return f"{' or '.join(f'`{text}`' for text in self.instead)} would have aborted {share}"


def _split_length(seconds: int) -> tuple[float, str]:
    return (seconds / 60, "min") if seconds % 60 == 0 else (seconds, "s")


def _format_percent(percent: float) -> str:
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}" if percent >= 1 else f"{percent:.1f}"

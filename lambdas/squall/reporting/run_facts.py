"""Everything that a report is made from: the record, the result and the documents of the run."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import Sentences, parse_sentences
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.faults.plan import traits_of
from squall.faults.registry import UnknownFaultError


@dataclass(frozen=True)
class RecoveredIn:
    """The time to recover, from a zero that is named."""

    seconds: float
    zero: str
    """What the seconds count from, in words: `the fault ended`."""
    at_the_latest: bool = False
    """Whether the seconds are only an upper bound."""
    throughout: bool = False
    """Whether everything held from the effect on, so that there was nothing to recover from."""


def measure_recovery(
    result: Result, effect_at: datetime | None, over_at: datetime | None, *, ends_at_once: bool = False
) -> RecoveredIn | None:
    """How long the workload took to recover from a fault that took effect and was over at these times; None if it did not recover, or
    if that is not known."""
    recovery = result.recovery
    if recovery is None or not recovery.recovered or recovery.recovered_at is None or effect_at is None:
        return None
    at, latest = recovery.recovered_at, recovery.recovered_after is not None
    if ends_at_once or over_at is None or at < over_at:
        seconds = max(0.0, (at - effect_at).total_seconds())
        return RecoveredIn(seconds, "the fault took effect", at_the_latest=latest, throughout=at <= effect_at)
    return RecoveredIn((at - over_at).total_seconds(), "the fault ended", at_the_latest=latest)


@dataclass(frozen=True)
class Facts:
    record: ExecutionRecord
    result: Result
    bucket: str
    definition: Definition | None = None
    discovery: Discovery | None = None
    baseline: Baseline | None = None
    template: FaultTemplate | None = None
    fault: FaultReport | None = None
    series: SeriesDocument | None = None

    @property
    def word(self) -> str:
        """The verdict; the status if there is none."""
        return (self.result.verdict or self.result.status).value

    @property
    def name(self) -> str:
        return self.result.experiment_name or self.record.experiment or self.record.id

    @cached_property
    def parsed(self) -> Sentences | None:
        """The experiment's sentences; None without a definition, and if this version can't parse them."""
        if self.definition is None:
            return None
        try:
            return parse_sentences(self.definition.experiment)
        except InvalidInput:
            return None

    @property
    def effect_at(self) -> datetime | None:
        """The time at which the fault took effect on the first target, from which every time after the effect is
        counted.

        It is the one that Judge used. If nothing was judged, it comes from the proofs of the mechanism, else it is the
        start in FIS. None if there was no fault.
        """
        if self.record.fault_started_at is None or self.record.ended_in_lead:
            return None
        proofs = self.result.rollback.proofs if self.result.rollback else ()
        effects = [proof.at for proof in proofs if proof.proven and proof.kind == "mechanism" and proof.at]
        return self.result.times.effect_at or (min(effects) if effects else self.record.begins_at)

    @property
    def fault_over_at(self) -> datetime | None:
        """The time at which the last target was free of the fault, from which every time after the fault's end is
        counted.

        It is the one that Judge used. If nothing was judged, it is the end in FIS.
        """
        return self.result.times.fault_ended_at or self.record.fault_ended_at

    @property
    def ends_at_once(self) -> bool:
        """Whether the fault is over as soon as it has taken effect; False if this version does not know the fault."""
        if self.definition is not None:
            with suppress(UnknownFaultError, InvalidInput):
                return traits_of(self.definition).ends_at_once
        return False

    @property
    def observes_longer(self) -> bool:
        """Whether the run was to be observed after its fault was over."""
        return self.definition is not None and self.definition.experiment.observes_longer

    @property
    def judged_window(self) -> str:
        """The name of the window of every sentence that names none."""
        return "observation" if self.observes_longer else "fault"

    @property
    def proven(self) -> bool:
        """Whether every target was hit, and no metric of the mechanism contradicts it."""
        proofs = self.result.rollback.proofs if self.result.rollback else ()
        contradicted = any(signal.reading == "contradicted" for signal in self.result.signals)
        return bool(proofs) and all(proof.proven for proof in proofs) and not contradicted

    @property
    def alarm_at(self) -> datetime | None:
        """The time at which the guard fired that ended the fault; None if no guard ended it. The abort is recorded
        later, and FIS may already have stopped by then."""
        if self.record.abort is None or self.record.abort.source not in {AbortSource.GUARD, AbortSource.BLIND_GUARD}:
            return None
        fired = [event.at for event in self.result.timeline if event.event == EventName.ALARM]
        return min([self.record.abort.at, *fired])

    @property
    def recovered_in(self) -> "RecoveredIn | None":
        """How long the workload took to recover; None if it did not, or if it is not known.

        Counted as criteria count it: from the effect of a fault that is over at once, and from the end of a fault that
        lasts.
        """
        return measure_recovery(self.result, self.effect_at, self.fault_over_at, ends_at_once=self.ends_at_once)

    @property
    def stopped_on_time(self) -> bool:
        """Whether Squall ended the FIS experiment because the fault had lasted, and was observed, as long as planned. FIS then
        says `stopped` by a user."""
        started, ended = self.record.begins_at, self.record.fault_ended_at
        if self.record.abort is not None or self.result.status is not Status.COMPLETED or started is None or ended is None:
            return False
        asked = any(event.event == EventName.STOP_REQUESTED for event in self.result.timeline)
        return asked and ended >= started + timedelta(seconds=self.record.observed_seconds)

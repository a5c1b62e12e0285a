"""Everything that a report is made from: the record, the result and the documents of the run."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from squall.domain.base.problems import InvalidInput
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.result import Result
from squall.domain.documents.series import SeriesDocument
from squall.domain.experiment.sentences import Sentences, sentences
from squall.domain.run.record import ExecutionRecord


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
            return sentences(self.definition.experiment)
        except InvalidInput:
            return None

    @property
    def effect_at(self) -> datetime | None:
        """When the fault took effect on the first target, if its mechanism shows that; otherwise when it was
        started."""
        proofs = self.result.rollback.proofs if self.result.rollback else ()
        effects = [proof.at for proof in proofs if proof.proven and proof.kind == "mechanism" and proof.at]
        return min(effects) if effects else self.record.fault_started_at

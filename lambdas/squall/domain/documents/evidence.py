"""What is known of a run when its result is written: the documents its states left, as far as it got."""

from dataclasses import dataclass

from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultReport, FaultTemplate
from squall.domain.documents.judgement import Judgement
from squall.domain.documents.recovery import Recovery
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.rollback import RollbackReport
from squall.domain.documents.safety import Safety, SafetyCheck
from squall.domain.documents.series import StatisticsDocument


@dataclass(frozen=True)
class Evidence:
    """The documents a run left, as far as it got."""

    definition: Definition | None = None
    refusal: Refusal | None = None
    discovery: Discovery | None = None
    safety: Safety | None = None
    final_check: Safety | None = None
    baseline: Baseline | None = None
    template: FaultTemplate | None = None
    fault: FaultReport | None = None
    rollback: RollbackReport | None = None
    recovery: Recovery | None = None
    statistics: StatisticsDocument | None = None
    judgement: Judgement | None = None

    @property
    def failed_checks(self) -> tuple[SafetyCheck, ...]:
        """Of both checks, each name once."""
        failures = [failure for safety in (self.safety, self.final_check) if safety for failure in safety.failures]
        return tuple({failure.name: failure for failure in failures}.values())

    @property
    def warned_checks(self) -> tuple[SafetyCheck, ...]:
        """What the policy let pass, of the last check."""
        last = self.final_check or self.safety
        return last.warnings if last else ()

"""What is known about a run when its result is written."""

from dataclasses import dataclass, field

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
from squall.domain.experiment.fault_traits import FaultTraits


@dataclass(frozen=True)
class Evidence:
    """The documents that the states of a run wrote. None for a document that the run never got to."""

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
    traits: FaultTraits = field(default_factory=FaultTraits)
    """The traits of the definition's fault; the defaults if there is no definition, or if this version does not know
    the fault."""

    @property
    def failed_checks(self) -> tuple[SafetyCheck, ...]:
        """The failed checks of both documents, each name once. The final check's result replaces the earlier one."""
        failures = [check for safety in (self.safety, self.final_check) if safety for check in safety.failures]
        return tuple({check.name: check for check in failures}.values())

    @property
    def warned_checks(self) -> tuple[SafetyCheck, ...]:
        """Checks of the last document that warned: the policy let them pass."""
        last = self.final_check or self.safety
        return last.warnings if last else ()

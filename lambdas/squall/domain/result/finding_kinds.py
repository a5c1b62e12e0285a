"""The kinds of findings: severity, the best practice of the Well-Architected Reliability Pillar, and
recommendations."""

from dataclasses import dataclass

from squall.domain.documents.finding import Severity

MONITORING = "Implement additional monitoring and alerting"
RESPONSE = "Review and improve incident response procedures"
RESILIENCE = "Strengthen system resilience mechanisms"
REDUNDANCY = "Consider additional redundancy"
AUTO_SCALING = "Verify auto-scaling configuration"
SHUTDOWN = "Test application graceful shutdown"
"""The recommendations of REL12-BP05, as its sample words them."""
RESTORE = "Restore by hand what is listed under rollback, then run the experiment again"
INJECT = "Find out why the fault did not reach every target (its command's output, its agent), then run the experiment again"
GUARD = "Find out who changed the guard or why its metric fell silent, then run the experiment again"
STEADY = "Bring the workload into its steady state before testing it"


@dataclass(frozen=True)
class Kind:
    severity: Severity
    practice: str
    improvements: tuple[str, ...] = ()


_SCALING = "REL07-BP02 Obtain resources upon detection of impairment to a workload"
_GRACEFUL = "REL05-BP01 Implement graceful degradation to transform applicable hard dependencies into soft dependencies"
_HEALING = "REL11-BP03 Automate healing on all layers"
_CHAOS = "REL12-BP05 Test resiliency using chaos engineering"

KINDS = {
    "availability_lost": Kind(Severity.HIGH, "REL11-BP02 Fail over to healthy resources", (RESILIENCE, REDUNDANCY)),
    "capacity_lost": Kind(Severity.HIGH, "REL11-BP05 Use static stability to prevent bimodal behavior", (RESILIENCE, REDUNDANCY)),
    "degraded": Kind(Severity.MEDIUM, _GRACEFUL, (RESILIENCE,)),
    "not_detected": Kind(Severity.HIGH, "REL11-BP01 Monitor all components of the workload to detect failures", (MONITORING,)),
    "slow_recovery": Kind(Severity.MEDIUM, _HEALING, (RESILIENCE, RESPONSE)),
    "not_recovered": Kind(Severity.HIGH, _HEALING, (RESILIENCE, RESPONSE)),
    "not_replaced": Kind(Severity.HIGH, _SCALING, (AUTO_SCALING,)),
    "slow_replacement": Kind(Severity.MEDIUM, _SCALING, (AUTO_SCALING,)),
    "guard_fired": Kind(
        Severity.HIGH, "REL11-BP07 Architect your product to meet availability targets and uptime SLAs", (RESILIENCE, RESPONSE)
    ),
    "guard_blind": Kind(Severity.MEDIUM, "REL06-BP01 Monitor all components for the workload", (GUARD,)),
    "fault_unproven": Kind(Severity.MEDIUM, _CHAOS, (INJECT,)),
    "unmeasured": Kind(Severity.LOW, "REL06-BP02 Define and calculate metrics", (MONITORING,)),
    "not_restored": Kind(Severity.HIGH, "REL12-BP01 Use playbooks to investigate failures", (RESTORE, RESPONSE)),
    "unsteady_before": Kind(Severity.MEDIUM, "REL06-BP02 Define and calculate metrics", (STEADY,)),
    "limit_fell": Kind(Severity.MEDIUM, _GRACEFUL, (RESILIENCE,)),
    "check_failed": Kind(Severity.LOW, _CHAOS),
    "check_warned": Kind(Severity.LOW, _CHAOS),
    "check_not_evaluated": Kind(Severity.LOW, _CHAOS),
}
"""Each recommendation of REL12-BP05 stands with the kinds of findings that are evidence for it."""

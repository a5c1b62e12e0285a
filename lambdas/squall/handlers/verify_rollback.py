"""VerifyRollback: did the fault happen to every target, and is it gone?"""

from squall.application.recovery.rollback_report import rollback_report
from squall.application.step import NEXT, Outcome, Step, step


@step("VerifyRollback", closing=True)
def handler(step: Step) -> Outcome:
    workload = step.w.inventory.refresh(step.discovery.workload, step.now)
    report = rollback_report(step, workload)
    step.put(report)
    proven = sum(proof.proven for proof in report.proofs)
    step.note("fault_proven" if proven == len(report.proofs) and proven else "fault_not_proven", "; ".join(p.detail for p in report.proofs))
    step.note("rollback_verified", report.outcome)
    return NEXT

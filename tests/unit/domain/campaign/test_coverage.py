"""What a suite covered, by resource type and fault."""

import pytest

from squall.domain.campaign.coverage import cover_faults
from squall.domain.campaign.outcome import StepOutcome

EC2, RDS = "aws:ec2:instance", "aws:rds:cluster"
VALIDATED, REFUTED, GUARD, INVALID = StepOutcome.VALIDATED, StepOutcome.REFUTED, StepOutcome.GUARD, StepOutcome.INVALID


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([(VALIDATED, True)], "validated"),
        ([(VALIDATED, True), (VALIDATED, True)], "validated"),
        ([(VALIDATED, True), (REFUTED, True)], "refuted"),
        ([(GUARD, True)], "refuted"),
        ([(INVALID, True)], "undecided"),
        ([(None, True)], "undecided"),
        ([(VALIDATED, True), (None, False)], "undecided"),
        ([(None, False)], "not_run"),
    ],
    ids=str,
)
def test_a_fault_is_validated_only_if_every_step_with_it_was(steps: list[tuple[StepOutcome | None, bool]], state: str) -> None:
    (covered,) = cover_faults((EC2, "cpu_stress", outcome, started) for outcome, started in steps)
    assert covered.state == state
    assert sum(covered.outcomes.values()) + covered.not_run <= covered.steps == len(steps)


def test_the_faults_of_one_resource_type_stand_together() -> None:
    covered = cover_faults(
        [
            (EC2, "cpu_stress", VALIDATED, True),
            (RDS, "database_failover", REFUTED, True),
            (EC2, "disk_fill", None, False),
            (EC2, "cpu_stress", INVALID, True),
        ]
    )
    assert [(each.resource_type, each.fault_type) for each in covered] == [
        (EC2, "cpu_stress"),
        (EC2, "disk_fill"),
        (RDS, "database_failover"),
    ]
    assert covered[0].outcomes == {"validated": 1, "invalid": 1}
    assert covered[1].not_run == 1

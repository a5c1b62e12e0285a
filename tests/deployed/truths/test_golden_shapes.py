"""Other shapes of accounts: each golden run of one ends as it must, in the deployed stack."""

from __future__ import annotations

import pytest

from bench.account import Run
from bench.golden import SHAPE_KINDS, Ended, Kind
from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


@pytest.mark.parametrize("kind", SHAPE_KINDS, ids=lambda kind: kind.name)
def test_a_shape_ends_as_it_must(rig: Rig, kind: Kind) -> None:
    rig.settings(workload=kind.workload, shape=kind.shape, **kind.settings)
    until(lambda: rig.workload["parts_whole"] and rig.whole(), f"the shape {kind.shape}")
    rig.forget()
    run = rig.run(kind.definition)
    run.done()
    rig.clean()
    assert Ended(Run(run.id, 0.0, 0.0, run.result), (), 0.0).surprises(kind) == []

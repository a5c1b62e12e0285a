"""Walks an experiment on an account from Discover to the verdict."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from squall.application.admission import admit, deployed
from squall.domain.documents.result import Result
from squall.domain.language import grammar
from tests.workflow.endings import result_of
from tests.workflow.rig import environment, tree_read_once
from tests.workflow.walk import walking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.accounts.account import Account
    from tests.workflow.walk import Walk

AVAILABLE = "System availability > 99%"
REPLACED = "Auto Scaling launches replacement instance"


def experiment(targets: Sequence[str] = (), **changes: Any) -> dict[str, Any]:
    return {
        "name": "Shape", "description": "One of many accounts", "type": "instance_termination", "environment": "staging",
        "hypothesis": "Users notice nothing", "blast_radius": "single_instance", "target_resources": list(targets),
        "duration_minutes": 10, "rollback_plan": "Auto Scaling launches a replacement", "success_criteria": [AVAILABLE],
        "abort_conditions": ["System availability < 5%"], **changes,
    }  # fmt: skip


@contextmanager
def started(account: Account, policy: dict[str, Any]) -> Iterator[Walk]:
    shipped = {"inline_definitions": True, "minimum_healthy_percent": 50, **policy}
    known = deployed.DeployedDefinitions(catalogue={}, environments={"staging": environment("staging", **shipped)})
    with patch.object(admit, "load_deployed", lambda: known), patch.object(grammar, "parse_tree", tree_read_once):
        world = account.world
        world.alarms.arming_seconds, world.faults.stop_seconds = 10, 20
        with walking(world) as walk:
            yield walk


def run(account: Account, definition: dict[str, Any], **policy: Any) -> Result:
    """The result of the whole run."""
    with started(account, policy) as walk:
        walk.run({"definition": definition})
    return result_of(account.world)

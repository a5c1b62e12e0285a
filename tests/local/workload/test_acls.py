"""What the sample's instances hear of each other through the network ACLs of their subnets; in process."""

from __future__ import annotations

import asyncio
import random
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from local.workload.databases import records as records_module
from local.workload.databases.records import Records
from local.workload.instances.calls import FailedError
from local.workload.network.acls import Acls
from local.workload.network.disturbances import Network
from local.workload.network.peers import DATABASE_NODES, INBOUND, TO_INVENTORY
from local.workload.network.routes import Node
from tests.local.workload.test_database import Pair
from tests.patience import stretched

A, B = IPv4Address("172.31.2.0"), IPv4Address("172.31.18.0")
OUTSIDE = IPv4Address("203.0.113.7")
SUBNETS = [{"SubnetId": "subnet-a", "CidrBlock": "172.31.0.0/20"}, {"SubnetId": "subnet-b", "CidrBlock": "172.31.16.0/20"}]
ALLOW = (100, "allow", "0.0.0.0/0")


def _acl(subnet: str, *rules: tuple[int, str, str], only: bool | None = None) -> dict[str, Any]:
    """With rules in both directions, the allowing one last; `only`: denials of what goes out, or of what comes in."""
    entries = [
        {"RuleNumber": number, "RuleAction": action, "Egress": egress, "Protocol": "-1", "CidrBlock": cidr}
        for number, action, cidr in (*rules, ALLOW, (32767, "deny", "0.0.0.0/0"))
        for egress in (True, False)
        if only is None or action == "allow" or egress is only
    ]
    return {"Associations": [{"SubnetId": subnet}], "Entries": list(reversed(entries))}


def _acls(*acls: dict[str, Any]) -> Acls:
    described = Acls.described(SUBNETS, acls)
    assert Acls.of(described.as_list()) == described, "what an instance is told is what EC2 said"
    return described


def test_without_rules_of_its_own_a_subnet_hears_everybody() -> None:
    assert _acls(_acl("subnet-a"), _acl("subnet-b")).passes(A, B)
    assert Acls().passes(A, B)


@pytest.mark.parametrize("direction", [None, True, False])
def test_who_is_denied_one_way_is_not_heard_the_other_way_either(direction: bool | None) -> None:
    cut = _acls(_acl("subnet-a"), _acl("subnet-b", (1, "deny", "172.31.0.0/20"), only=direction))

    assert not cut.passes(A, B)
    assert not cut.passes(B, A)
    assert cut.passes(B, IPv4Address("172.31.16.42")), "inside a subnet nothing is looked at"
    assert cut.passes(B, OUTSIDE)


def test_the_lowest_number_decides_and_what_no_rule_speaks_of_is_denied() -> None:
    acls = _acls(_acl("subnet-b", (1, "allow", "172.31.0.0/16"), (2, "deny", "0.0.0.0/0")))

    assert acls.passes(A, B)
    assert not acls.passes(B, OUTSIDE)
    assert not _acls({"Associations": [{"SubnetId": "subnet-b"}], "Entries": []}).passes(A, B)


def test_an_instance_of_a_cut_off_subnet_is_silent_whatever_it_ignores() -> None:
    async def run() -> None:
        network = Network(random.Random(1), address=B)
        assert await network.impair(INBOUND)
        network.acls = _acls(_acl("subnet-b", (1, "deny", "172.31.0.0/20")))
        assert not await network.impair(INBOUND)
        assert not await network.impair(TO_INVENTORY)
        network.acls = _acls(_acl("subnet-b"))
        assert await network.impair(INBOUND)

    asyncio.run(run())


def test_a_reader_nobody_hears_is_replaced_by_the_writer_where_reads_are_tried_again(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance is in zone a with the writer; the reader's subnet is cut off."""
    timeout = stretched(records_module.TIMEOUT_SECONDS)
    monkeypatch.setattr(records_module, "TIMEOUT_SECONDS", timeout)
    for name in ("PATIENCE_SECONDS", "AVOIDED_SECONDS"):
        monkeypatch.setattr(records_module, name, 5 * timeout)

    async def run() -> None:
        pair = Pair(tmp_path)
        await pair.start()
        nodes = [Node(address, port) for address, port in zip(DATABASE_NODES.values(), pair.ports, strict=True)]
        network = Network(random.Random(1), address=A)
        records = Records(network)
        records.follow({"writer": nodes[0], "reader": nodes[1]})
        await records.write("k", "v", retry=True)
        network.acls = _acls(_acl("subnet-b", (1, "deny", str(IPv4Network("172.31.0.0/20")))))
        with pytest.raises(FailedError):
            await records.read("k", retry=False)
        assert (await records.read("k", retry=True))["value"] == "v"
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            await records.read("k", retry=True)
        assert asyncio.get_running_loop().time() - began < timeout, "an endpoint that failed is avoided, not waited for each time"

    asyncio.run(run())

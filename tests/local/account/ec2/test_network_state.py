"""Route tables and security groups that FIS puts in place of others: state of the account alone, and put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from squall.adapters.inventory.described import DescribedResources
from squall.adapters.inventory.subnets import Ec2Subnets
from squall.domain.base.vocabulary import ResourceType
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.subnets import Subnet
from squall.faults.actions.endpoints import VpcEndpointDisruption
from squall.faults.actions.routes import RouteTableDisruption
from squall.faults.base import AnyFault
from tests.local.account.test_fis import ENVIRONMENT, Lab
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

CUT, BLOCK = RouteTableDisruption(), VpcEndpointDisruption()
OTHER = "eu-west-1"
MANAGED = [{"Name": "tag:managedByFIS", "Values": ["true"]}]


def grants_of(fault: AnyFault) -> list[dict[str, Any]]:
    """The statements of FIS's role, as the product itself asks for them."""
    return [statement(grant) for grant in fault.grants()]


def statement(grant: Grant) -> dict[str, Any]:
    values = {"partition": "aws", "region": REGION, "account": ACCOUNT, "opt_in_tag": ENVIRONMENT}

    def fill(template: Any) -> Any:
        if isinstance(template, dict):
            return {key: fill(value) for key, value in template.items()}
        return [fill(value) for value in template] if isinstance(template, (list, tuple)) else template.format(**values)

    given = grant.model_dump()
    tagged = {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": "staging"}} if grant.tagged else {}
    conditions = {**fill(given.get("conditions") or {}), **tagged}
    made = {"Effect": "Allow", "Action": list(grant.actions), "Resource": fill(grant.resources)}
    return [{**made, "Condition": conditions}, made][not conditions]


@pytest.fixture
def lab(account: Account) -> Iterator[Lab]:
    account.profile(fis_restore_seconds=0)
    lab = Lab(account)
    yield lab
    lab.clean()
    account.profile(fis_restore_seconds=2)


class Network:
    """A VPC with a subnet, a route table of its own, and an interface endpoint."""

    def __init__(self, account: Account) -> None:
        self.ec2 = account.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
        self.tag(self.subnet)
        self.own = self.ec2.create_security_group(GroupName=f"own-{self.vpc}", Description="own", VpcId=self.vpc)["GroupId"]

    def tag(self, identifier: str) -> None:
        self.ec2.create_tags(Resources=[identifier], Tags=[{"Key": ENVIRONMENT, "Value": "staging"}])

    def table(self) -> str:
        """The route table that the subnet is associated with, or the main one."""
        tables = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        of_subnet = [t["RouteTableId"] for t in tables for a in t["Associations"] if a.get("SubnetId") == self.subnet]
        return str((of_subnet or [t["RouteTableId"] for t in tables for a in t["Associations"] if a.get("Main")])[0])

    def endpoint(self, kind: str = "Interface") -> str:
        service = f"com.amazonaws.{REGION}.sqs"
        groups = {"SecurityGroupIds": [self.own], "SubnetIds": [self.subnet]} if kind == "Interface" else {}
        made = self.ec2.create_vpc_endpoint(VpcId=self.vpc, VpcEndpointType=kind, ServiceName=service, **groups)
        id_ = str(made["VpcEndpoint"]["VpcEndpointId"])
        self.tag(id_)
        return id_

    def groups(self, endpoint: str) -> list[str]:
        (found,) = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
        return [group["GroupId"] for group in found["Groups"]]

    def managed(self) -> list[str]:
        """What has FIS's tag."""
        tables = self.ec2.describe_route_tables(Filters=MANAGED)["RouteTables"]
        groups = self.ec2.describe_security_groups(Filters=MANAGED)["SecurityGroups"]
        lists = [entry for entry in self.ec2.describe_managed_prefix_lists()["PrefixLists"] if entry.get("Tags")]
        return [*(t["RouteTableId"] for t in tables), *(g["GroupId"] for g in groups), *(e["PrefixListId"] for e in lists)]


@pytest.fixture
def network(account: Account) -> Network:
    return Network(account)


def cut_off(lab: Lab, network: Network) -> str:
    lab.role_arn = lab.account.role("fis.amazonaws.com", grants_of(CUT))
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{network.subnet}"
    action = {"actionId": CUT.type.value, "parameters": {"duration": "PT60S", "region": OTHER}, "targets": {"Subnets": "s"}}
    return lab.run({"cut": action}, targets={"s": {"resourceType": "aws:ec2:subnet", "selectionMode": "ALL", "resourceArns": [arn]}})


def block(lab: Lab, endpoint: str) -> str:
    lab.role_arn = lab.account.role("fis.amazonaws.com", grants_of(BLOCK))
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/{endpoint}"
    action = {"actionId": BLOCK.type.value, "parameters": {"duration": "PT60S"}, "targets": {"VPCEndpoints": "e"}}
    target = {"resourceType": "aws:ec2:vpc-endpoint", "selectionMode": "ALL", "resourceArns": [arn]}
    return lab.run({"block": action}, targets={"e": target})


@pytest.mark.parametrize("associated", [True, False])
def test_a_subnet_has_a_route_table_of_fis_while_it_is_cut_off_and_its_own_afterwards(lab: Lab, network: Network, associated: bool) -> None:
    if associated:
        table = network.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
        network.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnet)
    before = network.table()
    experiment = cut_off(lab, network)
    until(lambda: network.table() != before, "FIS's route table")
    assert network.table() in network.managed()

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    assert network.table() == before
    assert network.managed() == []


def test_a_table_that_somebody_put_back_stays_and_what_fis_made_is_deleted(lab: Lab, network: Network) -> None:
    own = network.table()
    experiment = cut_off(lab, network)
    until(lambda: network.table() in network.managed(), "FIS's route table")
    (fis,) = network.ec2.describe_route_tables(RouteTableIds=[network.table()])["RouteTables"]
    (association,) = [a["RouteTableAssociationId"] for a in fis["Associations"] if a.get("SubnetId") == network.subnet]
    network.ec2.disassociate_route_table(AssociationId=association)

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    assert network.table() == own
    assert network.managed() == []


def test_an_endpoint_has_a_group_without_rules_while_it_is_blocked_and_its_own_afterwards(lab: Lab, network: Network) -> None:
    endpoint = network.endpoint()
    assert network.groups(endpoint) == [network.own]
    experiment = block(lab, endpoint)
    until(lambda: network.groups(endpoint) != [network.own], "FIS's security group")
    (group,) = network.ec2.describe_security_groups(GroupIds=network.groups(endpoint))["SecurityGroups"]
    assert group["IpPermissions"] == group["IpPermissionsEgress"] == []
    assert network.managed() == network.groups(endpoint)

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    assert network.groups(endpoint) == [network.own]
    assert network.managed() == []


def test_an_endpoint_that_somebody_changed_meanwhile_is_not_restored(lab: Lab, network: Network) -> None:
    endpoint = network.endpoint()
    experiment = block(lab, endpoint)
    until(lambda: network.groups(endpoint) != [network.own], "FIS's security group")
    network.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSecurityGroupIds=[network.own])
    (fis,) = [group for group in network.groups(endpoint) if group != network.own]

    lab.fis.stop_experiment(id=experiment)
    failed = lab.reach(experiment, "failed")

    assert failed["state"]["error"]["code"] == "DependentServiceFailure"
    assert set(network.groups(endpoint)) == {network.own, fis}
    with pytest.raises(ClientError, match="DependencyViolation"):
        network.ec2.delete_security_group(GroupId=fis)
    network.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveSecurityGroupIds=[fis])
    network.ec2.delete_security_group(GroupId=fis)


def test_the_product_reads_a_replaced_route_table_and_what_is_left_of_it(lab: Lab, network: Network) -> None:
    table = network.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    network.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnet)

    def read() -> Subnet:
        (subnet,) = Ec2Subnets(lab.account.client("ec2")).find([network.subnet], {}, {}).resources
        assert isinstance(subnet, Subnet)
        return subnet

    before = read()
    experiment = cut_off(lab, network)
    until(lambda: read().route_table != table, "FIS's route table")
    during = read()
    assert during.route_table in {part.id for part in during.made_by_fis}
    assert [remnant for remnant in CUT.find_target_remnants(before, during) if table in remnant.command]

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    after = read()
    assert (after.route_table, before.route_table) == (table, table)
    assert after.route_association != before.route_association, "the proof that it was replaced"
    assert not list(CUT.find_target_remnants(before, after))
    assert not list(CUT.find_changes(before, after))


def test_the_product_reads_the_groups_of_a_blocked_endpoint(lab: Lab, network: Network) -> None:
    endpoint = network.endpoint()
    reader = DescribedResources(ResourceType.VPC_ENDPOINT, lab.account.client)

    def read() -> DescribedResource:
        (found,) = reader.find([f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/{endpoint}"], {}, {}).resources
        assert isinstance(found, DescribedResource)
        return found

    before = read()
    assert before.read_list("Groups") == [network.own]
    experiment = block(lab, endpoint)
    until(lambda: read().read_list("Groups") != [network.own], "FIS's security group")
    (remnant,) = BLOCK.find_target_remnants(before, read())
    assert f"--add-security-group-ids {network.own}" in remnant.command

    lab.fis.stop_experiment(id=experiment)
    lab.reach(experiment, "stopped")

    assert read() == before


def test_gateway_endpoints_and_the_own_region_are_refused(lab: Lab, network: Network) -> None:
    failed = lab.reach(block(lab, network.endpoint("Gateway")), "failed")
    assert failed["state"]["error"]["code"] == "ConfigurationFailure"
    lab.role_arn = lab.account.role("fis.amazonaws.com", grants_of(CUT))
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{network.subnet}"
    action = {"actionId": CUT.type.value, "parameters": {"duration": "PT60S", "region": REGION}, "targets": {"Subnets": "s"}}
    target = {"resourceType": "aws:ec2:subnet", "selectionMode": "ALL", "resourceArns": [arn]}
    failed = lab.reach(lab.run({"cut": action}, targets={"s": target}), "failed")
    assert failed["state"]["error"]["code"] == "ConfigurationFailure"

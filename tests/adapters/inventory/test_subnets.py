"""Subnets as described: their network ACL, what lives in them, and what stands in them alone; by moto and by scripted answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.subnets import Ec2Subnets
from squall.adapters.inventory.target_groups import TargetGroups
from squall.domain.base.vocabulary import ResourceType
from squall.domain.resources.subnets import Acl, Endpoint, FisPart, PrefixList, Subnet
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW, REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.domain.resources.workload import Workload

STAGING = [{"Key": "squall:environment", "Value": "staging"}]
TAGS = {"squall:environment": "staging"}


class Account:
    """A VPC of two subnets, an instance in the first behind a load balancer, an endpoint, a prefix list, and a network ACL of FIS's."""

    def __init__(self, aws: Callable[[str], Any]) -> None:
        self.ec2, elbv2 = aws("ec2"), aws("elbv2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.first, self.second = (self._subnet(f"10.0.{n}.0/24", zone) for n, zone in ((1, "a"), (2, "b")))
        image = self.ec2.register_image(Name="linux", RootDeviceName="/dev/sda1")["ImageId"]
        self.instance = self.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=self.first)["Instances"][0]["InstanceId"]
        self.group = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=self.vpc)["TargetGroups"][0]["TargetGroupArn"]
        elbv2.register_targets(TargetGroupArn=self.group, Targets=[{"Id": self.instance}])
        self.endpoint = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=f"com.amazonaws.{REGION}.ssm", VpcEndpointType="Interface", SubnetIds=[self.second]
        )["VpcEndpoint"]["VpcEndpointId"]
        self.list = self.ec2.create_managed_prefix_list(
            PrefixListName="partners", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "198.51.100.0/24"}]
        )["PrefixList"]["PrefixListId"]
        fleet = AwsInventory(self.ec2, aws("autoscaling"), TargetGroups(elbv2), Scripted("ssm", describe_instance_information=[{}] * 9))
        self.inventory = Inventories(fleet, TargetGroups(elbv2), {ResourceType.SUBNET: lambda: Ec2Subnets(self.ec2)})

    def _subnet(self, cidr: str, zone: str) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=cidr,
            AvailabilityZone=f"{REGION}{zone}",
            TagSpecifications=[{"ResourceType": "subnet", "Tags": STAGING}],
        )
        return str(made["Subnet"]["SubnetId"])

    def describe(self, *names: str, tags: dict[str, str] | None = None, filters: dict[str, tuple[str, ...]] | None = None) -> Any:
        return self.inventory.describe(names, tags or {}, filters or {}, NOW, resource_type=ResourceType.SUBNET)

    def again(self, workload: Workload) -> Subnet:
        (resource,) = self.inventory.refresh(workload, NOW + MINUTES).others
        assert isinstance(resource, Subnet)
        return resource


@pytest.fixture
def account(aws: Callable[[str], Any]) -> Account:
    return Account(aws)


def test_a_subnet_is_described_with_its_acl_and_what_lives_in_it(account: Account) -> None:
    workload = account.describe(account.first)
    (resource,) = workload.others
    assert isinstance(resource, Subnet)
    assert (resource.id, resource.state, resource.zone, resource.vpc, resource.cidr) == (
        account.first,
        "available",
        f"{REGION}a",
        account.vpc,
        "10.0.1.0/24",
    )
    assert resource.arn == f"arn:aws:ec2:{REGION}:123456789012:subnet/{account.first}"
    assert resource.tags == TAGS
    assert str(resource.acl).startswith("acl-")
    assert str(resource.association).startswith("aclassoc-")
    assert resource.instances == (account.instance,)
    assert all(address.startswith("10.0.1.") for address in resource.addresses)
    assert resource.addresses
    assert resource.endpoints == (Endpoint(id=account.endpoint, service=f"com.amazonaws.{REGION}.ssm", subnets=(account.second,)),)
    assert resource.prefix_lists == (PrefixList(id=account.list, name="partners", entries=("198.51.100.0/24",)),)
    assert [instance.id for instance in workload.instances] == [account.instance]
    assert [group.arn for group in workload.target_groups] == [account.group]
    assert workload.names_of(resource) == {account.instance}


def test_the_rules_of_a_network_acl_are_counted_by_direction_without_the_last_one(account: Account) -> None:
    (before,) = account.describe(account.first).others
    for number in range(1, 4):
        account.ec2.create_network_acl_entry(
            NetworkAclId=before.acl, RuleNumber=number, Protocol="-1", RuleAction="deny", Egress=True, CidrBlock=f"198.51.100.{number}/32"
        )
    (after,) = account.describe(account.first).others
    assert after.acl_rules == before.acl_rules + 3


def test_what_fis_does_to_a_subnet_is_seen_and_so_is_what_it_leaves(account: Account) -> None:
    workload = account.describe(account.first)
    (before,) = workload.others
    managed = [{"Key": "managedByFIS", "Value": "true"}]
    clone = account.ec2.create_network_acl(
        VpcId=account.vpc, TagSpecifications=[{"ResourceType": "network-acl", "Tags": managed}]
    )["NetworkAcl"]["NetworkAclId"]  # fmt: skip
    account.ec2.replace_network_acl_association(AssociationId=before.association, NetworkAclId=clone)
    during = account.again(workload)
    assert (during.acl, during.clones) == (clone, (Acl(id=clone, subnets=(account.first,)),))
    account.ec2.replace_network_acl_association(AssociationId=during.association, NetworkAclId=before.acl)
    after = account.again(workload)
    assert (after.acl, after.clones) == (before.acl, (Acl(id=clone),))
    assert len({before.association, during.association, after.association}) == 3, "each replacement has an id of its own"


def test_tags_and_filters_find_and_names_are_narrowed_by_them(account: Account) -> None:
    assert {resource.id for resource in account.describe(tags=TAGS).others} == {account.first, account.second}
    assert [entry.id for entry in account.describe(tags=TAGS, filters={"availability-zone": (f"{REGION}b",)}).others] == [account.second]
    assert account.describe(account.first, tags={"squall:environment": "production"}).others == ()
    assert account.describe().others == ()


def test_what_is_not_there_is_named_and_hides_nobody(account: Account) -> None:
    foreign = f"arn:aws:ec2:us-east-1:123456789012:subnet/{account.first}"
    workload = account.describe(account.first, "subnet-0123", foreign)
    assert [resource.id for resource in workload.others] == [account.first]
    assert workload.missing == ("subnet-0123", foreign)


def test_a_subnet_that_is_gone_is_missing_and_its_inhabitants_with_it(account: Account) -> None:
    workload = account.describe(account.second)
    account.ec2.delete_subnet(SubnetId=account.second)
    again = account.inventory.refresh(workload, NOW + MINUTES)
    assert (again.others, again.instances) == ((), ())
    assert again.missing == (f"arn:aws:ec2:{REGION}:123456789012:subnet/{account.second}",)


def test_ec2_that_can_not_be_asked_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="DescribeSubnets"):
        Ec2Subnets(Scripted("ec2", describe_subnets=[error("UnauthorizedOperation")])).find(["subnet-1"], {}, {})


def test_a_subnet_is_described_with_its_route_table_and_what_fis_made_of_others(account: Account) -> None:
    ec2 = account.ec2
    managed = [{"Key": "managedByFIS", "Value": "true"}]
    (alone,) = account.describe(account.first).others
    assert isinstance(alone, Subnet)
    assert (str(alone.route_table).startswith("rtb-"), alone.route_association) == (True, None), "it uses the main one"
    own = ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=own, SubnetId=account.first)["AssociationId"]
    gateway = ec2.create_vpc_endpoint(
        VpcId=account.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=[own],
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": STAGING}],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    (before,) = account.describe(account.first).others
    assert isinstance(before, Subnet)
    assert (before.route_table, before.route_association, before.gateways) == (own, association, {gateway: TAGS})
    assert (before.made_by_fis, [endpoint.id for endpoint in before.endpoints]) == ((), [account.endpoint])
    made = ec2.create_route_table(VpcId=account.vpc, TagSpecifications=[{"ResourceType": "route-table", "Tags": managed}])
    theirs = made["RouteTable"]["RouteTableId"]
    prefixes = ec2.create_managed_prefix_list(
        PrefixListName="fis", MaxEntries=1, AddressFamily="IPv4", TagSpecifications=[{"ResourceType": "prefix-list", "Tags": managed}]
    )["PrefixList"]["PrefixListId"]
    again = ec2.replace_route_table_association(AssociationId=association, RouteTableId=theirs)["NewAssociationId"]
    (now,) = account.describe(account.first).others
    assert isinstance(now, Subnet)
    assert (now.route_table, now.route_association) == (theirs, again)
    assert now.made_by_fis == (
        FisPart(kind="route-table", id=theirs, subnets=(account.first,), vpc=account.vpc),
        FisPart(kind="prefix-list", id=prefixes),
    )


def test_interfaces_that_fis_made_in_the_subnet_are_told() -> None:
    entry = {"SubnetId": "subnet-1", "VpcId": "vpc-1", "State": "available", "CidrBlock": "10.0.0.0/24", "OwnerId": "123456789012"}
    interface = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "TagSet": [{"Key": "managedByFIS", "Value": "true"}]}
    ec2 = Scripted(
        "ec2",
        describe_subnets=[{"Subnets": [entry]}],
        describe_network_acls=[{"NetworkAcls": []}],
        describe_network_interfaces=[{"NetworkInterfaces": [interface, {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-1"}]}],
        describe_vpc_endpoints=[{"VpcEndpoints": []}],
        describe_route_tables=[{"RouteTables": []}],
        describe_managed_prefix_lists=[{"PrefixLists": []}],
    )
    (resource,) = Ec2Subnets(ec2).find(["subnet-1"], {}, {}).resources
    assert isinstance(resource, Subnet)
    assert (resource.made_by_fis, resource.route_table) == ((FisPart(kind="network-interface", id="eni-1"),), None)

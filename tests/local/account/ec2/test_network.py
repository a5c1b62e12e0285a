"""The account's network: ACLs have subnets, interfaces have homes, and FIS cuts subnets off as it does on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_fis import ENVIRONMENT, Lab, code
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

SUBNET, CIDRS = "subnet-00000002", {"a": "172.31.0.0/20", "c": "172.31.32.0/20"}
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
BY_FIS = {"StringEquals": {"aws:RequestTag/managedByFIS": "true"}}
STATEMENTS: list[dict[str, Any]] = [
    {
        "Effect": "Allow",
        "Action": "ec2:ReplaceNetworkAclAssociation",
        "Resource": f"{EC2}:subnet/*",
        "Condition": {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": "staging"}},
    },
    {"Effect": "Allow", "Action": "ec2:ReplaceNetworkAclAssociation", "Resource": f"{EC2}:network-acl/*"},
    {"Effect": "Allow", "Action": ["ec2:CreateNetworkAcl", "ec2:CreateTags"], "Resource": f"{EC2}:network-acl/*", "Condition": BY_FIS},
    {"Effect": "Allow", "Action": "ec2:CreateNetworkAcl", "Resource": f"{EC2}:vpc/*"},
    {
        "Effect": "Allow",
        "Action": ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"],
        "Resource": f"{EC2}:network-acl/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/managedByFIS": "true"}},
    },
    {"Effect": "Allow", "Action": ["ec2:Describe*", "ec2:GetManagedPrefixListEntries"], "Resource": "*"},
]


class Net:
    """The default VPC's network, and a role that may cut its subnets off."""

    def __init__(self, account: Account) -> None:
        self.account, self.ec2, self.lab = account, account.client("ec2"), Lab(account)
        self.lab.role_arn = account.role("fis.amazonaws.com", STATEMENTS)
        self.tag("staging")

    def tag(self, environment: str) -> None:
        self.ec2.create_tags(Resources=[SUBNET], Tags=[{"Key": ENVIRONMENT, "Value": environment}])

    def acls(self) -> dict[str, dict[str, Any]]:
        return {acl["NetworkAclId"]: acl for acl in self.ec2.describe_network_acls()["NetworkAcls"]}

    def of(self, subnet: str = SUBNET) -> tuple[str, str]:
        """Its ACL and the association."""
        ((acl, association),) = [
            (entry["NetworkAclId"], link["NetworkAclAssociationId"])
            for entry in self.acls().values()
            for link in entry["Associations"]
            if link["SubnetId"] == subnet
        ]
        return acl, association

    def clones(self) -> list[str]:
        return [id_ for id_, acl in self.acls().items() if {"Key": "managedByFIS", "Value": "true"} in acl.get("Tags", [])]

    def entries(self, prefix_list: str) -> set[str]:
        """Of one of AWS's own, by name."""
        asked = [{"Name": "prefix-list-name", "Values": [prefix_list]}]
        (owned,) = self.ec2.describe_managed_prefix_lists(Filters=asked)["PrefixLists"]
        return {entry["Cidr"] for entry in self.ec2.get_managed_prefix_list_entries(PrefixListId=owned["PrefixListId"])["Entries"]}

    def denied(self) -> set[tuple[int, bool, str]]:
        """Denials of the subnet's ACL but the last."""
        entries = self.acls()[self.of()[0]]["Entries"]
        return {(e["RuleNumber"], e["Egress"], e["CidrBlock"]) for e in entries if e["RuleAction"] == "deny" and e["RuleNumber"] != 32767}

    def cut(self, scope: str = "availability-zone", duration: str = "PT60S", beside: dict[str, Any] | None = None, **more: str) -> str:
        action = {
            "actionId": "aws:network:disrupt-connectivity",
            "parameters": {"scope": scope, "duration": duration, **more},
            "targets": {"Subnets": "subnets"},
        }
        target = {"resourceType": "aws:ec2:subnet", "selectionMode": "ALL", "resourceArns": [f"{EC2}:subnet/{SUBNET}"]}
        return self.lab.run({"disrupt": action, **(beside or {})}, targets={"subnets": target})


@pytest.fixture
def net(account: Account) -> Iterator[Net]:
    account.profile(fis_restore_seconds=0.5)
    net = Net(account)
    yield net
    net.lab.clean()
    assert net.clones() == []
    account.profile(fis_restore_seconds=2)


def test_every_subnet_has_the_default_acl_until_another_is_associated(net: Net) -> None:
    before, association = net.of()
    made = net.ec2.create_network_acl(VpcId=net.acls()[before]["VpcId"])["NetworkAcl"]["NetworkAclId"]

    new = net.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=made)["NewAssociationId"]

    assert net.of() == (made, new)
    assert new != association
    assert [e["RuleAction"] for e in net.acls()[made]["Entries"]] == ["deny", "deny"], "an ACL nobody has filled lets nothing through"
    with pytest.raises(ClientError) as error:
        net.ec2.delete_network_acl(NetworkAclId=made)
    assert code(error) == "DependencyViolation"
    with pytest.raises(ClientError) as error:
        net.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=before)
    assert code(error) == "InvalidAssociationID.NotFound"
    net.ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=before)
    net.ec2.delete_network_acl(NetworkAclId=made)
    assert net.of()[0] == before


def test_an_instance_lives_in_its_subnet_as_long_as_it_lives(net: Net) -> None:
    made = net.ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=SUBNET)["Instances"][0]

    def found() -> list[dict[str, Any]]:
        interfaces = net.ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [SUBNET]}])["NetworkInterfaces"]
        return [entry for entry in interfaces if entry.get("Attachment", {}).get("InstanceId") == made["InstanceId"]]

    (interface,) = found()
    assert IPv4Address(interface["PrivateIpAddress"]) in IPv4Network("172.31.16.0/20")
    assert interface["PrivateIpAddress"] == made["PrivateIpAddress"]
    net.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    assert found() == []
    with pytest.raises(ClientError) as error:
        net.ec2.describe_network_interfaces(Filters=[{"Name": "colour", "Values": ["blue"]}])
    assert code(error) == "InvalidParameterValue"


def test_what_takes_long_to_undo_holds_up_no_other_action(net: Net) -> None:
    net.lab.account.profile(fis_restore_seconds=4)
    experiment = net.cut(duration="PT1S", beside={"beside": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT2S"}}})

    done = net.lab.reach(experiment, "completed")

    assert done["actions"]["beside"]["endTime"] < done["actions"]["disrupt"]["endTime"]


def test_a_cut_subnet_has_a_clone_that_denies_the_other_zones_and_its_own_acl_again_in_the_end(net: Net) -> None:
    own, association = net.of()
    rules = len(net.acls()[own]["Entries"])
    experiment = net.cut()
    net.lab.reach(experiment, "running")
    until(lambda: net.of()[0] != own, what="the clone is associated")

    assert net.clones() == [net.of()[0]]
    assert net.of()[1] != association
    numbers = sorted({number for number, *_ in net.denied()})
    assert {(egress, cidr) for _, egress, cidr in net.denied()} == {(way, cidr) for cidr in CIDRS.values() for way in (True, False)}
    allowing = [e["RuleNumber"] for e in net.acls()[net.of()[0]]["Entries"] if e["RuleAction"] == "allow"]
    assert numbers[-1] < min(allowing), "a denial after the rule that allows denies nothing"
    assert len(net.acls()[own]["Entries"]) == rules
    net.lab.fis.stop_experiment(id=experiment)
    assert net.of()[0] != own, "the original is not back at once"
    net.lab.reach(experiment, "stopped")
    assert net.of()[0] == own
    assert net.clones() == []


@pytest.mark.parametrize(
    ("scope", "denied"), [("vpc", {"0.0.0.0/0"}), ("all", {"0.0.0.0/0"}), ("s3", set()), ("prefix-list", {"192.0.2.0/28"})]
)
def test_other_scopes_deny_what_they_say(net: Net, scope: str, denied: set[str]) -> None:
    listed = {}
    if scope == "prefix-list":
        made = net.ec2.create_managed_prefix_list(
            PrefixListName="dependency", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "192.0.2.0/28"}]
        )
        listed = {"prefixListIdentifier": made["PrefixList"]["PrefixListId"]}
    experiment = net.cut(scope, "PT1S", **listed)
    if scope == "s3":
        denied = net.entries(f"com.amazonaws.{REGION}.s3")
    until(lambda: bool(net.clones()) and bool(net.denied()), what="the clone is associated")

    assert {cidr for _, _, cidr in net.denied()} == denied
    assert net.lab.reach(experiment, "completed")["actions"]["disrupt"]["state"]["status"] == "completed"
    assert net.clones() == []


def test_a_subnet_of_another_environment_is_not_cut_off(net: Net) -> None:
    own = net.of()
    net.tag("production")

    failed = net.lab.reach(net.cut(), "failed")

    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
    assert "ReplaceNetworkAclAssociation" in failed["state"]["reason"]
    assert net.of() == own


def test_what_somebody_put_back_by_hand_meanwhile_stays(net: Net) -> None:
    own, _ = net.of()
    experiment = net.cut()
    until(lambda: net.of()[0] != own, what="the clone is associated")
    net.ec2.replace_network_acl_association(AssociationId=net.of()[1], NetworkAclId=own)
    by_hand = net.of()

    net.lab.fis.stop_experiment(id=experiment)
    net.lab.reach(experiment, "stopped")

    assert net.of() == by_hand
    assert net.clones() == []

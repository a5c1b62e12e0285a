"""Actions on networks, and those of services that operate others: Systems Manager, CloudWatch, Recovery Controller."""

from datetime import timedelta

from squall.domain.actions.action import FisAction, choice, json_text, length, text, text_list

SUBNET = "aws:ec2:subnet"
_SCOPES = ("all", "availability-zone", "dynamodb", "prefix-list", "s3", "s3express", "vpc")
_DOCUMENT = (text("documentArn", required=True), text("documentVersion"), json_text("documentParameters"))

NETWORK = (
    FisAction(
        "aws:network:disrupt-connectivity",
        "Cuts the subnets off from what is in the scope",
        permissions=(
            "ec2:CreateNetworkAcl", "ec2:CreateNetworkAclEntry", "ec2:CreateTags", "ec2:DeleteNetworkAcl",
            "ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
            "ec2:GetManagedPrefixListEntries", "ec2:ReplaceNetworkAclAssociation",
        ),
        undo="FIS associates the original network ACL again and deletes its clone",
        state="network ACL of the subnet and its association",
        risk="high",
        resource_type=SUBNET,
        target_key="Subnets",
        parameters=(choice("scope", *_SCOPES), length(), text("prefixListIdentifier")),
        length_parameter="duration",
    ),
    FisAction(
        "aws:network:route-table-disrupt-cross-region-connectivity",
        "Blocks the subnets' traffic to another Region, by route tables of its own",
        permissions=(
            "ec2:AssociateRouteTable", "ec2:CreateManagedPrefixList", "ec2:CreateNetworkInterface", "ec2:CreateRoute",
            "ec2:CreateRouteTable", "ec2:CreateTags", "ec2:DeleteManagedPrefixList", "ec2:DeleteNetworkInterface",
            "ec2:DeleteRouteTable", "ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables",
            "ec2:DescribeSubnets", "ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs", "ec2:DisassociateRouteTable",
            "ec2:GetManagedPrefixListEntries", "ec2:ModifyManagedPrefixList", "ec2:ModifyVpcEndpoint",
            "ec2:ReplaceRouteTableAssociation",
        ),
        undo="FIS associates the original route tables again and deletes its own, with prefix lists and interfaces",
        state="route table of the subnet and its association",
        risk="high",
        resource_type=SUBNET,
        target_key="Subnets",
        parameters=(text("region", required=True), length()),
        length_parameter="duration",
    ),
    FisAction(
        "aws:network:transit-gateway-disrupt-cross-region-connectivity",
        "Blocks the traffic of the transit gateways' peering attachments to another Region",
        permissions=(
            "ec2:AssociateTransitGatewayRouteTable", "ec2:DescribeTransitGatewayAttachments",
            "ec2:DescribeTransitGatewayPeeringAttachments", "ec2:DescribeTransitGateways", "ec2:DisassociateTransitGatewayRouteTable",
        ),
        undo="FIS associates the attachments with their route tables again",
        state="associations of the peering attachments",
        risk="high",
        resource_type="aws:ec2:transit-gateway",
        target_key="TransitGateways",
        parameters=(text("region", required=True), length()),
        length_parameter="duration",
    ),
    FisAction(
        "aws:network:disrupt-vpc-endpoint",
        "Blocks the traffic of interface endpoints, by an empty security group",
        permissions=(
            "ec2:DescribeVpcEndpoints", "ec2:DescribeSecurityGroups", "ec2:ModifyVpcEndpoint", "ec2:CreateSecurityGroup",
            "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:CreateTags", "vpce:AllowMultiRegion",
        ),
        undo="FIS gives the endpoints their security groups back and deletes its own, unless somebody changed either",
        state="security groups of the endpoint",
        risk="high",
        resource_type="aws:ec2:vpc-endpoint",
        target_key="VPCEndpoints",
        parameters=(length(),),
        length_parameter="duration",
    ),
)  # fmt: skip

DIRECT_CONNECT = (
    FisAction(
        "aws:directconnect:virtual-interface-disconnect",
        "Takes the BGP sessions of virtual interfaces down",
        permissions=(
            "directconnect:DescribeVirtualInterfaces", "directconnect:StartBgpFailoverTest",
            "directconnect:ListVirtualInterfaceTestHistory", "directconnect:StopBgpFailoverTest", "tag:GetResources",
        ),
        undo="the sessions come up again",
        state="state of the virtual interface and of its BGP peers",
        risk="high",
        resource_type="aws:directconnect:virtual-interface",
        target_key="VirtualInterfaces",
        parameters=(length(least=timedelta(minutes=10)),),
        length_parameter="duration",
    ),
)  # fmt: skip

RECOVERY = (
    FisAction(
        "aws:arc:start-zonal-autoshift",
        "Shifts the traffic of load balancers and clusters, and new instances of groups, away from a zone",
        permissions=(
            "arc-zonal-shift:StartZonalShift", "arc-zonal-shift:GetManagedResource", "arc-zonal-shift:UpdateZonalShift",
            "arc-zonal-shift:CancelZonalShift", "arc-zonal-shift:ListManagedResources", "autoscaling:DescribeTags", "tag:GetResources",
        ),
        undo="FIS cancels the shift, which also expires by itself within a minute",
        state="zonal shifts of the resource, and the weights of its zones",
        risk="medium",
        resource_type="aws:arc:zonal-shift-managed-resource",
        target_key="ManagedResources",
        parameters=(
            length(),
            text("availabilityZoneIdentifier", required=True),
            text_list("managedResourceTypes", "ASG", "ALB", "NLB", "EKS", required=True),
            choice("zonalAutoshiftStatus", "ENABLED", "DISABLED", "ANY", default="ENABLED"),
        ),
        length_parameter="duration",
    ),
)  # fmt: skip

CLOUDWATCH = (
    FisAction(
        "aws:cloudwatch:assert-alarm-state",
        "Fails unless alarms are in certain states",
        permissions=("cloudwatch:DescribeAlarms",),
        undo="nothing: it changes nothing",
        state="",
        risk="low",
        parameters=(
            text_list("alarmArns", required=True),
            text_list("alarmStates", "OK", "ALARM", "INSUFFICIENT_DATA", required=True),
        ),
        refused="it disturbs nothing: `stop_alarms`, and the policy's `calm`, watch alarms before and during the fault",
    ),
)

SSM = (
    FisAction(
        "aws:ssm:send-command",
        "Runs a Systems Manager document on the instances",
        permissions=("ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand"),
        undo="FIS cancels the command; the document decides what that undoes",
        state="status of the command on each instance",
        risk="high",
        resource_type="aws:ec2:instance",
        target_key="Instances",
        parameters=(*_DOCUMENT, length()),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ssm:start-automation-execution",
        "Runs an Automation document",
        permissions=("ssm:GetAutomationExecution", "ssm:StartAutomationExecution", "ssm:StopAutomationExecution", "iam:PassRole"),
        undo="FIS stops the execution; the document decides what that undoes",
        state="status of the execution",
        risk="high",
        parameters=(*_DOCUMENT, length("maxDuration")),
        length_parameter="maxDuration",
        refused="the document decides what is hit: `custom` runs the documents that the policy lists",
    ),
)

"""The ARNs and names that permissions speak of.

Names that a policy needs are composed, not referenced, where a reference would make the template circular.
"""

from dataclasses import dataclass

from squall.domain.policy.custom_actions import locate_document


@dataclass(frozen=True)
class Names:
    """What the statements of one stack name; each value may be a CDK token."""

    partition: str
    region: str
    account: str
    stack: str
    table_arn: str
    bucket_arn: str
    topic_arn: str
    bus_arn: str
    state_machine_name: str
    abort_function_arn: str
    fis_role_arns: tuple[str, ...]
    fis_actions: tuple[str, ...]
    """The only actions that a FIS template of this stack may contain."""
    kms_key_arn: str | None
    dead_letter_arn: str
    safety_lever: bool = False
    """Whether a halt may engage FIS's safety lever, which stops the experiments of everybody in the account."""
    fis_templates: tuple[str, ...] = ()
    """Ids of the FIS templates made outside Squall that the environments' policies list."""
    rollback_documents: tuple[tuple[str, str], ...] = ()
    """Name or ARN, and version, of the Automation documents that the environments' policies list."""
    rollback_role_arns: tuple[str, ...] = ()
    """The roles that these documents act as."""
    calendar_arns: tuple[str, ...] = ()
    """The Change Calendars that the environments' policies list."""
    pipeline_arns: tuple[str, ...] = ()
    """The CodePipeline pipelines that the environments' policies list."""
    deployment_group_arns: tuple[str, ...] = ()
    """The CodeDeploy deployment groups that the environments' policies list."""
    url_suffix: str = "amazonaws.com"
    """What the names of services end in, in this partition."""
    disturbs_functions: bool = False
    """Whether an environment's policy enables faults on Lambda functions."""
    fis_action_targets: tuple[str, ...] = ()
    """The types of target that FIS actions by id hit, where an environment's policy allows such actions."""
    api_fault_roles: tuple[str, ...] = ()
    """The IAM roles that API faults may hit."""
    sentinel_function_arn: str = ""
    sentinel_in_vpc: bool = False
    chat_topic_arn: str = ""
    """The topic for chats."""
    campaign_machine_name: str = ""
    """The state machine of campaigns."""
    peers: tuple[str, ...] = ()
    """The other Regions whose stacks this one acts with."""
    in_stackset: bool = False
    """Whether a StackSet may make the stack, and those of its peers, and so choose their names."""
    schedule_role_arn: str = ""
    """The role with which Scheduler starts published experiments and campaigns."""

    stack_id: str = ""
    """The ARN of the CloudFormation stack. The name in it is not `stack` where a StackSet made it."""
    in_fleet: bool = False
    """Whether the stack is a member of a fleet."""
    heartbeat_role_arns: tuple[str, ...] = ()
    """At the home of a fleet: the roles in the members with which home writes its heartbeat."""

    collected_role_arns: tuple[str, ...] = ()
    """At the home of a fleet: the roles in the members with which home copies how runs ended."""

    campaign_role_arns: tuple[str, ...] = ()
    """At the home of a fleet: the roles in the members with which home's campaigns run steps there."""

    proof_role_arns: tuple[str, ...] = ()
    """The roles in other stacks by which the environments' policies read proofs."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and Region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def automation_arns(partition: str, region: str, account: str, document: str, version: str) -> list[str]:
    """The ARNs that IAM checks when an Automation starts: of the document, and of the automation-definition that older
    policies name.

    `document` is a name or an ARN. Documents that AWS owns have no account in their ARN.
    """
    located = locate_document(document, partition, region, account)
    owner, name = located.split(":")[4], located.rpartition("/")[2]
    prefix = f"arn:{partition}:ssm:{region}:{owner}"
    return [f"{prefix}:document/{name}", f"{prefix}:automation-definition/{name}:{version}"]
